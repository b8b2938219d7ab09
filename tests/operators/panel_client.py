"""A client that drives a panel as the App does."""

from __future__ import annotations

import json
from typing import Any


class Client:
    """The App's side of a panel: sends events, merges answers, keeps state and data apart.

    Attributes:
        state: what is sent back with every event
        data: what the components get
        ops: operations of the last event but the panel's own, as (name, params)
        result: what the last event returned
        selected, current: samples that are ticked, and the one that is open
    """

    def __init__(self, panel: Any, dataset: Any, view: Any = None) -> None:
        self.panel, self.dataset, self.view = panel, dataset, view
        self.state: dict[str, Any] = {}
        self.data: dict[str, Any] = {}
        self.ops: list[tuple[str, dict[str, Any]]] = []
        self.schema: dict[str, Any] = {}
        self.result: Any = None
        self.selected: list[str] = []
        self.current: str | None = None
        self.sent = self.received = 0

    def send(self, event: str, /, **params: Any) -> Any:
        """One event: the method of the panel, then its ``render``."""
        from fiftyone.operators.executor import ExecutionContext, Executor

        executor = Executor()
        request = {
            "dataset_name": self.dataset.name,
            "view": json.loads(_dumps(self.view._serialize())) if self.view is not None else [],
            "selected": self.selected,
            "current_sample": self.current,
            "params": {
                **params,
                "panel_id": "p",
                "panel_state": json.loads(_dumps(self.state)),
                "__method__": event,
            },
        }
        self.sent = len(_dumps(request))
        context = ExecutionContext(request, executor=executor, operator_uri=self.panel.uri)
        self.result = self.panel.execute(context)
        self.ops = []
        self.received = len(_dumps([r.params for r in executor._requests]))
        for request in executor._requests:
            self._apply(request.operator_uri, json.loads(_dumps(request.params)))
        return self.result

    def _apply(self, name: str, params: dict[str, Any]) -> None:
        if name == "patch_panel_state":
            _merge(self.state, _nested(params["state"]))
        elif name == "patch_panel_data":
            _merge(self.data, _nested(params["data"]))
        elif name == "show_panel_output":
            self.schema = params["output"]
        else:
            self.ops.append((name, params))

    def op(self, name: str) -> dict[str, Any]:
        """Parameters of the operation ``name`` of the last event."""
        found = [params for op, params in self.ops if op == name]
        assert found, f"no {name} in {[op for op, _ in self.ops]}"
        return found[-1]

    def grid(self) -> Any:
        """The view that the last event put into the grid."""
        import fiftyone as fo
        from bson import json_util

        stages = json_util.loads(json.dumps(self.op("set_view")["view"]))
        return fo.DatasetView._build(self.dataset, stages)


def _dumps(value: Any) -> str:
    from bson import json_util

    return json_util.dumps(value)


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    import pydash

    out: dict[str, Any] = {}
    for key, value in flat.items():
        pydash.set_(out, key, value)
    return out


def _merge(into: dict[str, Any], new: dict[str, Any]) -> None:
    """lodash's mergeWith as the App calls it: arrays are replaced, objects merged."""
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
