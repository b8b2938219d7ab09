"""On real embeddings: the detector loads and scores, out-of-fold scores can be evaluated."""

from __future__ import annotations

import numpy as np
import pytest
from fiftyone import ViewField as F
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.model.checkpoints import load_detector
from media_forensics.operators.dataset import views
from media_forensics.operators.training import training_records

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]


@pytest.fixture
def retrained(demo_dataset, operators, tmp_path):
    found = operators("retrain_head")(
        demo_dataset, detector="probe", key="new_head", folds=3, runs_dir=str(tmp_path)
    )
    yield found
    videos = views.videos_of(demo_dataset)
    for dataset in (demo_dataset, videos):
        names = [n for n in dataset.get_field_schema() if n.startswith("new_head")]
        dataset.delete_sample_fields(names)
        for name in ("scores_new_head_oof", "training_new_head", "evaluation_new_head_oof"):
            if dataset.has_run(name):
                dataset.delete_run(name)


def test_head_scores_and_record(retrained, demo_dataset, operators):
    used = demo_dataset.match((F("split") != "test") & (F("subject") != False))  # noqa: E712
    assert retrained["faces"] == len(used)
    scored = demo_dataset.match(F("new_head_oof_p_fake") != None)  # noqa: E711
    assert set(scored.values("id")) == set(used.values("id"))
    assert "test" not in scored.distinct("split")

    model = load_detector(retrained["checkpoint"], device="cpu")
    base = load_detector(demo_dataset.get_run_info("scores_probe").config.detector, device="cpu")
    vectors = np.stack(used.values("probe_embedding"))
    margins = vectors @ (model.head.weight[1] - model.head.weight[0]).detach().numpy()
    label = np.array(used.values("ground_truth.label")) == "fake"
    assert margins[label].mean() > margins[~label].mean()
    assert model.backbone.sha256 == base.backbone.sha256 and model.normalize

    run = training_records.training_run(demo_dataset, "new_head")
    assert run.status == "completed" and run.best["auroc"] == retrained["best"]["auroc"]
    rows = operators("evaluate_detector")(
        used, key="new_head_oof", replicates=50, write_evaluations=False
    )["rows"]
    videos = next(r for r in rows if (r["level"], r["method"]) == ("video", "all"))
    assert videos["auroc"]["value"] == pytest.approx(retrained["best"]["auroc"])


def test_it_can_be_compared_and_fitted_anew(retrained, demo_dataset, operators, tmp_path):
    found = operators("compare_runs")(
        demo_dataset, keys=["probe", "new_head"], replicates=50, save_views=False
    )
    assert found["videos"] > 0 and found["rows"][1]["key"] == "new_head"
    again = operators("retrain_head")(
        demo_dataset, detector="probe", key="new_head", folds=3, runs_dir=str(tmp_path)
    )
    assert again["best"] == retrained["best"]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"detector": "nobody"}, "nobody_embedding"),
        ({"detector": "probe", "key": "probe"}, "training run already"),
        ({"detector": "probe", "folds": 1}, "too few"),
        ({"detector": "probe", "folds": 999}, "fewer than 999 folds"),
    ],
)
def test_wrong_input_writes_nothing(demo_dataset, operators, params, words, tmp_path):
    before = set(demo_dataset.list_runs())
    with pytest.raises(ForensicsError, match=words):
        operators("retrain_head")(demo_dataset, **{"runs_dir": str(tmp_path), **params})
    assert set(demo_dataset.list_runs()) == before and not list(tmp_path.iterdir())
