"""Forms and calls name a missing package or device in place of failing inside."""

from __future__ import annotations

import sys

import pytest
from media_forensics.detector.errors import ForensicsError

HEAVY = (
    *("extract_faces", "score_faces", "train_detector", "explain_faces", "analyze_file"),
    *("probe_robustness", "run_protocol", "retrain_head", "run_ablation"),
)


@pytest.fixture
def context(fiftyone_db):
    from fiftyone.operators.executor import ExecutionContext

    dataset = fiftyone_db.Dataset()
    yield ExecutionContext({"dataset_name": dataset.name, "params": {}})
    dataset.delete()


@pytest.mark.parametrize("name", HEAVY)
def test_without_timm_the_form_and_the_call_say_so(name, operators, context, monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    form = operators(name).resolve_input(context).to_json()["type"]["properties"]
    (shown,) = form.values()
    assert shown["invalid"] and "needs the package timm" in shown["error_message"]
    assert "fiftyone plugins requirements" in shown["error_message"]
    with pytest.raises(ForensicsError, match="needs the package timm"):
        operators(name)(context.dataset)
    with pytest.raises(ForensicsError, match="needs the package timm"):
        operators(name).execute(context)


def test_the_demo_needs_a_decoder(operators, context, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    (shown,) = (
        operators("create_demo").resolve_input(context).to_json()["type"]["properties"].values()
    )
    assert "needs the package av" in shown["error_message"]


def test_umap_and_onnx_are_named_at_their_fields(demo_dataset, operators, monkeypatch):
    from fiftyone.operators.executor import ExecutionContext

    monkeypatch.setitem(sys.modules, "umap", None)
    params = {"key": "probe", "umap": True}
    context = ExecutionContext({"dataset_name": demo_dataset.name, "params": params})
    form = operators("map_embeddings").resolve_input(context).to_json()["type"]["properties"]
    assert form["umap"]["invalid"] and "pip install 'umap-learn" in form["umap"]["error_message"]
    with pytest.raises(ForensicsError, match="umap-learn"):
        operators("map_embeddings")(demo_dataset, key="probe", parts=["umap"])


@pytest.mark.parametrize(
    "name",
    [
        *("train_detector", "run_ablation", "score_faces", "explain_faces", "probe_robustness"),
        *("analyze_file", "extract_faces"),
    ],
)
def test_the_form_says_which_device_is_used(demo_dataset, operators, name):
    from fiftyone.operators.executor import ExecutionContext
    from media_forensics.detector import device as device_of

    device_of.found()
    on_videos = name == "extract_faces"
    about = demo_dataset.info["media_forensics"]
    dataset_name = about["video_dataset"] if on_videos else demo_dataset.name
    for device, words in (("auto", "auto: "), ("gpu", "There is no device 'gpu'")):
        params = {"device": device, "more": True} | ({} if on_videos else {"key": "new"})
        context = ExecutionContext({"dataset_name": dataset_name, "params": params})
        form = operators(name).resolve_input(context).to_json()["type"]["properties"]
        shown = form["device"]
        text = shown["error_message"] if shown["invalid"] else shown["view"]["description"]
        assert words in text
