"""Every screen follows one detector; its threshold is the same number wherever it is shown."""

from __future__ import annotations

import json

import every_screen
import pytest
from media_forensics.detector.audit import threshold as thresholds
from media_forensics.operators.app.current_detector import choose, current
from media_forensics.operators.dataset import fields
from media_forensics.operators.panels.audit.error_audit import ErrorAudit
from media_forensics.operators.panels.sphere.hypersphere import Hypersphere
from media_forensics.operators.panels.timeline.timeline import TimelinePanel
from media_forensics.operators.thresholds.stored_thresholds import stored_of

pytestmark = pytest.mark.fiftyone
FORMS = ("evaluate_detector", "export_report", "explain_faces", "find_hard_examples")


@pytest.fixture
def two(fiftyone_db, faces_of):
    """Faces with the scores of ``det`` and, later, of ``two``."""
    import fiftyone as fo

    faces = faces_of(240, embeddings=4).dataset
    names, first = fields.ScoreFields("two"), fields.ScoreFields("det")
    for field, kind in ((names.p_fake, fo.FloatField), (names.embedding, fo.VectorField)):
        faces.add_sample_field(field, kind)
    faces.set_values(
        names.p_fake, [None if p is None else 1 - p for p in faces.values("det_p_fake")]
    )
    faces.set_values(names.embedding, faces.values(first.embedding))
    config = fields.scores_config(faces, "det").serialize()
    config = {k: v for k, v in config.items() if k not in ("cls", "type", "method", "key")}
    run = faces.init_run(method=fields.SCORES_METHOD, key="two", **config)
    faces.register_run(names.run, run)
    return faces


def shown_by(dataset, client) -> dict[str, str]:
    """The detector of each screen when it is opened."""
    panels = {}
    for panel in (ErrorAudit, Hypersphere, TimelinePanel):
        one = client(panel(), dataset)
        one.selected = [dataset.first().id]
        one.send("on_load")
        panels[panel.__name__] = one.state["choice"]["key"]
    import fiftyone.operators as foo

    for name in FORMS:
        op = foo.get_operator(f"@mediaforensics/deepfake/{name}")
        form = every_screen.form_of(op, dataset, {})["type"]["properties"]
        panels[name] = form["key"]["default"]
    return panels


def test_all_screens_follow_what_was_scored_last_until_one_is_chosen(two, client):
    assert current(two) == "two" and set(shown_by(two, client).values()) == {"two"}
    audit = client(ErrorAudit(), two)
    audit.send("on_load")
    audit.send("on_set", name="key", value="det")
    two.reload()
    assert current(two) == "det" and set(shown_by(two, client).values()) == {"det"}
    assert audit.state["choice"]["key"] == "det"
    sphere = client(Hypersphere(), two)
    sphere.send("on_load")
    sphere.send("on_set", name="key", value="two")
    two.reload()
    assert set(shown_by(two, client).values()) == {"two"}
    assert choose(two, "two") is None, "nothing has changed"


def test_the_tiles_follow_unless_a_person_has_arranged_them(two):
    import fiftyone as fo

    for key in ("det", "two"):
        two.add_sample_field(key, fo.EmbeddedDocumentField, embedded_doc_type=fo.Classification)
    choose(two, "two")
    assert choose(two, "det") == ["ground_truth", "det"]
    assert list(two.app_config.active_fields.paths) == ["ground_truth", "det"]
    two.app_config.active_fields = fo.ActiveFields(exclude=False, paths=["split"])
    two.save()
    assert choose(two, "two") is None
    assert list(two.app_config.active_fields.paths) == ["split"]


def test_a_checkpoint_s_own_threshold_is_the_same_on_every_screen(two, client, operators, tmp_path):
    record = {
        "threshold": 0.632,
        "level": "video",
        "rule": "mean",
        "date": "2026-11-01",
        "n_real": 100,
        "target_fpr": 0.05,
        "source_datasets": ["elsewhere"],
        "checkpoint_sha256": "c" * 64,
    }
    (tmp_path / "detector.json").write_text(json.dumps({"calibration": record}))
    from media_forensics.operators.dataset import stored_runs

    stored_runs.change(two, "scores_two", detector=str(tmp_path), checkpoint_sha256="c" * 64)
    found = stored_of(two, "two")
    assert found.default == thresholds.CHECKPOINT and found.for_one.value == 0.632
    assert found.for_one.honest
    audit, timeline = client(ErrorAudit(), two), client(TimelinePanel(), two)
    audit.send("on_load")
    timeline.selected = [two.first().id]
    timeline.send("on_load")
    evaluated = operators("evaluate_detector")(
        two, key="two", replicates=20, write_evaluations=False
    )
    folder = tmp_path / "report"
    operators("export_report")(two, key="two", folder=str(folder))
    report = json.loads((folder / "report.json").read_text())
    values = {
        audit.data["header"]["threshold"]["value"],
        timeline.state["view"]["threshold"],
        evaluated["threshold"],
        report["threshold"]["value"],
    }
    assert values == {0.632}
    assert "100 real videos of elsewhere" in evaluated["threshold_from"]
    record["source_datasets"] = ["beta"]
    (tmp_path / "detector.json").write_text(json.dumps({"calibration": record}))
    doubted = stored_of(two, "two").for_one
    assert not doubted.honest and "beta" in doubted.provenance


def test_a_face_has_one_frame_number_wherever_it_is_shown(two, operators, tmp_path):
    folder = tmp_path / "report"
    operators("export_report")(two, key="two", folder=str(folder), examples=2)
    report = json.loads((folder / "report.json").read_text())
    assert report["examples"]
    for example in report["examples"]:
        rows = two.match({"video_id": example["video_id"], "two_p_fake": example["p_fake"]})
        assert rows.values("frame_number") == [example["frame_number"]]
