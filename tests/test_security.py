"""What no source file may contain, and what every download must say beforehand."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(
    path
    for folder in ("detector", "training", "operators", "scripts")
    for path in (ROOT / folder).rglob("*.py")
)
# Call -> keyword that makes it safe (None: never).
FORBIDDEN = {
    "os.system": None, "os.popen": None, "eval": None, "exec": None, "pickle.load": None,
    "pickle.loads": None, "joblib.load": None, "yaml.load": None, "marshal.loads": None,
    "tempfile.mktemp": None, "torch.load": "weights_only", "np.load": "allow_pickle",
    "numpy.load": "allow_pickle",
}  # fmt: skip
#: Pickles between a process and a worker that it started, over a pipe that nobody else has.
OVER_A_PIPE = ("detector/runners/pool_worker.py", "detector/runners/process_pool.py")
SAFE_VALUE = {"weights_only": True, "allow_pickle": False}


def calls(path: Path) -> list[tuple[str, ast.Call]]:
    """(dotted name, call) of every call in a file."""
    return [
        (ast.unparse(node.func), node)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_runs_code_or_a_shell_from_data(path):
    for name, call in calls(path):
        given = {k.arg: getattr(k.value, "value", None) for k in call.keywords}
        where = f"{path.relative_to(ROOT)}:{call.lineno}: {name}"
        assert given.get("shell") is not True, where
        if name.startswith("pickle.load") and str(path.relative_to(ROOT)) in OVER_A_PIPE:
            continue
        if name in FORBIDDEN:
            safe = FORBIDDEN[name]
            assert safe and given.get(safe) is SAFE_VALUE[safe], where
        if name.startswith("subprocess.") and call.args:
            assert not isinstance(call.args[0], ast.Constant | ast.JoinedStr), where


#: What only one module does, so that its checks cannot be gone round. Ends of dotted names.
ONLY_IN = {
    "urlopen": ("detector/weights/download.py",),
    "urlretrieve": (),
    "build_opener": ("detector/weights/download.py",),
    "hf_hub_download": (),
    "snapshot_download": (),
    "from_pretrained": (),
    "download_pretrained": (),
    "get_hf_file_metadata": ("detector/weights/hub_files.py",),
    "basicConfig": ("detector/text/terminal.py",),
    "print": (),
    "to_csv": ("detector/scoring/score_tables.py",),
    "csv.writer": (
        "operators/report/tables.py",
        "operators/demo/corpus_tree.py",
        "operators/demo/collection_layouts.py",
    ),
}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_downloads_terminals_and_cells_have_one_place_each(path):
    file = str(path.relative_to(ROOT))
    if file.startswith("scripts/"):
        return  # run by hand, before the plugin is there
    for name, call in calls(path):
        for end, places in ONLY_IN.items():
            if name == end or name.endswith(f".{end}"):
                assert file in places, f"{file}:{call.lineno}: {name}"


def test_the_check_above_sees_what_it_looks_for(tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text("import os\nos.system('x')\ntorch.load(p, weights_only=False)\n")
    assert [name for name, _ in calls(bad) if name in FORBIDDEN] == ["os.system", "torch.load"]


def test_the_component_never_makes_markup_of_strings():
    text = (ROOT / "dist/index.umd.js").read_text()
    found = re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
        r"|dangerouslySetInnerHTML|javascript:|createContextualFragment|DOMParser",
        text,
    )
    assert not found


def test_downloads_are_https_and_known_by_hash():
    from media_forensics.detector.weights import asset_catalogue
    from media_forensics.detector.weights.known import KNOWN

    for entry in KNOWN.values():
        assert entry.sha256 or entry.state_sha256, entry.name
        if entry.url:
            assert entry.url.startswith("https://") and len(entry.sha256) == 64, entry.name
    for package in asset_catalogue.PACKAGES.values():
        assert re.fullmatch(r"[0-9a-f]{64}", package.sha256), package
