"""An operator called from Python: at once with a progress bar, or queued for a worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fiftyone.operators as foo

from ..app.progress import Progress, terminal
from .path_arguments import absolute


def call(
    operator: foo.Operator,
    run: Callable[..., Any],
    samples: Any,
    params: dict[str, Any],
    *,
    delegate: bool,
    progress: Progress | None = None,
    bar: str | None = None,
) -> Any:
    """What the ``__call__`` of an operator on samples does.

    Args:
        operator: it
        run: the work, ``run(samples, **params)``
        samples: dataset or view
        params: arguments of ``run``
        delegate: queue it for ``fiftyone delegated launch`` instead
        progress: callback of ``run``
        bar: label of the progress bar that is shown where ``progress`` is None; None for work that
            tells no progress
    """
    if delegate:
        params = absolute(run, params)  # the worker may have another working folder
        return foo.execute_operator(
            operator.uri, dict(view=samples.view()), params=params, request_delegation=True
        )
    if bar is None:
        return run(samples, **params)
    if progress is not None:
        return run(samples, progress=progress, **params)
    with terminal(bar) as shown:
        return run(samples, progress=shown, **params)
