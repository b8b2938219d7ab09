"""The command ``media-forensics``: help without a network library, one sentence for a mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from media_forensics.detector.files import packages
from media_forensics.operators.console import COMMANDS, MERGES, main

ROOT = Path(__file__).resolve().parents[1]
NAMED = ("extract", "score", "merge", "analyze", "protocol", "train", "weights", "sign", "verify")
HEAVY = ("torch", "torchvision", "open_clip", "timm", "sklearn", "fiftyone", "ray", "facexlib")
HELP = """
import json, sys
from media_forensics.operators.console import main
words = json.loads(sys.argv[1])
try:
    status = main(words)
except SystemExit as end:
    status = end.code
print(json.dumps([status, [name for name in json.loads(sys.argv[2]) if name in sys.modules]]))
"""


def console(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "media_forensics.operators.console", *words],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "_mount"),
            "OMP_NUM_THREADS": "1",
            **variables,
        },
    )


def test_the_promised_commands_are_there():
    assert set(NAMED) <= set(COMMANDS)


@pytest.mark.parametrize(
    "words", [[], *([name] for name in COMMANDS), *(["merge", n] for n in MERGES)]
)
def test_help_imports_no_network_library(words):
    done = subprocess.run(
        [sys.executable, "-c", HELP, json.dumps([*words, "--help"]), json.dumps(HEAVY)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "_mount")},
    )
    assert done.returncode == 0, done.stderr
    *text, found = done.stdout.splitlines()
    assert json.loads(found) == [0, []]
    assert text[0].startswith(" ".join(["usage: media-forensics", *words]))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "a command is missing"),
        (["exract"], "did you mean 'extract'?"),
        (["merge"], "there are crops, scores"),
        (["extract"], "the following arguments are required: videos, crops"),
        (["extract", "no.jsonl", "crops", "--sharp"], "unrecognized arguments: --sharp"),
        (["extract", "no.jsonl", "crops"], "no.jsonl"),
        (["score", "no.jsonl", "scores", "--detector", "d"], "no.jsonl"),
        (["merge", "crops", "all", "no-such-shard"], "no-such-shard"),
        (["analyze", "no.mp4", "--detector", "d"], "no.mp4 is not there"),
        (["analyze", ".", "--detector", "d", "--count", "0"], "count is 0"),
        (["protocol", "--detector", "d", "--protocol", "p"], "invalid choice: 'p'"),
        (["train", "run"], "is not a training run"),
        (["train", "run", "--recipe", "ln"], "keeps its settings"),
        (["train", "run", "--manifest", "no.jsonl", "--recipe", "no"], "no training recipe 'no'"),
        (["train", "run", "--manifest", "no.jsonl", "--set", "epochs"], "is not a setting"),
        (["sign", "no", "--key", "me.key"], "There is no folder"),
        (["verify", "no"], "was moved, renamed or deleted"),
        (["verify", ".", "--key", "no.pub"], "The public key"),
        (["weights", "nothing"], "There are no weights 'nothing'"),
    ],
    ids=" ".join,
)
def test_a_mistake_is_one_sentence_and_status_2(words, says, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    import logging

    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    try:
        status = main(words)
    except SystemExit as end:
        status = end.code
    said = capfd.readouterr().err
    assert status == 2, said
    assert says in said and "Traceback" not in said
    assert len(said.splitlines()) == 1, said


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("media-forensics 0.")


def test_weights_are_listed(capsys):
    assert main(["weights"]) == 0
    assert "retinaface_mobile0.25" in capsys.readouterr().out


@pytest.mark.weights
def test_from_videos_to_merged_crops(footage, weights_dir, tmp_path):
    from media_forensics.detector.records import VideoRecord
    from media_forensics.detector.runners.video_list import write_video_list

    keys = ("single_face.mp4", "carphone_pristine.mp4")
    records = [
        VideoRecord(video_id=f"v/{key}", path=str(footage[key]), label=0, source_dataset="v")
        for key in keys
    ]
    videos = str(tmp_path / "videos.jsonl")
    write_video_list(videos, records)
    fast = ["--count", "2", "--max-side", "320", "--device", "cpu"]
    for shard in (0, 1):
        done = console(
            "extract", videos, str(tmp_path / f"s{shard}"), "--shard", f"{shard}/2", *fast
        )
        assert done.returncode == 0, done.stderr
    merged = [str(tmp_path / name) for name in ("all", "s0", "s1")]
    done = console("merge", "crops", *merged, "--videos", videos)
    assert done.returncode == 0, done.stderr
    faces = str(tmp_path / "faces.jsonl")
    done = console("list-faces", videos, merged[0], faces)
    assert done.returncode == 0, done.stderr
    assert "faces of 2 videos" in done.stderr


@pytest.mark.weights
def test_train_resume_score_and_analyze(footage, weights_dir, tmp_path):
    import numpy as np
    from media_forensics.training.manifest import Manifest, ManifestRow
    from PIL import Image

    rng, rows = np.random.default_rng(0), []
    for number in range(4):
        for label in (0, 1):
            path = tmp_path / "crops" / f"{number}_{label}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(path)
            rows.append(
                ManifestRow(
                    crop=str(path),
                    label=label,
                    video_id=f"v/{number}/{label}",
                    frame_number=0,
                    pair_id=f"v/{number}/0" if label else None,
                    group_id=f"g{number}",
                    split="train" if number < 2 else "val",
                    method="swap" if label else "original",
                    recipe_hash="r",
                )
            )
    Manifest(rows).save(tmp_path / "manifest.jsonl")
    settings = ["--set", "epochs=1", "--set", "batch_size=2", "--set", 'augmentation="none"']
    run = str(tmp_path / "run")
    done = console(
        "train",
        run,
        "--manifest",
        str(tmp_path / "manifest.jsonl"),
        "--recipe",
        "linear_probe",
        "--backbone",
        "vit-s14-dinov2-saliency",
        "--device",
        "cpu",
        *settings,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "completed"
    assert "step" in done.stderr and "Traceback" not in done.stderr
    again = console("train", run)
    assert again.returncode == 0 and json.loads(again.stdout) == json.loads(done.stdout)

    checkpoint = f"{run}/checkpoints/best"
    done = console(
        "analyze",
        str(footage["single_face.mp4"]),
        "--detector",
        checkpoint,
        "--count",
        "4",
        "--device",
        "cpu",
        "--crops",
        str(tmp_path / "faces"),
        "--json",
        str(tmp_path / "found.json"),
    )
    assert done.returncode == 0, done.stderr
    assert "frames show a usable face" in done.stdout
    (found,) = json.loads((tmp_path / "found.json").read_text())["analyses"]
    assert found["verdict"] in ("fake", "real", "abstain") and found["frames_tried"] == 4


@pytest.mark.parametrize("name", [*COMMANDS, *MERGES])
def test_a_command_names_a_missing_package_before_its_own_imports_do(name, monkeypatch, capsys):
    there, command = packages._is_there, (COMMANDS | MERGES)[name]
    for part in command.needs:
        module = packages.PARTS[part].modules[-1]
        monkeypatch.setattr(packages, "_is_there", lambda m, gone=module: m != gone and there(m))
        words = ["merge", name] if name in MERGES else [name]
        assert main([*words, "--help"]) == 2
        assert "not installed. Run: " in capsys.readouterr().err
