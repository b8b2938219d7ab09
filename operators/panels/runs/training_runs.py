"""Defines the panel ``training_runs``: runs with curves, jobs with progress, and problems."""

from __future__ import annotations

import logging
from typing import Any

import fiftyone as fo
from fiftyone.operators import types

from ....detector.errors import ForensicsError
from ....training.runs import RunFolder
from ...app.markup import plain
from ...dataset import face_columns, fields, views
from ...dataset.rebuild_cache import RebuildCache
from ...jobs import job_list, scheduled_jobs, work_row
from ...operator_list import uri_of
from ...training import training_records
from ...training.training_records import TrainingRun
from ..choice_panel import DatasetPanel, columns, handler
from . import (
    actions as training_actions,
    compared_curves as training_comparison,
    figures as training_figures,
)
from .tables import (
    JOB_ACTIONS,
    JOB_COLUMNS,
    RUN_ACTIONS,
    RUN_COLUMNS,
    job_row,
    run_actions,
    run_row,
    table_data,
    table_view,
)

logger = logging.getLogger(__name__)

#: The panel's whole state, small and plain.
CHOICE = ("dataset", "shown", "curve", "compared")
REFRESH_MILLISECONDS = 3000
MOST_SHOWN = 6
_METRICS = RebuildCache(32)


class TrainingRuns(DatasetPanel):
    """Panel of runs and jobs: progress, curves, cancel, resume, and what a dead worker left."""

    label = "Training runs"
    icon = "model_training"
    help = (
        "Training runs of this dataset with their curves, and every job and scheduled operation "
        "on it: its progress, its errors, and what can be done."
    )
    page, more = "training.md", "More about runs"
    choice = CHOICE
    missing = "No runs to show yet"

    # -- events ----------------------------------------------------------------------------------

    def on_load(self, ctx: Any) -> None:
        """Draw the panel when it is opened; when opened again, its tables must be sent again."""
        self._show(ctx, {**self._choice(ctx), "compared": None})

    @handler
    def on_tick(self, ctx: Any) -> None:
        """Read everything again while something runs.

        What was chosen after this event was sent stays: its answer may come later.
        """
        self._show(ctx, self._choice(ctx), chosen=False)

    @handler
    def on_curve(self, ctx: Any) -> None:
        """Show another curve: ``name``."""
        name = ctx.params.get("name")
        if name not in (known for known, _, _, _ in training_figures.CURVES):
            raise ForensicsError(f"There is no curve {name!r}.")
        self._show(ctx, {**self._choice(ctx), "curve": name})

    @handler
    def on_run(self, ctx: Any) -> None:
        """Carry out an action of a row of the runs: ``event`` and ``row``."""
        choice = self._choice(ctx)
        faces = _faces(ctx.dataset)
        found = _newest_first(faces)
        row = int(ctx.params["row"])
        if not 0 <= row < len(found):
            raise ForensicsError("This row no longer exists.", "Refresh the panel.")
        run, event = found[row], ctx.params["event"]
        if event == "toggle":
            shown = [key for key in choice["shown"] or [] if key != run.key]
            if len(shown) == len(choice["shown"] or []):
                shown = [*shown, run.key][-MOST_SHOWN:]
            choice["shown"] = shown
        elif event == "view":
            self._to_grid(ctx, faces, run)
        elif event in ("rename", "export", "delete"):
            params = {"action": event, "key": run.key}
            ctx.prompt(uri_of("manage_runs"), params=params, on_success=self.on_refresh)
        else:
            ctx.ops.notify(training_actions.do(faces, run, event), variant="success")
        self._show(ctx, choice)

    @handler
    def on_job(self, ctx: Any) -> None:
        """Carry out an action of a row of the jobs: ``event`` and ``row``."""
        names = _names(_faces(ctx.dataset))
        found = job_list.rows(names)
        row = int(ctx.params["row"])
        if not 0 <= row < len(found):
            raise ForensicsError("This row no longer exists.", "Refresh the panel.")
        done = job_list.act(names, found[row].name, ctx.params["event"])
        ctx.ops.notify(done, variant="success")
        self._show(ctx, self._choice(ctx))

    @handler
    def on_allow(self, ctx: Any) -> None:
        """Let the forms offer 'Schedule' until the App ends."""
        self._repair(ctx, "allow")

    @handler
    def on_work(self, ctx: Any) -> None:
        """Start a worker that runs the queue."""
        self._repair(ctx, "work")

    def on_train(self, ctx: Any) -> None:
        """Open the form of 'Train detector'."""
        ctx.prompt(uri_of("train_detector"), on_success=self.on_refresh)

    @handler
    def on_score(self, ctx: Any) -> None:
        """Score the validation faces of the run ``key`` with its detector."""
        faces = _faces(ctx.dataset)
        run = training_records.training_run(faces, ctx.params["key"])
        ctx.ops.notify(training_actions.do(faces, run, "score"), variant="success")
        self._show(ctx, self._choice(ctx))

    @handler
    def on_compare(self, ctx: Any) -> None:
        """Compare, in this panel, the runs whose curves are shown."""
        choice, faces = self._choice(ctx), _faces(ctx.dataset)
        oldest_first = [run.key for run in training_records.training_runs(faces)]
        keys = [key for key in oldest_first if key in (choice["shown"] or [])]
        kept, tables = training_comparison.compared(faces, keys)
        self._show(ctx, {**choice, "compared": kept})
        ctx.panel.set_data(tables)

    @handler
    def on_changed(self, ctx: Any) -> None:
        """Show videos of the comparison that are now wrong, or right: ``event`` and ``row``."""
        choice = self._choice(ctx)
        self._require_grid(ctx, _faces(ctx.dataset))
        row, kind = int(ctx.params["row"]), ctx.params["event"]
        training_comparison.to_grid(ctx, choice["compared"] or {"keys": []}, row, kind)

    def on_close(self, ctx: Any) -> None:
        """Close the comparison."""
        self._show(ctx, {**self._choice(ctx), "compared": None})

    def on_compare_scores(self, ctx: Any) -> None:
        """Open the form of 'Compare runs', with stored scores, another baseline or another rate."""
        shown = self._choice(ctx)["shown"] or []
        params = {"keys": shown} if len(shown) > 1 else {}
        ctx.prompt(uri_of("compare_runs"), params=params, on_success=self.on_refresh)

    # -- what the events have in common ----------------------------------------------------------

    def _repair(self, ctx: Any, what: str) -> None:
        ctx.ops.notify(scheduled_jobs.repair(what), variant="success")
        self._show(ctx, self._choice(ctx))

    @staticmethod
    def _require_grid(ctx: Any, faces: fo.Dataset) -> None:
        if ctx.dataset.name != faces.name:
            raise ForensicsError("The grid shows videos.", f"Open {faces.name!r} to see faces.")

    def _to_grid(self, ctx: Any, faces: fo.Dataset, run: TrainingRun) -> None:
        self._require_grid(ctx, faces)
        ctx.ops.set_view(training_records.validation_view(faces, run.key))

    def _show(self, ctx: Any, choice: dict[str, Any], chosen: bool = True) -> None:
        """Read everything again and send it; if there is nothing, say what to do next.

        Args:
            chosen: whether the panel is to keep ``choice``
        """
        choice["dataset"] = ctx.dataset.name if ctx.dataset is not None else None
        try:
            faces = _faces(ctx.dataset)
        except ForensicsError as error:
            self._say_missing(ctx, choice, error, lines=None)
            return
        found = _newest_first(faces)
        keys = [run.key for run in found]
        if choice["shown"] is None:
            choice["shown"] = keys[:2]
        choice["shown"] = [key for key in choice["shown"] if key in keys]
        choice["curve"] = choice["curve"] or training_figures.CURVES[0][0]
        work = job_list.rows(_names(faces))
        lines = {
            "runs": [run_actions(run) for run in found],
            "jobs": [list(row.actions) for row in work],
            "findings": scheduled_jobs.findings(work),
            "unscored": _unscored(faces, found, work),
            "live": any(run.live for run in found)
            or any(row.state in work_row.LIVE for row in work),
        }
        kept = {"choice": choice} if chosen else {}
        ctx.panel.set_state({**kept, "empty": None, "lines": lines})
        drawn = [(run.key, _metrics(run)) for run in found if run.key in choice["shown"]]
        ctx.panel.set_data(
            {
                "runs": table_data(RUN_COLUMNS, [run_row(run, choice["shown"]) for run in found]),
                "jobs": table_data(JOB_COLUMNS, [job_row(row) for row in work]),
                _plot_of(choice["curve"]): training_figures.traces(drawn, choice["curve"]),
            }
        )

    def render(self, ctx: Any) -> types.Property:
        """Draw buttons, findings, the runs, their curves, and the jobs."""
        panel = types.Object()
        root = types.Property(panel, view=columns("minmax(0, 1fr)", 1.5))
        empty = ctx.panel.get_state("empty")
        if empty:
            self._draw_missing(panel, empty)
            return root
        lines = ctx.panel.get_state("lines")
        if not lines:
            return root
        choice = self._choice(ctx)
        menu = panel.menu("menu", variant="square")
        menu.btn("train", label="Train …", icon="model_training", on_click=self.on_train)
        if len(lines["runs"]) > 1:
            menu.btn("compare", label="Compare", icon="compare_arrows", on_click=self.on_compare)
            menu.btn("scores", label="Scores …", icon="rule", on_click=self.on_compare_scores)
        menu.btn("refresh", label="Refresh", icon="refresh", on_click=self.on_refresh)
        if lines["live"]:
            timer = types.TimerView(interval=REFRESH_MILLISECONDS, on_interval=self.on_tick)
            panel.view("timer", timer)
        self._findings(panel, lines["findings"])
        if lines["runs"]:
            panel.list(
                "runs",
                types.Object(),
                view=table_view(RUN_COLUMNS, RUN_ACTIONS, lines["runs"], self.on_run),
            )
            if lines["unscored"]:
                key = lines["unscored"]
                label = f"Score the validation faces with {key}"
                panel.btn("score", label=label, on_click=self.on_score, params={"key": key})
            self._curves(panel, choice)
            if choice["compared"]:
                training_comparison.show(panel, choice["compared"], self.on_changed, self.on_close)
        else:
            panel.md("No training runs yet. *Train …* starts one.", name="no_runs")
        if lines["jobs"]:
            panel.md("**Jobs**", name="jobs_title")
            panel.list(
                "jobs",
                types.Object(),
                view=table_view(JOB_COLUMNS, JOB_ACTIONS, lines["jobs"], self.on_job),
            )
        return root

    def _findings(self, panel: types.Object, findings: list[dict[str, str]]) -> None:
        repairs = {
            "allow": ("Allow scheduling", self.on_allow),
            "work": ("Start a worker", self.on_work),
        }
        for number, finding in enumerate(findings):
            panel.md(plain(finding["text"]), name=f"finding_{number}")
            if finding["repair"]:
                label, call = repairs[finding["repair"]]
                panel.btn(f"repair_{finding['repair']}", label=label, on_click=call)

    def _curves(self, panel: types.Object, choice: dict[str, Any]) -> None:
        # buttons, because FiftyOne copies all data of a panel into its state when an input changes;
        # in a grid, because FiftyOne's groups of buttons do not wrap in a narrow panel
        for level in ("epoch", "step"):
            row = types.Object()
            view = columns("repeat(auto-fill, minmax(112px, max-content))")
            panel.define_property(f"curves_of_{level}", row, view=view)
            for name, short, label, of in training_figures.CURVES:
                if of == level:
                    row.btn(
                        f"curve_{name}",
                        label=short,
                        title=label,
                        variant="contained" if name == choice["curve"] else "outlined",
                        on_click=self.on_curve,
                        params={"name": name},
                    )
        panel.plot(
            _plot_of(choice["curve"]),
            layout=training_figures.layout(choice["curve"]),
            height="260px",
            composite_view=True,
        )


def _plot_of(curve: str) -> str:
    """Return the name of the plot of a curve: late data of another curve are not drawn in it."""
    return f"plot_{curve}"


def _faces(dataset: fo.Dataset | None) -> fo.Dataset:
    """Return the faces dataset behind the open dataset."""
    return face_columns.source_of(dataset).faces


def _names(faces: fo.Dataset) -> set[str]:
    """Return the names of the datasets whose jobs are listed."""
    videos = views.videos_of(faces)
    return {faces.name} | ({videos.name} if videos is not None else set())


def _newest_first(faces: fo.Dataset) -> list[TrainingRun]:
    return training_records.training_runs(faces)[::-1]


def _unscored(
    faces: fo.Dataset, found: list[TrainingRun], work: list[work_row.WorkRow]
) -> str | None:
    """Return the newest finished run, if it has scored nothing yet and is not scoring now."""
    run = next((run for run in found if run.status == "completed"), None)
    busy = any(row.operator == "score_faces" and row.state in work_row.LIVE for row in work)
    if run is None or busy or fields.scores_config(faces, run.key) is not None:
        return None
    return run.key


def _metrics(run: TrainingRun) -> list[dict[str, Any]]:
    """Return all records of a run, read again only if the file has changed."""
    path = run.folder / "metrics.jsonl"
    if not path.is_file():
        return []
    stat = path.stat()
    key = (str(path), stat.st_mtime_ns, stat.st_size)
    return _METRICS.get(key, RunFolder(run.folder).metrics)
