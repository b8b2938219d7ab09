"""What the folder of a run keeps, apart from training."""

from __future__ import annotations

import json

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.files import outputs
from media_forensics.detector.files.atomic import replacing
from media_forensics.training import runs


@pytest.fixture
def run(tiny_config, make_manifest, tmp_path):
    recipe = {"name": "gend-1.3-256"}
    return runs.prepare(tmp_path / "r", tiny_config(), make_manifest(), recipe, "abc", key="mine")


def test_preparing_again_keeps_what_is_not_given(run):
    before = run.read("run")
    again = runs.prepare(run.path, run.config, run.manifest)
    assert again.read("run") == before
    assert before["key"] == "mine"
    assert before["crop_recipe_hash"] == "abc"
    assert run.status == {"status": "prepared"}


def test_a_preparation_that_was_cut_off_is_continued(run):
    (run.path / "run.json").unlink()
    runs.prepare(run.path, run.config, run.manifest)
    assert run.read("run")["key"] == "r"


def test_what_a_killed_write_left_is_no_other_content(run, tmp_path):
    """At the rename of any of its files: the folder holds a temporary one and no run."""
    for name in ("config.json", "manifest.jsonl", "run.json"):
        folder = tmp_path / name
        cut = replacing(folder / name)
        cut.__enter__().write_bytes(b"{")  # and never left
        assert [path.name for path in folder.iterdir()] != [name]
        assert outputs.claim_folder(folder, "folder") == folder
        assert runs.prepare(folder, run.config, run.manifest).config == run.config
        other = tmp_path / f"other {name}"
        other.mkdir()
        (other / f".{name}.tmp").touch()
        with pytest.raises(ForensicsError, match="holds no training run"):
            runs.prepare(other, run.config, run.manifest)
        with pytest.raises(ForensicsError, match="not empty"):
            outputs.claim_folder(other, "folder")


def test_preparing_takes_back_a_request_to_stop(run):
    run.stop_file.touch()
    runs.prepare(run.path, run.config, run.manifest)
    assert not run.stop_file.exists()


def test_metrics_survive_a_half_written_line_and_rewind(run):
    for step in range(1, 5):
        run.append({"kind": "step", "epoch": (step - 1) // 2, "step": step})
        if step % 2 == 0:
            run.append({"kind": "epoch", "epoch": (step - 1) // 2, "step": step})
    with (run.path / "metrics.jsonl").open("a") as stream:
        stream.write('{"kind": "st')
    assert len(run.metrics()) == 6
    run.rewind_metrics(step=4, epoch=1)  # the second epoch's end is to be done again
    assert [(r["kind"], r["step"]) for r in run.metrics()] == [
        ("step", 1),
        ("step", 2),
        ("epoch", 2),
        ("step", 3),
        ("step", 4),
    ]
    run.rewind_metrics(step=1, epoch=0)
    assert [r["step"] for r in run.metrics()] == [1]


def test_nan_never_reaches_the_metrics(run):
    with pytest.raises(ValueError, match="JSON compliant"):
        run.append({"kind": "step", "step": 1, "total": float("nan")})


@pytest.mark.parametrize("name", ["config", "run"])
def test_a_damaged_folder_says_which_file(run, name):
    config, manifest = run.config, run.manifest
    (run.path / f"{name}.json").write_text("{")
    with pytest.raises(ForensicsError, match=f"{name}.json cannot be read"):
        runs.prepare(run.path, config, manifest)


def test_a_state_with_objects_in_it_is_not_opened(run):
    import pickle

    import torch

    class Evil:
        def __reduce__(self):
            return print, ("run",)

    torch.save({"ids": Evil()}, run.path / "state.pt", pickle_module=pickle)
    with pytest.raises(ForensicsError, match="cannot be resumed"):
        run.load_state()


def test_code_sha256_is_stable_and_json_is_plain(run):
    assert runs.code_sha256() == runs.code_sha256()
    facts = runs.environment("cpu", 1)
    assert json.loads(json.dumps(facts)) == facts
    assert facts["packages"]["torch"]
