"""``~`` and relative paths: absolute once, before they are used, stored, queued or handed on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.files.cache import cache_dir
from media_forensics.detector.records import CropRecipe, VideoRecord
from media_forensics.operators.dataset import fields
from media_forensics.operators.jobs import job as jobs
from media_forensics.operators.jobs.path_arguments import absolute
from path_cases import NO_PATH, PATHS, arguments, folders, kind_of, run_of, samples

pytestmark = pytest.mark.fiftyone
__all__ = ["folders", "samples"]  # fixtures
CASES = [(operator, argument) for operator, names in PATHS.items() for argument in names]


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """``~``, and the working folder beside it."""
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("MEDIA_FORENSICS_CACHE", str(cache_dir()))  # before HOME changes
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home"


@pytest.mark.parametrize(("operator", "argument"), CASES)
def test_an_argument_is_handed_on_absolute(operator, argument, home):
    run = run_of(operator)
    names = run.path_arguments + run.detector_arguments
    assert argument in names, "declare it with @with_paths"
    several = isinstance(PATHS[operator][argument], list)
    for text, wanted in {
        "~/x": home / "x",
        "data/../x/y": home.parent / "work/x/y",
        "./~/x": home.parent / "work/~/x",
    }.items():
        value = absolute(run, {argument: [text] if several else text, "other": text})
        got = value[argument][0] if several else value[argument]
        if argument in ("detector", "second") and not text.startswith("~"):
            assert got == text  # not there: it may be a name
            wanted.parent.mkdir(parents=True, exist_ok=True)
            wanted.touch()
            Path("data").mkdir(exist_ok=True)
            got = absolute(run, {argument: text})[argument]
        assert got == str(wanted) and value["other"] == text


def test_every_path_argument_that_is_declared_is_tried_here():
    declared = {
        (operator, name)
        for operator in PATHS
        for name in run_of(operator).path_arguments + run_of(operator).detector_arguments
    }
    assert declared - set(CASES) <= {("train_detector", "backbone"), ("run_ablation", "backbone")}
    assert not set(NO_PATH) & declared


@pytest.mark.parametrize(("operator", "argument"), CASES)
@pytest.mark.parametrize("form", ["~", "relative", "dots", "link"])
def test_no_way_to_write_a_path_leads_outside(
    operator, argument, form, folders, samples, monkeypatch
):
    monkeypatch.setenv("HOME", str(folders.outside))
    monkeypatch.chdir(folders.inside)
    (folders.inside / "away").symlink_to(folders.outside)
    name = Path("".join(PATHS[operator][argument]).format(out="")).name or "x"
    (folders.outside / name).touch()  # a detector is a path only where something is
    value = {
        "~": f"~/{name}", "relative": f"../out/{name}",
        "dots": f"{folders.inside}/a/../../out/{name}", "link": f"away/{name}",
    }[form]  # fmt: skip
    given = arguments(operator, argument, value, folders.inside)
    kind = kind_of(operator)
    first = [samples(kind, folders.inside)] if kind else []
    with pytest.raises(ForensicsError, match="outside the folders") as error:
        run_of(operator)(*first, **given)
    assert error.value.field == argument
    assert [p.name for p in folders.outside.iterdir()] == [name]


def test_a_job_is_told_absolute_paths(home, monkeypatch):
    told = []
    monkeypatch.setattr(jobs, "_launch", told.append)
    jobs.start("create_demo", None, {"root": "~/demo", "seed": 1})
    assert told[0]["params"] == {"root": str(home / "demo"), "seed": 1}


# ----------------------------------------------------------------------------- the whole way
@pytest.mark.weights
def test_relative_folders_hold_when_the_working_folder_changes(
    fiftyone_db, operators, footage, weights_dir, tiny_checkpoint, home, monkeypatch
):
    record = VideoRecord("x/a", str(footage["single_face.mp4"]), 0, "x")
    videos = fiftyone_db.Dataset()
    fields.declare_common_fields(videos)
    videos.add_sample(fiftyone_db.Sample(filepath=record.path, **fields.record_fields(record)))
    fields.set_description(videos, kind="videos")
    shutil.copytree(tiny_checkpoint, "model")
    recipe = CropRecipe(count=2, max_side=320)
    done = operators("extract_faces")(videos, recipe=recipe, crops_dir="~/crops")
    faces = fiftyone_db.load_dataset(done["faces_dataset"])
    try:
        assert all(Path(path).is_file() for path in faces.values("filepath"))
        assert fields.describe(faces)["crops"] == str(home / "crops") and not Path("~").exists()
        scored = operators("score_faces")(
            faces, detector="model", key="tiny", embeddings="files", embeddings_dir="vectors"
        )
        assert scored["scored"] == 2
        monkeypatch.chdir(home)
        assert operators("contact_sheet")(faces)["sheets"][0]["path"].startswith(str(home))
        assert operators("contact_sheet")(faces, output_dir="sheets")["sheets"][0]["usable"] == 2
        assert (home / "sheets").is_dir()
        operators("contact_sheet")(faces, output_dir="sheets")  # its own are written again
        again = operators("score_faces")(
            faces, detector=str(home.parent / "work/model"), key="tiny"
        )
        assert (again["scored"], again["already"]) == (0, 2)
        shown = operators("explain_faces")(faces, key="tiny")  # finds the checkpoint
        assert shown["explained"] == 2
        from media_forensics.operators.embeddings import embedding_files

        assert len(embedding_files.shards_of(faces, "tiny_embedding") or ()) == 2
        operators("export_scores")(faces, key="tiny", path="out.csv")
        with pytest.raises(ForensicsError, match="exists"):
            operators("export_scores")(faces, key="tiny", path="~/out.csv")
        operators("export_scores")(faces, key="tiny", path="~/out.csv", overwrite=True)
        assert any((home / "crops").iterdir())
    finally:
        for dataset in (videos, faces):
            fiftyone_db.delete_dataset(dataset.name)
