"""A dataset whose names are an attack: imported, shown and saved as plain names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from media_forensics.operators.app.form import Form
from media_forensics.operators.importing import import_form
from media_forensics.operators.importing.import_dataset import run

pytestmark = pytest.mark.fiftyone

ATTACK = "<img src=x onerror=alert(1)>"
METHODS = (ATTACK, "!!!", "Deep Fakes", "deep-fakes", "Deep.Fakes", "![](x)", "$where", "ﷺ" * 40)


@pytest.fixture
def root(tmp_path, clip) -> Path:
    """``{label}/{method}/{video}.mp4``, one file a method, and an empty one with a tag as name."""
    top = tmp_path / "set"
    for label, methods in (("real", ["original"]), ("fake", METHODS)):
        for method in methods:
            folder = top / label / method
            folder.mkdir(parents=True)
            (folder / f"{ATTACK} {len(method)} {ord(method[0])}.mp4").write_bytes(clip)
    (top / "fake" / ATTACK / f"{ATTACK}.mp4").write_bytes(b"")
    return top


@pytest.fixture(scope="module")
def clip() -> bytes:
    """A real mp4 of two frames."""
    import io

    import av
    import numpy as np

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        image = np.zeros((48, 64, 3), dtype=np.uint8)
        frames = [av.VideoFrame.from_ndarray(image, format="rgb24") for _ in range(2)]
        for frame in [*frames, None]:
            container.mux(stream.encode(frame))
    return buffer.getvalue()


def test_the_form_shows_the_names_and_no_tag(root, fiftyone_db):
    params = {"root": str(root), "format": "tree", "pattern": "{label}/{method}/{video}.mp4"}
    form = Form(SimpleNamespace(params=params, dataset=None), run)
    import_form.fill(form)
    texts = [
        str(prop.default or prop.type.default)
        for prop in form.inputs.properties.values()
        if "Markdown" in json.dumps(prop.to_json())
    ]
    shown = [text for text in texts if "onerror" in text]
    assert shown, "the empty file is named among the problems"
    assert not any("<img" in text for text in shown)


def test_every_name_is_imported_and_its_view_holds_its_videos(root, fiftyone_db):
    name = "hostile names"
    try:
        done = run(str(root), name=name, format="tree", pattern="{label}/{method}/{video}.mp4")
        assert done["counts"] == {"real": 1, "fake": len(METHODS) + 1}  # and the empty file
        dataset = fiftyone_db.load_dataset(name)
        methods = set(dataset.distinct("method")) - {"original"}
        assert methods == set(METHODS)
        shown = [v for v in dataset.list_saved_views() if v.startswith("method ")]
        held = [dataset.load_saved_view(view).distinct("method") for view in shown]
        assert sorted(held) == sorted([method] for method in methods)
        again = run(str(root), name=name, format="tree", pattern="{label}/{method}/{video}.mp4")
        assert again["added"] == 0
        assert [v for v in dataset.list_saved_views() if v.startswith("method ")] == shown
    finally:
        if fiftyone_db.dataset_exists(name):
            fiftyone_db.delete_dataset(name)
        shutil.rmtree(root)


@pytest.mark.parametrize("column", ["$where", "a.b", "_id", "a b", "frames", "ﷺ", "<b>", "tags"])
def test_a_column_that_cannot_be_a_field_is_said_before_anything_is_written(
    column, tmp_path, clip, fiftyone_db
):
    from media_forensics.detector.errors import ForensicsError

    (tmp_path / "a.mp4").write_bytes(clip)
    (tmp_path / "manifest.csv").write_text(f"path,label,{column}\na.mp4,real,1\n")
    name = "hostile column"
    try:
        done = run(str(tmp_path), name=name, metadata=False)
        assert fiftyone_db.load_dataset(name).values(column) == ["1"]
        assert done["added"] == 1
    except ForensicsError as error:
        assert column in str(error)
        assert not fiftyone_db.dataset_exists(name)
    finally:
        if fiftyone_db.dataset_exists(name):
            fiftyone_db.delete_dataset(name)
