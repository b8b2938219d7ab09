"""The forms of training, as the App resolves them: what they say and what they refuse."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from fiftyone import ViewField as F
from media_forensics.detector.model.known_towers import REFERENCE, SMALL
from media_forensics.detector.model.tower_files import is_here

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]


@pytest.fixture
def form(demo_dataset, operators):
    """Function: (operator, view, params) -> properties of its resolved form."""
    from fiftyone.operators.executor import ExecutionContext

    def resolve(name: str, view=None, **params) -> dict:
        view = demo_dataset.view() if view is None else view
        request = {
            "dataset_name": demo_dataset.name,
            "view": view._serialize(),
            "params": {"backbone": SMALL, **params, "view_target": "CURRENT_VIEW"},
        }
        context = ExecutionContext(request, operator_uri=operators(name).uri)
        return operators(name).resolve_input(context).to_json()["type"]["properties"]

    return resolve


def words(properties: dict, name: str) -> str:
    view = properties[name]["view"]
    return f"{view.get('label') or ''} {view.get('description') or ''}"


def test_training_shows_what_the_view_holds(form, demo_dataset):
    found = form("train_detector", epochs=2, batch_size=8)
    text = words(found, "contents")
    train = demo_dataset.match(F("split") == "train")
    reals = len(train.match(F("ground_truth.label") == "real"))
    assert f"Training: {reals} real" in text and "have their real" in text
    assert "By method:" in text and "test split, never trained on" in text
    assert "steps" in words(found, "cost")
    assert not any(p.get("invalid") for p in found.values())


def test_training_refuses_at_the_field(form, demo_dataset):
    assert form("train_detector", batch_size=100_000)["batch_size"]["invalid"]
    assert form("train_detector", key="Not a key")["key"]["invalid"]
    assert form("train_detector", epochs=0)["epochs"]["invalid"]
    nowhere = form("train_detector", batch_size=8, device="cuda:99")["device"]
    assert nowhere["invalid"] and "is not available" in nowhere["error_message"]
    for count in (0, 10_000):
        wrong = form("train_detector", batch_size=8, device="cpu", processes=count)["processes"]
        assert wrong["invalid"] and "processes" in wrong["error_message"]
    only_test = form("train_detector", view=demo_dataset.match(F("split") == "test"))
    assert "never trained on" in words(only_test, "input_error")


def test_a_long_run_is_announced(form):
    from media_forensics.operators.training import train_detector
    from media_forensics.training import budget

    config = train_detector.config_of("ln", SMALL)
    if budget.known(config) is None:
        budget.measure(config)
    found = form("train_detector", recipe="ln", epochs=100_000, batch_size=8)
    assert "days on this machine (measured)" in words(found, "cost")
    assert "Schedule" in words(found, "cost")


def test_the_other_forms_resolve(form):
    assert {"detector", "key", "c", "folds"} <= set(form("retrain_head"))
    ablation = form("run_ablation")
    assert {"name", "recipes", "seed_count", "contents"} <= set(ablation)
    assert form("manage_runs")["action"]["default"] == "list"
    assert "table" in form("manage_runs", action="list")
    assert {"format", "folder", "key"} <= set(form("manage_runs", action="export"))
    assert "none" in form("manage_runs", action="stop")
    compare = form("compare_runs")
    assert "too_few" in compare or {"keys", "baseline", "fpr"} <= set(compare)


def test_what_a_form_gives_is_what_run_takes():
    import inspect

    from media_forensics.operators.training import run_ablation, train_detector, training_form

    given = training_form.params_of(
        {
            "key": "x",
            "recipe": "ln",
            "epochs": 2,
            "batch_size": None,
            "hard_tag": "hard:high_loss",
            "hard_weight": 3,
            "validation": "groups",
            "background": True,
            "device": "cpu",
            "processes": 2,
        }
    )
    assert (given["device"], given["processes"]) == ("cpu", 2)
    assert given["settings"] == {"epochs": 2} and given["tag_weights"] == {"hard:high_loss": 3.0}
    assert set(given) <= set(inspect.signature(train_detector.run).parameters)
    given = run_ablation._params({"name": "a", "recipes": ["ln"], "seed_count": 2, "epochs": 1})
    assert given["seeds"] == [0, 1] and given["settings"] == {"epochs": 1}
    assert set(given) <= set(inspect.signature(run_ablation.run).parameters)


def test_a_long_run_in_the_form_is_refused_before_a_job_starts(demo_dataset, monkeypatch):
    from media_forensics.operators.jobs import job as jobs
    from media_forensics.operators.training import train_detector
    from media_forensics.training import budget

    config = train_detector.config_of("ln", SMALL)
    if budget.known(config) is None:
        budget.measure(config)
    operator = train_detector.TrainDetector()
    monkeypatch.setattr(jobs, "start", lambda *_: pytest.fail("a job was started"))
    monkeypatch.setattr(operator, "target", lambda _: demo_dataset.view())
    ops = SimpleNamespace(set_progress=lambda **_: None)
    params = {"key": "long", "recipe": "ln", "epochs": 100_000, "batch_size": 8, "backbone": SMALL}
    context = SimpleNamespace(params=params, delegated=False, ops=ops, dataset=demo_dataset)
    with pytest.raises(ValueError, match="measured"):
        list(operator.execute(context))


def test_bad_arguments_are_refused_at_their_name(demo_dataset, operators, tmp_path):
    from media_forensics.detector.errors import ForensicsError

    (tmp_path / "file").write_text("not a folder")
    train = operators("train_detector")
    for field, given in (
        ("key", {"key": None}),
        ("settings", {"settings": [("epochs", 1)]}),
        ("tag_weights", {"tag_weights": "hard:high_loss"}),
        ("tag_weights", {"tag_weights": {"hard:high_loss": "3"}}),
        ("validation_fraction", {"validation": "groups", "validation_fraction": "half"}),
        ("epochs", {"settings": {"epochs": "3"}}),
        ("device", {"device": "gpu"}),
        ("processes", {"processes": 0}),
        ("runs_dir", {"runs_dir": str(tmp_path / "file"), "settings": {"batch_size": 8}}),
    ):
        with pytest.raises(ForensicsError) as error:
            train(demo_dataset, **{"key": "refused", "device": "cpu", "backbone": SMALL, **given})
        assert error.value.field == field, given
    assert not demo_dataset.has_run("training_refused")


def test_faces_without_a_verdict_are_left_out_and_counted(demo_dataset):
    from media_forensics.operators.training import training_manifest

    clone = demo_dataset.clone()
    try:
        train = clone.match(F("split") == "train")
        some = train.limit(3).values("id")
        clone.select(some[0]).set_field("ground_truth", None).save()
        clone.select(some[1:]).set_field("ground_truth.label", "unsure").save()
        found = training_manifest.read(clone)
        assert found.left_out["neither real nor fake by its ground truth"] == 3
        assert len(found.manifest) == len(training_manifest.read(demo_dataset).manifest) - 3
    finally:
        clone.delete()


def test_the_papers_tower_is_the_default_and_no_other_takes_its_place(
    form, demo_dataset, operators, monkeypatch, tmp_path
):
    """Where its weights are not here, form and call say so at once; nothing is read or written."""
    from media_forensics.detector.errors import ForensicsError
    from media_forensics.operators.training import training_manifest

    assert form("train_detector")["backbone"]["default"] == REFERENCE
    if is_here(REFERENCE):
        pytest.skip(f"the weights of {REFERENCE} are on this machine")
    shown = form("train_detector", backbone=None)["backbone"]
    assert shown["invalid"] and SMALL in shown["error_message"]
    monkeypatch.setattr(training_manifest, "read", lambda *_, **__: pytest.fail("it was read"))
    for name, more in (("train_detector", {"key": "papers"}), ("run_ablation", {"name": "papers"})):
        with pytest.raises(ForensicsError, match="not on this machine") as error:
            operators(name)(demo_dataset, runs_dir=str(tmp_path), **more)
        assert error.value.field == "backbone" and f"backbone={SMALL!r}" in error.value.hint
    assert not demo_dataset.has_run("training_papers") and not list(tmp_path.rglob("*.json"))
