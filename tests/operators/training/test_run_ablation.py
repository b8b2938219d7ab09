"""The operator on real faces: runs on the dataset, figure, record; a second call does nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.model.known_towers import SMALL
from media_forensics.operators.training import training_records

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]


@pytest.fixture
def removed(demo_dataset):
    yield
    for name in demo_dataset.list_runs():
        if "small_" in name or name == "ablation_small":
            demo_dataset.delete_run(name)


def test_one_cell_and_again(demo_dataset, operators, tmp_path, removed):
    given = {
        "name": "small",
        "recipes": ["linear_probe"],
        "backbone": SMALL,
        "seeds": [3],
        "settings": {"epochs": 2, "batch_size": 8, "augmentation": "none"},
        "runs_dir": str(tmp_path),
    }
    found = operators("run_ablation")(demo_dataset, **given)
    assert (found["done"], found["of"], found["failed"]) == (1, 1, {})
    assert found["runs"] == ["small_linear_probe_s3"] and Path(found["figure"]).is_file()
    run = training_records.training_run(demo_dataset, "small_linear_probe_s3")
    assert run.status == "completed" and run.config["seed"] == 3
    assert found["rows"][0]["aurocs"] == [run.best["auroc"]]
    record = demo_dataset.get_run_info("ablation_small").config
    assert record.manifest_sha256 == run.manifest_sha256 and record.done == 1
    stored = demo_dataset.load_run_results("ablation_small")
    assert stored.table == found["table"]

    before = (run.folder / "result.json").stat().st_mtime_ns
    again = operators("run_ablation")(demo_dataset, **given)
    assert again["rows"] == found["rows"]
    assert (run.folder / "result.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"name": "Not a name"}, "cannot name an ablation"),
        ({"recipes": ["magic"]}, "magic"),
        ({"seeds": []}, "cannot be used"),
        ({"settings": {"epoch": 3}}, "epochs"),
        ({"validation": "nowhere"}, "no saved view"),
    ],
)
def test_wrong_input_writes_nothing(demo_dataset, operators, params, words, tmp_path):
    before = set(demo_dataset.list_runs())
    with pytest.raises(ForensicsError, match=words) as error:
        operators("run_ablation")(
            demo_dataset, **{"runs_dir": str(tmp_path), "backbone": SMALL, **params}
        )
    assert error.value.hint
    assert set(demo_dataset.list_runs()) == before and not list(tmp_path.iterdir())
