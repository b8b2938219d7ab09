"""One rule for which threshold applies: operators without a number, their forms, the sphere."""

from __future__ import annotations

import base64
import inspect
import sys

import every_screen
import fiftyone.operators as foo
import numpy as np
import pytest
from fiftyone import ViewField as F
from media_forensics.detector.audit.threshold import Chosen, Stored, Threshold
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.app.markup import plain
from media_forensics.operators.inspection.robustness_table import table
from media_forensics.operators.panels.sphere.hypersphere import Hypersphere
from media_forensics.operators.panels.sphere.payload import CALL_SHIFT
from media_forensics.operators.thresholds.applied import applied

pytestmark = pytest.mark.fiftyone
KEY = {"key": "det"}
FORMS = (
    ("find_hard_examples", KEY),
    ("explain_faces", {**KEY, "only": "errors"}),
    ("probe_robustness", KEY),
    ("evaluate_detector", {**KEY, "calibrated": False}),
)


def ours():
    return [op for op in foo.list_operators(type="operator") if op.uri.startswith("@mediafor")]


@pytest.fixture
def calibrated(faces_of, operators):
    """Faces, and the threshold that was chosen on those of the dataset ``alpha``."""
    faces = faces_of(400, embeddings=4).dataset
    view = faces.match({"source_dataset": "alpha"})
    found = operators("calibrate_threshold")(view, key="det", target_fpr=0.05, level="face")
    assert found["threshold"] != 0.5
    return faces, found["threshold"]


def test_no_operator_has_a_number_as_the_default_of_its_threshold(fiftyone_db):
    found = {}
    for op in ours():
        run = getattr(sys.modules[type(op).__module__], "run", None)
        argument = inspect.signature(run).parameters.get("threshold") if run else None
        if argument is not None:
            found[op.name] = argument.default
    assert {name for name, _ in FORMS} <= set(found)
    assert set(found.values()) == {None}


def test_the_calibrated_one_applies_and_a_number_wins(calibrated, operators):
    faces, value = calibrated
    done = operators("find_hard_examples")(faces, key="det", queues=["false_positive"], limit=999)
    queue = done["false_positive"]
    assert queue["threshold"] == pytest.approx(value) and "alpha" in queue["threshold_from"]
    assert "optimistic" not in queue["threshold_from"], "a queue shows no rates"
    assert "optimistic" in applied(faces.view(), "det").provenance, "its faces chose the threshold"
    above = faces.match({"ground_truth.label": "real", "det_p_fake": {"$gte": value}})
    assert set(faces.load_saved_view(queue["view"]).values("det_rank_false_positive"))
    assert len(faces.load_saved_view(queue["view"])) <= len(above)
    info = next(v for v in faces._doc.saved_views if v.name == queue["view"])
    assert queue["threshold_from"] in info.description
    given = operators("find_hard_examples")(
        faces, key="det", queues=["false_positive"], threshold=0.3
    )["false_positive"]
    assert given["threshold"] == 0.3 and given["threshold_from"].startswith("given")
    for number, source in ((None, "calibration"), (0.3, "hand"), (0.5, "fixed")):
        assert applied(faces.view(), "det", number).source == source
    with pytest.raises(ForensicsError, match="outside"):
        applied(faces.view(), "det", 1.5)
    groups = faces.match({"source_dataset": "alpha"}).distinct("group_id")
    elsewhere = applied(faces.match(~F("group_id").is_in(groups)), "det")
    assert "optimistic" not in elsewhere.provenance
    assert plain(f"({elsewhere.provenance})") in table([], elsewhere, {})


def test_one_of_videos_is_doubted_for_faces():
    of_videos = Chosen(Threshold(0.7, "calibration", "chosen on 30 real videos"), level="video")
    stored = Stored(calibration=of_videos)
    assert not stored.judging(level="face").honest
    assert "faces are judged" in stored.judging(level="face").provenance
    assert stored.judging(level="video") == stored.judging() == of_videos.threshold


@pytest.mark.parametrize(("name", "params"), FORMS)
def test_each_form_says_the_usual_one_and_its_origin(calibrated, name, params):
    faces, value = calibrated
    op = foo.get_operator(f"@mediaforensics/deepfake/{name}")

    def form(**more):
        return every_screen.form_of(op, faces, {**params, **more})["type"]["properties"]

    field = form()["threshold"]
    assert field.get("default") is None
    assert f"empty: {value:g}, chosen" in field["view"]["description"]
    refused = form(threshold=1.5)["threshold"]
    assert refused["invalid"] and "outside" in refused["error_message"]
    faces.match({"source_dataset": "alpha"}).limit(5).set_values("det_p_fake", [0.5] * 5)
    text = form()["threshold"]["view"]["description"]
    assert "empty: 0.5," in text and "is no longer valid" in text


def test_the_sphere_calls_faces_at_the_calibrated_one(calibrated, client):
    faces, value = calibrated
    one = client(Hypersphere(), faces)
    one.send("on_load")
    data = one.data["panel"]
    codes = np.frombuffer(base64.b64decode(data["sphere"]["code"]), np.uint8)
    scores = np.array([p for p in faces.values("det_p_fake") if p is not None])
    assert int((codes >> CALL_SHIFT & 1).sum()) == int((scores >= value).sum())
    assert f"Threshold {value:.3g}: chosen" in data["note"]
