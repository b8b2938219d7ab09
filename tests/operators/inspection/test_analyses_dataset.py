"""The faces of analyzed files are a dataset like any other, without labels."""

from __future__ import annotations

import every_screen
import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.dataset import fields

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]
NAME = "analyses-of-a-case"


@pytest.fixture(scope="module")
def analyses(fiftyone_db, operators, tiny_checkpoint, footage, weights_dir, tmp_path_factory):
    """Two analyzed clips of real people, the first one twice."""
    crops = str(tmp_path_factory.mktemp("crops"))
    clips = [footage[name] for name in ("single_face.mp4", "single_face.jpg", "single_face.mp4")]
    found = [
        operators("analyze_file")(
            str(clip), detector=tiny_checkpoint, count=6, dataset=NAME, crops_dir=crops
        )
        for clip in clips
    ]
    dataset = fiftyone_db.load_dataset(NAME)
    yield dataset, found
    dataset.delete()


def test_scores_stand_under_a_key_with_their_provenance(analyses, tiny_checkpoint):
    dataset, found = analyses
    (key,) = fields.detector_keys(dataset)
    names = fields.ScoreFields(key)
    config = fields.scores_config(dataset, key)
    first = found[-1]["files"][0]
    assert config.checkpoint_sha256 == first["detector_sha256"]
    assert config.detector == tiny_checkpoint
    assert dataset.values(names.p_fake) == pytest.approx(dataset.values("p_fake"), abs=1e-6)
    assert all(vector is not None for vector in dataset.values(names.embedding))
    assert dataset.distinct("ground_truth.label") == []
    one = dataset.match({"file_path": first["path"]})
    assert len(one) == 6, "analyzed twice, kept once"
    assert one.distinct(names.video_p_fake) == pytest.approx([first["score"]], abs=1e-6)


def test_every_screen_opens_on_it(analyses, client):
    dataset, _ = analyses
    (key,) = fields.detector_keys(dataset)
    shown = every_screen.open_all(dataset, client, ({}, {"key": key}))
    assert shown["hypersphere"]["state"].get("empty") is None
    from media_forensics.operators.panels.timeline.timeline import TimelinePanel

    panel = client(TimelinePanel(), dataset)
    panel.selected = [dataset.first().id]
    panel.send("on_load")
    assert panel.state["empty"] is None and panel.data["plot"]


def test_report_heatmaps_and_words_on_it(analyses, operators, tmp_path):
    dataset, _ = analyses
    (key,) = fields.detector_keys(dataset)
    operators("export_report")(dataset, key=key, folder=str(tmp_path / "r"))
    assert "states no error rate" in (tmp_path / "r" / "report.html").read_text()
    done = operators("explain_faces")(dataset, key=key, limit=2, device="cpu")
    assert done["explained"] == 2
    with pytest.raises(ForensicsError, match="Nothing here has a ground truth"):
        operators("evaluate_detector")(dataset, key=key)
