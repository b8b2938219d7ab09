"""Every path that a subcommand of ``media-forensics`` takes keeps to the server's list."""

from __future__ import annotations

import argparse
import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from media_forensics.detector.files.allowed_roots import VARIABLE
from media_forensics.detector.files.cache import cache_dir
from media_forensics.detector.records import CropRecipe
from media_forensics.operators.console import COMMANDS, MERGES, main

pytestmark = pytest.mark.fiftyone
RECIPE = frozenset(CropRecipe.__dataclass_fields__)
#: Path options of each subcommand: their names, and what their file or folder is called here.
PATHS = {
    "list-videos": {"folder": "root", "output": "new.jsonl"},
    "extract": {"videos": "videos", "crops": "crops", "weights": "w", "summary": "s.json",
                "recipe": "r.json"},
    "list-faces": {"videos": "videos", "crops": "crops", "faces": "new.jsonl"},
    "score": {"faces": "faces.jsonl", "scores": "scores", "detector": "d"},
    "merge crops": {"crops": "crops", "shards": "shard", "videos": "videos"},
    "merge scores": {"faces": "faces.jsonl", "scores": "scores", "shards": "shard"},
    "analyze": {"path": "clip.mp4", "detector": "d", "crops": "crops", "face-weights": "w",
                "json": "j.json"},
    "protocol": {"detector": "d", "out": "table"},
    "train": {"run_dir": "run", "manifest": "manifest.jsonl", "backbone": "tower", "set": "tower"},
    "sign": {"folder": "report", "key": "me.key"},
    "verify": {"folder": "report", "key": "me.pub"},
    "weights": {},
}  # fmt: skip
#: Options that take text which no command opens.
NO_PATHS = {
    "list-videos": {"dataset", "view", "format", "pattern"},
    "extract": {"shard", "device", *RECIPE},
    "list-faces": {"recipe_hash"},
    "score": {"shard", "device", "precision"},
    "analyze": {"rule", "device"},
    "protocol": {"datasets", "key", "device"},
    "train": {"recipe", "device"},  # of a named recipe
    "weights": {"names"},
}
SPELLED = {"backbone": "local-dir:{}", "set": "backbone=local-dir:{}"}
REQUIRED = {"score": {"detector"}, "analyze": {"detector"}, "protocol": {"detector"}}
REQUIRED |= {"list-videos": {"folder"}, "train": {"manifest"}, "sign": {"key"}}
FORMS = ("absolute", "~", "relative", "dots", "link")


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each subcommand, as the console makes it."""
    found = {}
    merges = {f"merge {name}": command for name, command in MERGES.items()}
    for name, command in {**COMMANDS, **merges}.items():
        if name != "merge":
            found[name] = argparse.ArgumentParser()
            module = import_module(f"media_forensics.{command.module}")
            getattr(module, command.declare)(found[name])
    return found


def test_every_option_of_every_command_is_known_here():
    assert set(parsers()) == set(PATHS)
    for name, parser in parsers().items():
        texts = {a.dest for a in parser._actions if a.type in (None, str, Path) and a.nargs != 0}
        texts -= {action.dest for action in parser._actions if action.choices}
        known = {option.replace("-", "_") for option in PATHS[name]}
        assert texts - RECIPE == (known | NO_PATHS.get(name, set())) - RECIPE, name


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """An allowed folder and one outside, which hold the same; ``~`` is outside."""
    from PIL import Image

    inside, outside = tmp_path / "in", tmp_path / "out"
    record = {"video_id": "a", "path": "a.mp4", "label": 0, "source_dataset": "s"}
    face = {"video_id": "a", "source_sha256": "", "faces": []}
    for folder in (inside, outside):
        for name in ("root", "d", "tower", "shard"):
            (folder / name).mkdir(parents=True)
        (folder / "videos").write_text(json.dumps(record))
        (folder / "faces.jsonl").write_text('{"format": 1, "recipe_hash": ""}\n' + json.dumps(face))
        for name in ("w", "clip.mp4", "a.mp4"):
            (folder / name).write_bytes(b"x")
        rows = []
        for number in range(8):
            crop = folder / f"{number}.png"
            pixels = np.full((16, 16, 3), number, np.uint8)
            Image.fromarray(pixels).save(crop)
            rows.append(
                {
                    "crop": str(inside / crop.name),
                    "label": number % 2,
                    "video_id": f"v{number}",
                    "frame_number": 0,
                    "group_id": f"g{number // 2}",
                    "split": "train" if number < 4 else "val",
                }
            )
        (folder / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (inside / "away").symlink_to(outside)
    monkeypatch.setenv("MEDIA_FORENSICS_CACHE", str(cache_dir()))  # before HOME changes
    monkeypatch.setenv(VARIABLE, str(inside))
    monkeypatch.setenv("HOME", str(outside))
    monkeypatch.chdir(inside)
    return inside, outside


def files(folder: Path) -> set[Path]:
    """All below ``folder`` but the hidden, which libraries put into a home."""
    return {path for path in folder.rglob("*") if str(path.relative_to(folder))[0] != "."}


CASES = [(command, option) for command, options in PATHS.items() for option in options]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("command", "option"), CASES)
def test_no_option_leads_outside(command, option, form, folders, capfd, caplog):
    inside, outside = folders
    name = PATHS[command][option]
    hostile = {
        "absolute": str(outside / name), "~": f"~/{name}", "relative": f"../out/{name}",
        "dots": f"{inside}/d/../../out/{name}", "link": f"away/{name}",
    }[form]  # fmt: skip
    positional = [a.dest for a in parsers()[command]._actions if not a.option_strings]
    words = command.split()
    for key in dict.fromkeys((*positional, *REQUIRED.get(command, ()), option)):
        value = hostile if key == option else str(inside / PATHS[command][key])
        value = SPELLED.get(key, "{}").format(value)
        words.append(value if key in positional else f"--{key}={value}")
    words += ["--set=batch_size=2"] if command == "train" else []
    before = files(outside)
    status = main(words)
    said = capfd.readouterr().err + caplog.text
    assert status == 2, (words, said)
    assert "outside the folders that this server" in said, words
    assert "Traceback" not in said
    assert files(outside) == before
