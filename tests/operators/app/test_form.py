"""A form takes its defaults from the function that runs, and shows a mistake at its field."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.fiftyone


def work(samples, *, key, rule="mean", kinds=("a", "b"), limit=20, path="", progress=None):
    """Stands for an operator's ``run``."""


@pytest.fixture
def form():
    from media_forensics.operators.app.form import Form

    return lambda **params: Form(SimpleNamespace(params=params, dataset=None), work)


def shown(form) -> dict:
    return form.property("A form").to_json()["type"]["properties"]


def test_defaults_are_those_of_run_unless_the_form_says_another(form):
    made = form()
    made.choice("rule", [("mean", "the mean"), ("max", "the largest")], "Rule")
    made.several("kinds", [("a", "A"), ("b", "B")], "Kinds")
    made.whole("limit", "At most", least=1)
    made.text("path", "Path", default="here")
    made.flag("more", "More", default=False)
    found = shown(made)
    assert {name: field["default"] for name, field in found.items()} == {
        "rule": "mean",
        "kinds": ["a", "b"],
        "limit": 20,
        "path": "here",
        "more": False,
    }
    assert found["rule"]["type"]["values"] == ["mean", "max"]


def test_what_is_empty_is_left_to_run(form):
    from media_forensics.operators.app.form import arguments

    filled = {"key": "k", "rule": "", "limit": None, "kinds": [], "more": True, "progress": 1}
    assert arguments(work, filled) == {"key": "k", "kinds": []}
    made = form(**filled)
    assert [made.value(name) for name in ("rule", "limit", "kinds")] == ["mean", 20, []]


def test_a_mistake_stands_at_its_field_or_above_all(form):
    from media_forensics.detector.errors import ForensicsError

    def wrong(field: str):
        raise ForensicsError("It is wrong.", "Mend it.", field)

    made = form()
    made.whole("limit", "At most")
    assert made.check(lambda: wrong("limit")) is None
    assert made.check(lambda: wrong("most"), most="limit") is None
    assert made.check(lambda: 7) == 7
    assert shown(made)["limit"]["invalid"] and "Mend it" in shown(made)["limit"]["error_message"]
    made.check(lambda: wrong("elsewhere"))
    assert "input_error" in shown(made)


def test_a_path_is_chosen_or_given(form):
    from media_forensics.operators.app.form import chosen_path

    for params, kind in (({"path": "there"}, "String"), ({}, "File")):
        made = form(**params)
        made.path("path", "File")
        assert shown(made)["path"]["type"]["name"] == kind
    assert chosen_path({"absolute_path": " there "}) == chosen_path("there") == "there"
    assert chosen_path(None) == ""


def test_the_device_is_described_when_it_is_known(form, monkeypatch):
    from media_forensics.detector import device

    monkeypatch.setattr(device, "is_known", lambda: True)
    monkeypatch.setattr(device, "found", lambda: device.Found(0, False))
    made = form(device="auto")
    made.device("Where it scores")
    assert shown(made)["device"]["view"]["description"].endswith("empty is auto; auto: cpu")
    monkeypatch.setattr(device, "is_known", lambda: False)
    made = form()
    made.device("Where it scores")
    assert shown(made)["device"]["view"]["description"].endswith("empty is auto")
    made = form(device="cuda:7")
    made.device()
    assert "is not available" in shown(made)["device"]["error_message"]
