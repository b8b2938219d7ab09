"""Every operator stands on the one base, and says for itself only what is its own."""

from __future__ import annotations

import inspect
import sys
from importlib import import_module

import pytest
from media_forensics.operators.operator_list import OPERATORS, name_of

pytestmark = pytest.mark.fiftyone
MODULES = [(m, c) for m, c in OPERATORS if not m.startswith("panels.") and "metrics" not in m]


def operator_class(module: str, name: str) -> type:
    return getattr(import_module(f"media_forensics.operators.{module}"), name)


@pytest.mark.parametrize(("module", "name"), MODULES)
def test_an_operator_is_its_form_its_run_and_its_words(module, name):
    from media_forensics.operators.jobs.workflow import JobWorkflow, Workflow

    cls = operator_class(module, name)
    assert issubclass(cls, Workflow)
    assert not {"config", "resolve_input", "resolve_output"} & set(vars(cls))
    assert cls().config.name == name_of(module)
    taken = inspect.signature(sys.modules[cls.__module__].run).parameters
    assert ("should_stop" in taken) == issubclass(cls, JobWorkflow) or name == "AnalyzeFile"
    assert cls().config.execute_as_generator == issubclass(cls, JobWorkflow)


def test_the_queued_job_is_named_by_what_is_filled_in(fiftyone_db):
    from fiftyone.operators.executor import ExecutionContext

    dataset = fiftyone_db.Dataset()
    try:
        cls = operator_class("embeddings.map_embeddings", "MapEmbeddings")
        context = ExecutionContext({"dataset_name": dataset.name, "params": {"key": "{dataset}"}})
        assert cls().resolve_run_name(context) == f"Map embeddings of {{dataset}} in {dataset.name}"
    finally:
        dataset.delete()
