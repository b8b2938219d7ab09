"""Operator ``run_protocol``: a paper's cross-dataset table with a detector of one's own.

Every number stands next to the published one, with its interval and counts, and every way in which
this run departs from the paper is named. From a shell:
``media-forensics protocol --detector D --datasets a-faces b-faces``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ...detector.files import packages
from ...detector.files.outputs import claim_output, json_with, text_beginning, write_output
from ...detector.files.paths import given
from ...detector.metrics.protocols import PROTOCOLS, protocol_named
from ...detector.weights.known_detectors import find_detector
from ..app import forms, outcome
from ..app.needs import needs
from ..app.progress import Progress, ShouldStop, never, silent, terminal
from ..dataset import fields, views
from ..jobs import job as jobs
from ..jobs.delegated import in_app, stop_of
from ..jobs.path_arguments import absolute, with_paths
from ..scoring import score_faces
from ..training.registry import detector_source, known_detectors
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
        samples: a faces dataset whose training runs ``detector`` may name; its scores count too
        detector: registered name, path of a checkpoint, or key of a training run of ``samples``
        protocol: name of :data:`detector.metrics.protocols.PROTOCOLS`
        datasets: names of faces datasets; by default every faces dataset of the database
        key: field key of the scores; the detector's own name by default
        replicates, seed: of the group bootstrap
        batch_size, device: as in ``score_faces``
        out: path without suffix; ``.md`` and ``.json`` are written there, over earlier ones only
        progress, should_stop: see :mod:`operators.app.progress`

    Returns:
        ``{"protocol", "key", "checkpoint_sha256", "rows", "table"}``; a row has ``short``,
        ``auroc`` (value, low, high in [0, 1]), ``n_real``, ``n_fake``, ``coverage``, ``published``
        (per cent by column), ``deviations`` and ``datasets``; one that is not here says so

    Raises:
        ForensicsError: unknown protocol, detector or dataset, missing weights, ``key`` is taken
        Cancelled: stopped by the user; scores are kept
    """
    plan = protocol_named(protocol)
    saved = _files(out) if out else ()
    home = None if samples is None else views.dataset_of(samples)
    source = detector if home is None else detector_source(home, detector)
    find_detector(source)  # an unknown one is refused before anything is read
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
            sha256 = dataset.get_run_info(fields.ScoreFields(key).run).config.checkpoint_sha256
        rows.append(protocol_rows.row(plan, benchmark, parts, (key, detector), replicates, seed))
    found = {"protocol": plan.name, "key": key, "checkpoint_sha256": sha256, "rows": rows}
    found["table"] = table(plan, found)
    if saved:
        _write(saved, found)
    return found


def _faces_datasets(names: Sequence[str] | None) -> list[fo.Dataset]:
    """The named faces datasets, or all of them."""
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
    """The two files to write, which are new or were written by an earlier run."""
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


@needs(packages.PICTURES, packages.MODELS)
class RunProtocol(foo.Operator):
    """A published cross-dataset table, reproduced beside its values."""

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name="run_protocol",
            label="Run protocol",
            description="Evaluate a detector on a paper's cross-dataset protocol, beside the "
            "published values, with intervals and every deviation named",
            icon="table_chart",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level=types.RiskLevel.MEDIUM,
        )

    def __call__(
        self,
        samples: Any = None,
        *,
        delegate: bool = False,
        progress: Progress | None = None,
        **params: Any,
    ) -> Any:
        """Run from Python; the arguments and the result are those of :func:`run`."""
        if delegate:
            context = {} if samples is None else dict(view=samples.view())
            return foo.execute_operator(
                self.uri, context, params=absolute(run, params), request_delegation=True
            )
        if progress is not None:
            return run(samples, progress=progress, **params)
        with terminal("protocol") as bar:
            return run(samples, progress=bar, **params)

    def resolve_input(self, ctx: Any) -> types.Property:
        inputs = types.Object()
        form = types.Property(inputs, view=types.View(label="Run protocol"))
        if forms.check(inputs, {}, lambda: forms.require_dataset(ctx, "faces")) is None:
            return form
        known = known_detectors(ctx.dataset)
        forms.choice(
            inputs,
            "detector",
            known,
            default=known[-1][0],
            label="Detector",
            description="Trained on this dataset, published or registered",
        )
        forms.choice(
            inputs,
            "protocol",
            [(p.name, p.title) for p in PROTOCOLS.values()],
            default="yermakov2025",
            label="Protocol",
            description="Whose table",
        )
        here = forms.check(inputs, {}, lambda: _faces_datasets(None))
        if here is None:
            return form
        plan = protocol_named(ctx.params.get("protocol") or "yermakov2025")
        sources = {source for dataset in here for source in dataset.distinct("source_dataset")}
        there = [b.short for b in plan.benchmarks if b.source_dataset in sources]
        lacking = [b.short for b in plan.benchmarks if b.source_dataset not in sources]
        if there:
            text = "All faces datasets of the database are used. Faces without a score are scored "
            text += "first, in a process of its own."
            missing = f"Not imported: {', '.join(lacking) or 'none'}"
            notice = types.Notice(label=f"Here: {', '.join(there)}. {missing}", description=text)
        else:
            notice = types.Warning(
                label=f"None of its datasets is here: {', '.join(lacking)}",
                description="The table will hold the published values only. Run 'Import deepfake "
                "dataset' and 'Extract faces' for one of them first.",
            )
        inputs.view("plan", notice)
        inputs.str(
            "out",
            label="Save as",
            description="Path without suffix on the App's machine; .md and .json are written",
        )
        return form

    def resolve_run_name(self, ctx: Any) -> str:
        """Label of the queued job."""
        return f"Protocol {ctx.params.get('protocol')} with {ctx.params.get('detector')}"

    def execute(self, ctx: Any):
        names = ("detector", "protocol", "key", "out", "replicates", "batch_size", "device")
        params = {k: ctx.params[k] for k in names if ctx.params.get(k)}
        view = None if ctx.dataset is None else ctx.dataset.view()
        if ctx.delegated:
            yield run(view, progress=in_app(ctx), should_stop=stop_of(ctx), **params)
            return
        job = jobs.start("run_protocol", view, params)
        yield from jobs.follow(ctx, job, "Protocol")
        done = job.result()
        here = [row["short"] for row in done["rows"] if row["auroc"] is not None]
        text = f"Evaluated: {', '.join(here) or 'nothing'}."
        yield ctx.ops.notify(text, variant="success" if here else "warning")
        yield ctx.ops.reload_dataset()
        saved = [f"Saved as {params['out']}.md and .json."] if params.get("out") else []
        yield outcome.show_table(ctx, "Protocol", done["table"], saved)
