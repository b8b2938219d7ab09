"""The operator: form, from Python, as the App runs it, delegated."""

from __future__ import annotations

import shutil

import pytest
from media_forensics.detector.errors import ForensicsError

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]
URI = "@mediaforensics/deepfake/create_demo"


@pytest.fixture
def operator(fiftyone_db, weights_dir, footage):
    import fiftyone.operators as foo

    return foo.get_operator(URI)


@pytest.fixture
def few_clips(monkeypatch):
    """Two real clips that are swapped: what the operator does is the same, but quick."""
    from media_forensics.operators.demo import clips, corpus

    few = tuple(clip for clip in clips.CLIPS if clip.number in (12, 16))
    monkeypatch.setattr(clips, "CLIPS", few)
    monkeypatch.setattr(corpus, "CLIPS", few)


def form(operator, params):
    from fiftyone.operators.executor import ExecutionContext

    ctx = ExecutionContext({"params": params}, operator_uri=URI)
    return operator.resolve_input(ctx).to_json()["type"]["properties"]


def test_declares_what_the_app_needs(operator):
    config = operator.config
    assert config.label and config.description and config.risk_level is not None
    assert config.allow_delegated_execution and config.execute_as_generator

    class Context:
        params = {"root": "/data/demo"}

    assert "/data/demo" in operator.resolve_run_name(Context())


def test_form(operator, tmp_path):
    shown = form(operator, {"root": str(tmp_path / "new")})
    assert {"root", "small", "compression", "npm", "plan"} <= set(shown)
    assert not shown["root"]["invalid"] and not (tmp_path / "new").exists()
    assert "real people" in shown["plan"]["view"]["description"]


@pytest.mark.parametrize("root", ["", "taken"])
def test_form_shows_a_bad_folder_at_its_field(operator, tmp_path, root):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.tex").write_text("x")
    shown = form(operator, {"root": str(tmp_path / root) if root else ""})
    assert shown["root"]["invalid"] and shown["root"]["error_message"]


def test_from_python(operator, few_clips, tmp_path):
    steps = []
    found = operator(
        tmp_path / "c", compressions=["c40"], progress=lambda *step: steps.append(step)
    )
    assert found["root"] == str(tmp_path / "c")
    assert (found["real"], found["fake"], found["people"]) == (2, 4, 2)
    assert len(list((tmp_path / "c").rglob("*.mp4"))) == 6 + 4 == found["made"]
    assert steps[-1][:2] == (10, 10)
    with pytest.raises(ForensicsError, match="seed"):
        operator(tmp_path / "c", seed=3)


def test_as_the_app_runs_it(operator, small_corpus, tmp_path):
    """A generator of messages around a job in a process of its own, which imports everything."""
    from fiftyone.operators.executor import ExecutionContext, Executor

    root = tmp_path / "c"
    shutil.copytree(small_corpus[0], root)
    victim = root / "original_sequences/youtube/c40/videos/008.mp4"
    before = victim.read_bytes()
    victim.unlink()
    params = {"root": str(root), "small": True, "compression": "c40"}
    ctx = ExecutionContext({"params": params}, executor=Executor(), operator_uri=URI)
    messages = [message.to_json()["body"] for message in operator.execute(ctx)]
    names = [message["operator_uri"] for message in messages]
    assert any("set_progress" in name for name in names) and "notify" in names[-1]
    assert "1 files made" in str(messages[-1]) and victim.read_bytes() == before


def test_delegated(operator, few_clips, fiftyone_db, tmp_path, monkeypatch):
    from fiftyone.operators.delegated import DelegatedOperationService

    monkeypatch.setattr(fiftyone_db.config, "allow_legacy_orchestrators", True)
    operator(tmp_path / "c", compressions=["c40"], delegate=True)
    DelegatedOperationService().execute_queued_operations(operator=URI)
    assert len(list((tmp_path / "c").rglob("*.mp4"))) == 10
