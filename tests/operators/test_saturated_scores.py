"""Whatever ranks does so by margin: every public consumer of scores whose p_fake is 1 throughout.

The oracle is scikit-learn on margins in 64 bits. A second test reads the sources: what ranks is
called with nothing that is named a probability.
"""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from media_forensics.detector.audit.columns import numbers
from scipy.special import log_expit, logsumexp
from sklearn.metrics import average_precision_score, roc_auc_score

ROOT = Path(__file__).resolve().parents[2]
VIDEOS, FACES = 40, 4
WORDS = "Ranked by probability; "


@pytest.fixture(scope="module")
def faces(fiftyone_db, operators, tmp_path_factory):
    """160 faces of 40 videos, with imported logits around 45 of the detectors sat and two."""
    fo, rng = fiftyone_db, np.random.default_rng(5)
    dataset = fo.Dataset()
    dataset.info["media_forensics"] = {"kind": "faces"}
    dataset.save()
    samples = []
    for video in range(VIDEOS):
        fake = video % 2
        for frame in range(FACES):
            samples.append(
                fo.Sample(
                    filepath=f"/nowhere/v{video:02}/{frame}.png",
                    video_id=f"A/v{video:02}",
                    group_id=f"g{video // 2}",
                    pair_id=f"A/v{video - 1:02}" if fake else None,
                    frame_number=frame + 1,
                    track=0,
                    source_dataset="A" if video < 24 else "B",
                    method="swap" if fake else "original",
                    compression="",
                    split="test",
                    split_source="official",
                    ground_truth=fo.Classification(label="fake" if fake else "real"),
                )
            )
    dataset.add_samples(samples)
    folder = tmp_path_factory.mktemp("saturated")
    for key, gain in (("sat", 2.5), ("two", 1.0)):
        y = np.repeat(np.arange(VIDEOS) % 2, FACES)
        logit = 45 + np.repeat(rng.normal(0, 1, VIDEOS), FACES) + gain * y
        logit += rng.normal(0, 0.4, len(y))
        rows = "\n".join(
            f"{i},{v!r}" for i, v in zip(dataset.values("id"), logit.tolist(), strict=True)
        )
        table = folder / f"{key}.csv"
        table.write_text(f"sample_id,logit\n{rows}\n")
        operators("import_scores")(dataset, key=key, path=str(table), scale="logit")
    dataset.reload()
    assert dataset.distinct("sat_p_fake") == [1.0]
    yield dataset
    dataset.delete()


def truth(dataset, key="sat"):
    """Labels and margins of the faces, and of the videos by SciPy."""
    y, m, video = dataset.values(["ground_truth.label", f"{key}_margin", "video_id"])
    y, m, video = np.array(y) == "fake", np.array(m), np.array(video)
    names, first = np.unique(video, return_index=True)
    of = [logsumexp(log_expit(m[video == v])) - logsumexp(log_expit(-m[video == v])) for v in names]
    return (y, m), (y[first], np.array(of))


def test_evaluation_comparison_and_fiftyones_own_panel(faces, operators):
    found = operators("evaluate_detector")(faces, key="sat", compare_with="two")
    of_level = dict(zip(("face", "video"), truth(faces), strict=True))
    for row in found["rows"]:
        if row["source_dataset"] == row["method"] == row["split"] == "all":
            y, margin = of_level[row["level"]]
            assert row["auroc"]["value"] == pytest.approx(roc_auc_score(y, margin), abs=1e-12)
            assert row["ap_fake"]["value"] == pytest.approx(average_precision_score(y, margin))
            assert row["ap_real"]["value"] == pytest.approx(average_precision_score(~y, -margin))
            assert row["eer"] < 0.3 and row["tpr_at_fpr"]["0.05"] > 0.2
            assert row["auroc"]["low"] > 0.7 and row["auroc_worst_case"] > 0.8
    assert WORDS not in found["table"]
    y, other = truth(faces, "two")[1]
    paired = found["comparison"]["paired"]
    assert paired["b"] == pytest.approx(roc_auc_score(y, other), abs=1e-12)
    assert paired["a"] == pytest.approx(roc_auc_score(*of_level["video"]), abs=1e-12)
    assert paired["low"] < paired["difference"] < paired["high"]
    for level, name in (("face", "eval_sat_faces"), ("video", "eval_sat_videos")):
        metrics = faces.load_evaluation_results(name).custom_metrics
        auroc = next(m["value"] for uri, m in metrics.items() if uri.endswith("auroc"))
        assert auroc == pytest.approx(roc_auc_score(*of_level[level]), abs=1e-12)


@pytest.mark.parametrize("level", ["face", "person", "video"])
def test_audit(faces, level):
    from media_forensics.operators.panels.audit.study import study_of

    study = study_of(faces, {"key": "sat", "level": level})
    y, margin = truth(faces)[0 if level == "face" else 1]
    assert study.table.area is not None and study.curve is not None
    assert study.table.area.value == pytest.approx(roc_auc_score(y, margin), abs=1e-12)
    assert study.pairs is not None and study.pairs.above.any() and WORDS not in study.doubt


@pytest.mark.parametrize("rule", ["median", "max", "top_k", "worst_person"])
def test_every_rule_for_videos(faces, rule):
    from media_forensics.detector.scoring.aggregate import video_margin
    from media_forensics.operators.dataset.video_scores import compute_video_scores

    found = compute_video_scores(faces, "sat", rule)
    assert set(found.of_video.values()) == {1.0} and len(set(found.margins.values())) == VIDEOS
    video, margin = faces.values(["video_id", "sat_margin"])
    for name, value in found.margins.items():
        mine = [m for v, m in zip(video, margin, strict=True) if v == name]
        assert value == video_margin(mine, "mean" if rule == "worst_person" else rule)


def test_queues_runs_protocol_and_report(faces, operators):
    from media_forensics.detector.metrics.protocols import Benchmark, Protocol, protocol_named
    from media_forensics.operators.dataset import stored_runs
    from media_forensics.operators.evaluation import protocol_rows

    y, margin = truth(faces)[1]
    auroc = roc_auc_score(y, margin)
    runs = operators("compare_runs")(faces, keys=["sat", "two"], scores="stored")
    assert runs["rows"][0]["auroc"] == pytest.approx(auroc, abs=1e-12)
    assert runs["rows"][0]["fpr"] <= 0.05 and runs["rows"][0]["fnr"] < 0.9
    stored_runs.change(faces, "scores_sat", trained_on_recipe=None)  # as 'Score faces' notes it
    plan: Protocol = protocol_named("yermakov2025")
    row = protocol_rows.row(plan, Benchmark("A", "A"), [(faces, faces.view())], ("sat", "x"))
    assert row["auroc"]["value"] == pytest.approx(auroc, abs=1e-12)
    operators("find_hard_examples")(faces, key="sat", queues=["false_positive", "high_loss"])
    faces.reload()
    for queue in ("false_positive", "high_loss"):
        ranked = faces.exists(f"sat_rank_{queue}").match({"source_dataset": "A"})
        ranked = ranked.match({"ground_truth.label": "real"}).sort_by(f"sat_rank_{queue}")
        assert (np.diff(numbers(ranked.values("sat_margin"))) <= 0).all() and len(ranked) > 4


def test_timeline_and_robustness(faces):
    import fiftyone as fo
    from media_forensics.detector.audit.threshold import UNCHOSEN
    from media_forensics.operators.dataset import face_columns
    from media_forensics.operators.inspection.robustness_table import curves
    from media_forensics.operators.panels.person_scores import driving, timeline_of

    source = face_columns.source_of(faces)
    best = faces.match({"video_id": "A/v03"}).sort_by("sat_margin", reverse=True).values("id")
    found = driving(timeline_of(source, "A/v03", "sat", UNCHOSEN))
    assert [row[2] for row in found] == best[:3]
    y, margin = truth(faces)[0]
    after = margin - np.random.default_rng(0).normal(1, 1, len(margin))
    faces.add_sample_field("sat_delta_blur_10", fo.FloatField)
    faces.add_sample_field("sat_margin_blur_10", fo.FloatField)
    faces.set_values("sat_delta_blur_10", [0.0] * len(y))
    faces.set_values("sat_margin_blur_10", after.tolist())
    rows = curves(faces.view(), "sat", [["blur_10"]], 0.5)
    here = np.array(faces.values("source_dataset")) == "A"
    found = {r["perturbation"]: r["auroc"]["value"] for r in rows if r["source_dataset"] == "A"}
    assert found["none"] == pytest.approx(roc_auc_score(y[here], margin[here]), abs=1e-12)
    assert found["blur_10"] == pytest.approx(roc_auc_score(y[here], after[here]), abs=1e-12)


def test_a_calibrated_threshold_that_nothing_reaches(faces, operators):
    done = operators("calibrate_threshold")(faces, key="sat", method="platt")
    assert done["threshold"] > 1 and "no score reaches it" in done["table"]
    found = operators("evaluate_detector")(faces, key="sat", threshold="calibrated")
    assert "no score reaches it" in found["threshold_from"]
    row = found["rows"][0]
    assert row["fpr"]["value"] == 0 and row["fnr"]["value"] == 1 and row["auroc"]["value"] > 0.8
    faces.reload()
    y, margin = truth(faces)[1]
    calibrated = dict(zip(*faces.values(["video_id", "sat_calibrated"]), strict=True))
    assert len(set(calibrated.values())) == VIDEOS
    order = [calibrated[name] for name in sorted(calibrated)]
    assert roc_auc_score(y, order) == pytest.approx(roc_auc_score(y, margin), abs=1e-12)


def test_scores_without_margins_say_what_they_are_ranked_by(faces, operators):
    """Last: as version 0.3 left imported logits, with nothing but their sigmoid."""
    from media_forensics.operators.panels.audit.study import study_of

    faces.delete_sample_field("sat_margin")
    found = operators("evaluate_detector")(faces, key="sat")
    assert f"Faces: {WORDS}160 ties at 1.0." in found["table"]
    assert f"Videos: {WORDS}40 ties at 1.0." in found["table"]
    assert found["rows"][0]["auroc"]["value"] == 0.5
    assert f"{WORDS}40 ties at 1.0." in study_of(faces, {"key": "sat", "level": "video"}).doubt


#: Functions whose second argument orders rows. What follows a name here must be a rank.
RANKING = {
    *("roc_auc", "average_precision", "equal_error_rate", "tpr_at_fpr", "bootstrap_interval"),
    *("paired_difference", "clustered_interval", "argsort", "lexsort"),
}
#: (module, function): where p_fake is the right argument, and why.
ON_P_FAKE = {
    ("detector/audit/threshold.py", "_oracle"): "its threshold is applied to p_fake",
    ("detector/audit/compare.py", "changed"): "differences of p_fake, then of margins",
}


def test_nothing_ranks_by_a_probability():
    found = set()
    for room in ("detector/audit", "detector/queues", "operators", "training"):
        for path in sorted((ROOT / room).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            for function in ast.walk(ast.parse(path.read_text())):
                if not isinstance(function, ast.FunctionDef):
                    continue
                for call in ast.walk(function):
                    if isinstance(call, ast.Call) and _name(call.func) in RANKING:
                        given = ast.unparse(call)
                        if "p_fake" in given or "prob" in given:
                            found.add((name, function.name))
    assert found == set(ON_P_FAKE)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
