"""The fields that few people change are behind a switch, and count as if they were shown."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.fiftyone


def work(samples, *, key, rule="mean", limit=20, seed=0, path=""):
    """Stands for an operator's ``run``."""


@pytest.fixture
def folded():
    from media_forensics.operators.app.fold import fold
    from media_forensics.operators.app.form import Form

    def make(first=("key", "limit"), **params):
        form = Form(SimpleNamespace(params=params, dataset=None), work)
        form.choice("rule", [("mean", "the mean"), ("max", "the largest")], "Rule")
        form.text("key", "Key", default="k")
        form.notice("before", "Something between the fields")
        form.whole("seed", "Seed", default=7)
        form.whole("limit", "At most", least=1)
        form.text("path", "Path")
        form.notice("plan", "What will happen")
        if params.get("seed") == -1:
            form.refuse("seed", "No.")
        fold(form, first)
        return form, list(form.inputs.properties)

    return make


def test_the_first_fields_the_switch_and_what_will_happen(folded):
    form, names = folded()
    assert names == ["key", "before", "limit", "more", "plan"]
    view = form.inputs.properties["more"].view
    assert (view.label, view.description) == ("More", "Rule, Seed, Path")


def test_open_they_stand_below_the_switch(folded):
    _, names = folded(more=True)
    assert names == ["key", "before", "limit", "more", "rule", "seed", "path", "plan"]


def test_a_folded_default_counts_as_if_it_was_shown(folded):
    form, _ = folded()
    assert form.params == {"rule": "mean", "seed": 7}  # 7: another one than that of run
    form, _ = folded(more=True)
    assert form.params == {"more": True}  # the App sends the defaults of what it shows


@pytest.mark.parametrize("changed", [{"rule": "max"}, {"path": "/x"}, {"seed": -1}])
def test_what_is_changed_or_wrong_is_never_hidden(folded, changed):
    _, names = folded(**changed)
    assert set(changed) < set(names)
    _, names = folded(rule="mean", seed=7, path="")
    assert "rule" not in names


def test_a_form_without_a_choice_or_with_one_field_more_stays_whole(folded):
    assert "more" not in folded(first=())[1]
    assert "more" not in folded(first=("key", "limit", "seed", "path"))[1]
