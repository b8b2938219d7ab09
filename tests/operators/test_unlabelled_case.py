"""A case without labels, from its files to the report; labels that come later reach its faces."""

from __future__ import annotations

import shutil

import every_screen
import pytest
from media_forensics.operators.dataset import views

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]


def test_a_case_goes_in_and_its_report_comes_out(
    fiftyone_db, operators, tiny_checkpoint, footage, weights_dir, client, tmp_path
):
    root = tmp_path / "case"
    root.mkdir()
    for name in ("single_face.mp4", "no_face.mp4", "carphone_pristine.mp4"):
        shutil.copy(footage[name], root / name)
    done = operators("import_dataset")(
        str(root), name="case", format="tree", pattern="{video}.mp4", dataset_name="case"
    )
    videos = fiftyone_db.load_dataset("case")
    try:
        assert done["counts"] == {"real": 0, "fake": 0, "unknown": 3}
        assert videos.values("ground_truth") == [None] * 3 and videos.distinct("split") == []
        assert len(videos.load_saved_view("unlabelled")) == 3
        every_screen.open_all(videos, client)
        made = operators("extract_faces")(
            videos, count=4, crops_dir=str(tmp_path / "crops"), device="cpu"
        )
        faces = fiftyone_db.load_dataset(made["faces_dataset"])
        assert len(faces) >= 8 and faces.values("ground_truth") == [None] * len(faces)
        every_screen.open_all(faces, client)
        operators("score_faces")(faces, detector=tiny_checkpoint, key="tiny", device="cpu")
        shown = every_screen.open_all(faces, client, ({}, {"key": "tiny"}))
        assert shown["hypersphere"]["state"].get("empty") is None
        every_screen.open_all(videos, client, ({}, {"key": "tiny"}))
        report = operators("export_report")(videos, key="tiny", folder=str(tmp_path / "report"))
        page = (tmp_path / "report" / "report.html").read_text()
        assert "states no error rate" in page and report["folder"]
        manifest = root / "manifest.csv"
        rows = [
            f"{name},{label},{video_id}"
            for name, label, video_id in (
                ("single_face.mp4", "real", "case/single_face"),
                ("carphone_pristine.mp4", "fake", "case/carphone_pristine"),
            )
        ]
        manifest.write_text("\n".join(["path,label,video_id", *rows]))
        again = operators("import_dataset")(
            str(root), name="case", format="manifest", dataset_name="case", update=True
        )
        assert again["differs"]["ground_truth"] == 2
        videos.reload()
        faces.reload()
        for dataset in (videos, faces):
            said = dict(zip(*dataset.values(["video_id", "ground_truth.label"]), strict=True))
            assert said["case/single_face"] == "real"
            assert said["case/carphone_pristine"] == "fake"
    finally:
        faces_of_case = views.faces_of(videos)
        if faces_of_case is not None:
            faces_of_case.delete()
        videos.delete()
