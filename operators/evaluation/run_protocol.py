"""Defines the operator ``run_protocol``: a paper's cross-dataset table with any detector.

Every number is next to the published one, with its interval and counts, and every deviation from
the paper is named. From a shell, use ``media-forensics protocol --detector D --datasets a-faces
b-faces``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fiftyone as fo
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.files import packages
from ...detector.files.outputs import claim_output, json_with, text_beginning, write_output
from ...detector.files.paths import given
from ...detector.metrics.protocols import PROTOCOLS, protocol_named
from ...detector.progress import Progress, ShouldStop, never, silent
from ...detector.weights.known_detectors import find_detector
from ..app.form import Form
from ..app.open_dataset import require_dataset
from ..app.outcome import Ending
from ..dataset import fields, made_from, views
from ..jobs.path_arguments import with_paths
from ..jobs.workflow import JobWorkflow
from ..scoring import score_faces
from ..training.detector_list import detector_source, known_detectors
from . import protocol_rows
from .protocol_table import table


@with_paths("out", detectors=("detector",))
def run(
    samples: Any = None,
    *,
    detector: str,
    protocol: str = "yermakov2025",
    datasets: Sequence[str] | None = None,
    key: str | None = None,
    replicates: int = 2000,
    seed: int = 0,
    batch_size: int = 32,
    device: str | None = None,
    out: str | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> dict[str, Any]:
    """Score what is missing, evaluate each benchmark at video level, and print it beside the paper.

    Args:
        samples: a faces dataset whose training runs ``detector`` may name; its scores are used too
        detector: registered name, path of a checkpoint, or key of a training run of ``samples``
        protocol: name of :data:`detector.metrics.protocols.PROTOCOLS`
        datasets: names of faces datasets; None: every faces dataset of the database
        key: field key of the scores; None: the detector's own name
        replicates, seed: without effect, kept for older calls
        batch_size, device: as in ``score_faces``
        out: path without suffix for the ``.md`` and ``.json``, which replace only earlier ones
        progress, should_stop: see :mod:`detector.progress`

    Returns:
        ``{"protocol", "key", "checkpoint_sha256", "rows", "table"}``; a row has ``short``,
        ``auroc`` (value, low, high in [0, 1]), ``n_real``, ``n_fake``, ``coverage``, ``published``
        (per cent by column), ``deviations`` and ``datasets``; a missing dataset is a deviation

    Raises:
        ForensicsError: unknown protocol, detector or dataset, missing weights, ``key`` is taken
        Cancelled: stopped by the user; scores are kept
    """
    plan = protocol_named(protocol)
    saved = _files(out) if out else ()
    home = None if samples is None else views.dataset_of(samples)
    source = detector if home is None else detector_source(home, detector)
    find_detector(source)  # raises an error for an unknown one before anything is read
    key = key or score_faces.default_key(detector)
    here = _faces_datasets(datasets)
    rows, sha256 = [], None
    for benchmark in plan.benchmarks:
        parts = [(d, v) for d in here if (v := protocol_rows.view_of(d, benchmark)) is not None]
        for dataset, view in parts:
            score_faces.run(
                view,
                detector=source,
                key=key,
                batch_size=batch_size,
                device=device,
                progress=progress,
                should_stop=should_stop,
            )
            sha256 = made_from.checkpoint_of(dataset, key)
        rows.append(protocol_rows.row(plan, benchmark, parts, (key, detector)))
    found = {"protocol": plan.name, "key": key, "checkpoint_sha256": sha256, "rows": rows}
    found["table"] = table(plan, found)
    if saved:
        _write(saved, found)
    return found


def _faces_datasets(names: Sequence[str] | None) -> list[fo.Dataset]:
    """Return the named faces datasets, or all of them."""
    wanted = list(names) if names else fo.list_datasets()
    found = []
    for name in wanted:
        if not fo.dataset_exists(name):
            raise ForensicsError(f"There is no dataset {name!r}.", "Check the name.", "datasets")
        dataset = fo.load_dataset(name)
        if fields.describe(dataset).get("kind") == "faces":
            found.append(dataset)
        elif names:
            raise ForensicsError(
                f"{name!r} is not a faces dataset.", "Run 'Extract faces' first.", "datasets"
            )
    if not found:
        raise ForensicsError(
            "There is no faces dataset to evaluate.", "Import one and run 'Extract faces'."
        )
    return found


_JSON = (json_with("protocol", "key", "checkpoint_sha256", "rows"),)
_TABLE = (text_beginning(".md", *(f"**{plan.title}**" for plan in PROTOCOLS.values())),)


def _files(out: str) -> tuple[Path, Path]:
    """Return the two files to write, which are new or were written by an earlier run."""
    base = given(out, "out")
    return (
        claim_output(base.with_name(base.name + ".json"), _JSON, "out"),
        claim_output(base.with_name(base.name + ".md"), _TABLE, "out"),
    )


def _write(files: tuple[Path, Path], found: dict[str, Any]) -> None:
    data = json.dumps({k: v for k, v in found.items() if k != "table"}, indent=1)
    write_output(files[0], _JSON, "out", data.encode())
    text = f"{found['table']}\n"
    write_output(files[1], _TABLE, "out", text.encode())


class RunProtocol(JobWorkflow):
    """Operator that reproduces a published cross-dataset table beside its values."""

    label = "Run protocol"
    description = (
        "Evaluate a detector on a paper's cross-dataset protocol, beside the "
        "published values, with intervals and every deviation named"
    )
    icon = "table_chart"
    risk = types.RiskLevel.MEDIUM
    parts = (packages.PICTURES, packages.MODELS)
    run_name = "Protocol {protocol} with {detector}"
    bar, doing = "protocol", "Protocol"

    def __call__(
        self,
        samples: Any = None,
        *,
        delegate: bool = False,
        progress: Progress | None = None,
        **params: Any,
    ) -> Any:
        """Run from Python; the arguments and the result are those of :func:`run`."""
        return self.call(samples, params, delegate=delegate, progress=progress)

    def target(self, ctx: Any) -> Any:
        return require_dataset(ctx, "faces").view()

    def fill(self, form: Form, target: Any) -> None:
        known = known_detectors(form.dataset)
        text = "Trained on this dataset, published or registered"
        form.choice("detector", known, "Detector", text, default=known[-1][0])
        titles = [(p.name, p.title) for p in PROTOCOLS.values()]
        form.choice("protocol", titles, "Protocol", "Whose table")
        here = form.check(lambda: _faces_datasets(None))
        if here is None:
            return
        plan = protocol_named(form.value("protocol"))
        sources = {source for dataset in here for source in dataset.distinct("source_dataset")}
        there = [b.short for b in plan.benchmarks if b.source_dataset in sources]
        lacking = ", ".join(b.short for b in plan.benchmarks if b.source_dataset not in sources)
        if there:
            label = f"Here: {', '.join(there)}. Not imported: {lacking or 'none'}"
            text = "All faces datasets of the database are used. Faces without a score are scored "
            form.notice("plan", label, text + "first, in a process of its own.")
        else:
            text = "The table will hold the published values only. Run 'Import deepfake "
            text += "dataset' and 'Extract faces' for one of them first."
            form.warning("plan", f"None of its datasets is here: {lacking}", text)
        text = "Path without suffix on the App's machine; .md and .json are written"
        form.text("out", "Save as", text)

    def ending(self, ctx: Any, done: dict[str, Any]) -> Ending:
        here = [row["short"] for row in done["rows"] if row["auroc"] is not None]
        text = f"Evaluated: {', '.join(here) or 'nothing'}."
        out = ctx.params.get("out")
        saved = (f"Saved as {out}.md and .json.",) if out else ()
        return Ending(text, warn=not here, title="Protocol", table=done["table"], notes=saved)
