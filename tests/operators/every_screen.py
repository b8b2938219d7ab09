"""Opens every form and every panel of the plugin on a dataset, as the App does.

Whatever state a dataset is in, each of them answers in words: none raises, none shows a traceback.
"""

from __future__ import annotations

from typing import Any

PLUGIN = "@mediaforensics/deepfake"


def open_all(dataset: Any, client: Any, forms: tuple[dict[str, Any], ...] = ({},)) -> dict:
    """What every form and panel shows of ``dataset``, by name.

    Args:
        dataset: the open one
        client: class that drives a panel, see ``panel_client.Client``
        forms: what is filled in, one form after the other

    Raises:
        AssertionError: one of them raised; its message names all that did
    """
    import fiftyone.operators as foo

    shown: dict[str, Any] = {}
    wrong = []
    for op in foo.list_operators(type="operator"):
        for params in forms if op.uri.startswith(PLUGIN) else ():
            try:
                shown[op.name] = form_of(op, dataset, params)
            except Exception as error:  # of any type: all that fail are named together at the end
                wrong.append(f"form of {op.name} with {params}: {type(error).__name__}: {error}")
    for panel in foo.list_operators(type="panel"):
        if panel.uri.startswith(PLUGIN):
            one = client(panel, dataset)
            try:
                one.send("on_load")
                shown[panel.name] = {"state": one.state, "data": one.data, "schema": one.schema}
            except Exception as error:  # likewise
                wrong.append(f"panel {panel.name}: {type(error).__name__}: {error}")
    assert not wrong, "\n".join(wrong)
    return shown


def form_of(op: Any, dataset: Any, params: dict[str, Any]) -> dict[str, Any]:
    """The form of an operator as FiftyOne sends it to the App."""
    from fiftyone.operators.executor import ExecutionContext, Executor

    request = {"dataset_name": dataset.name, "view": [], "params": dict(params)}
    form = op.resolve_input(ExecutionContext(request, executor=Executor()))
    return {} if form is None else form.to_json()
