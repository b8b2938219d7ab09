"""The guide is walked through page by page; every call, command and link of the docs exists."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest
from guide_walk import blocks, commands, first_audit, run, walk
from media_forensics.operators.console import COMMANDS, MERGES
from media_forensics.operators.operator_list import module_of

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs/guide").glob("*.md"))]
PAGES += [ROOT / "docs/security.md", ROOT / "docs/robustness.md", ROOT / "docs/scale.md"]
PAGES += [ROOT / "docs" / name for name in ("faces.md", "runners.md", "speed.md")]
PAGES += sorted((ROOT / "skills").glob("*/SKILL.md"))
TO_ALL = {"delegate", "progress", "should_stop"}


def operator_calls(code: str) -> list[tuple[str, list[str], int]]:
    """(operator, keyword arguments, positional ones) of every ``mf.name(...)``."""
    found = []
    for node in ast.walk(ast.parse(textwrap.dedent(code))):
        function = node.func if isinstance(node, ast.Call) else None
        if isinstance(function, ast.Attribute) and ast.unparse(function.value) == "mf":
            found.append((function.attr, [k.arg for k in node.keywords], len(node.args)))
    return found


@pytest.mark.fiftyone
def test_every_call_of_the_guide_has_its_arguments(fiftyone_db):
    seen = set()
    for page in PAGES:
        for code in blocks(page, "python"):
            for name, keywords, positional in operator_calls(code):
                run = import_module(f"media_forensics.operators.{module_of(name)}").run
                parameters = inspect.signature(run).parameters
                open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
                unknown = set(keywords) - set(parameters) - TO_ALL
                if open_ended:
                    from media_forensics.operators.importers.contract import ImportOptions

                    unknown -= set(ImportOptions.__dataclass_fields__)
                assert not unknown, f"{page.name}: {name} has no {sorted(unknown)}"
                assert positional == 1, f"{page.name}: {name}"
                seen.add(name)
    assert len(seen) >= 9


def test_there_are_five_pages_and_each_has_something_to_do():
    pages = sorted((ROOT / "docs/guide").glob("*.md"))
    assert [page.name[0] for page in pages] == list("12345")
    assert all(blocks(page, "python") for page in pages)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_links_lead_somewhere(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    for block in blocks(page, ""):
        for target in re.findall(r"^make ([a-z]+)", block, flags=re.M):
            assert target in targets, target
        for module in re.findall(r"python -m (media_forensics[\w.]+)", block):
            assert importlib.util.find_spec(module), module
        for words in re.findall(r"^(?:exec )?media-forensics (.*)", block, flags=re.M):
            first, second, *_ = [*words.split(), ""]
            assert first in COMMANDS and (first != "merge" or second in MERGES), words
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text()):
        assert (page.parent / link).exists(), f"{page.name}: {link}"


@pytest.fixture(scope="module")
def guide(demo_dataset, fiftyone_db):
    """Copies of the demo's videos and of two faces of each, ``guide`` and ``guide-faces``."""
    from media_forensics.operators.dataset import fields, views

    before = set(fiftyone_db.list_datasets())
    videos = views.videos_of(demo_dataset).clone("guide")
    faces = demo_dataset.clone("guide-faces")
    seen = Counter()
    more = []
    for sample_id, video_id in zip(*faces.values(["id", "video_id"]), strict=True):
        seen[video_id] += 1
        more += [sample_id] * (seen[video_id] > 2)
    faces.delete_samples(more)
    fields.set_description(videos, faces_dataset=faces.name)
    fields.set_description(faces, video_dataset=videos.name)
    yield faces
    for name in set(fiftyone_db.list_datasets()) - before:
        fiftyone_db.delete_dataset(name)


HERE = {'"demo-faces"': '"guide-faces"'}


@pytest.mark.fiftyone
@pytest.mark.weights
def test_page_1_ends_with_a_table(guide, capsys):
    app = 'fo.launch_app(faces, spaces=faces.load_workspace("Audit"))'
    _, rest = first_audit({app: "pass", "/tmp/demo_corpus": "made before"})
    given = {"faces": guide}
    import media_forensics as mf
    from fiftyone import ViewField as F

    run(rest, "page 1", {**given, "F": F, "mf": mf})
    assert "AUROC" in capsys.readouterr().out
    assert guide.has_evaluation("eval_probe_faces")


@pytest.mark.fiftyone
@pytest.mark.weights
def test_page_2_imports_a_known_dataset_and_your_own(guide, fiftyone_db, tmp_path):
    from media_forensics.operators.dataset import views

    clips = views.videos_of(guide).match_tags("nobody", bool=False)
    corpus = Path(clips.first().filepath)
    while not (corpus / "manipulated_sequences").exists():
        corpus = corpus.parent
    own = tmp_path / "mine"
    for label in ("real", "fake"):
        clip = next(v for v in clips if v.ground_truth.label == label)
        (own / label / "some").mkdir(parents=True)
        shutil.copy(clip.filepath, own / label / "some" / "clip.mp4")
    small = {
        "/data/FaceForensics++": str(corpus),
        "/data/mine": str(own),
        'load_dataset("ffpp"), count=32': 'load_dataset("ffpp").limit(2), count=2',
    }
    names = walk("2-your-dataset.md", small)
    assert "FaceForensics++" in str(names["report"])
    mine = fiftyone_db.load_dataset("mine")
    assert sorted(mine.values("ground_truth.label")) == ["fake", "real"]
    assert len(names["faces"]) == 4 and "faces" in names["done"]["table"]


@pytest.mark.fiftyone
@pytest.mark.weights
def test_page_3_writes_a_report(guide, tmp_path):
    names = walk("3-read-the-audit.md", {**HERE, "/tmp/report": str(tmp_path / "report")})
    assert "probe" in names["result"]["run"]
    assert (tmp_path / "report/report.html").stat().st_size > 10_000
    assert "hard_probe_high_loss" in guide.list_saved_views()


@pytest.mark.fiftyone
@pytest.mark.weights
def test_page_4_tunes_and_compares(guide):
    small = {
        **HERE,
        'settings={"epochs": 6}': 'backbone="vit-s14-dinov2-saliency", '
        'settings={"epochs": 1, "batch_size": 8, "frames_per_video": 1}',
        "target_fpr=0.05": "target_fpr=0.5",  # two real videos to calibrate on
    }
    walk("4-train-and-compare.md", small)
    guide.reload()
    assert None not in guide.values("ln_tuned_p_fake")
    assert {"training_ln_tuned", "calibration_ln_tuned"} <= set(guide.list_runs())


@pytest.mark.fiftyone
@pytest.mark.weights
def test_page_5_shards(guide, tmp_path):
    from media_forensics.operators.dataset import views

    videos = views.videos_of(guide)
    videos.save_view("few", videos.limit(6))
    crops = tmp_path / "crops"
    small = {
        "--dataset ffpp videos.jsonl": f"--dataset guide --view few {tmp_path}/videos.jsonl",
        "extract videos.jsonl /shared/crops": f"extract {tmp_path}/videos.jsonl {crops}",
        "--count 32 --workers 8": "--count 2 --workers 0 --device cpu",
    }
    path = str(ROOT / "_mount")
    for command in commands("5-scale-out.md", small):
        environment = {**os.environ, "PYTHONPATH": path}
        subprocess.run([sys.executable, *command], check=True, env=environment)
    made = {file for file in crops.rglob("*.png")}
    assert made
    small = {
        'fo.load_dataset("ffpp"), count=32': 'fo.load_dataset("guide").load_saved_view("few"), '
        "count=2",
        "/shared/crops": str(crops),
        '"ffpp-faces"': '"guide-faces"',
        'detector="ln_tuned", key="ln_tuned"': 'detector="probe", key="sharded"',
    }
    walk("5-scale-out.md", small)
    assert made < set(crops.rglob("*.png"))
    guide.reload()
    assert 0 < len(guide.exists("sharded_p_fake")) < len(guide)
