"""Defines the panel ``error_audit``: error rates by dataset and method, each a click."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from fiftyone.operators import types

from ....detector.audit import threshold as audit_threshold
from ....detector.audit.threshold import Threshold
from ....detector.audit.units import Units
from ....detector.errors import ForensicsError
from ....detector.records import FAKE, REAL
from ...app import first_look
from ...dataset import face_columns, views
from ...evaluation import scope as audit_scope
from .. import grid
from ..choice_panel import DatasetPanel, columns, handler
from . import (
    cells as audit_cells,
    figures as audit_figures,
    pairs_figure,
    payload as audit_payload,
    tabs as audit_tabs,
)
from .study import Study, study_of, threshold_of

logger = logging.getLogger(__name__)

HEADER, TABLE = "MediaForensicsAuditHeader", "MediaForensicsAuditTable"  # in src/audit/
#: The panel's whole state; what it means is in :func:`study_of` and :class:`Threshold`.
CHOICE = ("dataset", "token", "key", "level", "scope", "kept", "group", "source", "value", "shown")
CHOICE += ("tab", "other", "regions", "down", "across", "drawn", "first")
CONTROLS = ("key", "level", "scope", "group", "source", "tab", "other", "regions")
CONTROLS += ("down", "across")


class ErrorAudit(DatasetPanel):
    """Panel that shows where a detector errs: rates with intervals by dataset, method, field."""

    label = "Error audit"
    icon = "fact_check"
    help = (
        "Error rates of a detector at one threshold, by dataset and method or any field. "
        "Click a number, a bar or a point of the curve to see exactly those faces in the grid."
    )
    choice = CHOICE
    missing = "Nothing to audit yet"

    # -- state: small, plain, and never the data of the plots ------------------------------------

    def on_load(self, ctx: Any) -> None:
        """Draw the panel when it is opened, for the first time or again."""
        choice = self._choice(ctx)
        # read the database again, draw everything, show the current detector
        choice |= {"key": None, "token": None, "drawn": None}
        self._show(ctx, choice)

    @handler
    def on_set(self, ctx: Any) -> None:
        """Apply a changed control: ``name`` and ``value``."""
        choice = self._choice(ctx)
        name, value = ctx.params.get("name"), ctx.params.get("value")
        if name == "threshold":
            choice |= {"source": audit_threshold.HAND, "value": float(value)}
        elif name in CONTROLS:
            choice[name] = value
            if name == "key":
                self._follow_detector(ctx, value)
                choice |= {"token": None, "source": None, "value": None}  # its own threshold
        else:
            raise ForensicsError(f"There is no control {name!r}.")
        self._show(ctx, choice)

    @handler
    def on_keep_view(self, ctx: Any) -> None:
        """Audit the view that the App now shows."""
        choice = self._choice(ctx)
        if not face_columns.source_of(ctx.dataset).shows_faces:
            raise ForensicsError("The grid shows videos.", "Open the faces dataset to keep a view.")
        choice |= {"kept": audit_scope.keep(ctx.view), "scope": audit_scope.KEPT}
        self._show(ctx, choice)

    @handler
    def on_refresh(self, ctx: Any) -> None:
        """Read the samples again."""
        self._show(ctx, {**self._choice(ctx), "token": None})

    @handler
    def on_show(self, ctx: Any) -> None:
        """Show the samples behind a number of the table: ``row`` (-1 is the total) and ``kind``."""
        study, threshold, choice = self._current(ctx)
        pick = grid.pick_kind(study.units, ctx.params["kind"], threshold.value, study.key)
        row = int(ctx.params["row"])
        if row >= 0:
            pick = grid.both(pick, grid.pick_row(study.grouping, row, study.flag))
        self._tocolumns(ctx, study, pick, choice)

    @handler
    def on_slice(self, ctx: Any) -> None:
        """Show the samples behind a number of a slice: ``conditions`` and ``kind``."""
        study, threshold, choice = self._current(ctx)
        scope, units, pick = audit_tabs.pick_slice(study, choice, threshold, ctx.params)
        self._tocolumns(ctx, study, pick, choice, scope, units)

    @handler
    def on_cell(self, ctx: Any) -> None:
        """Show the samples behind a number of a cell of two fields: ``cell`` and ``kind``."""
        study, threshold, choice = self._current(ctx)
        scope, units, pick = audit_cells.pick(study, choice, threshold, ctx.params)
        self._tocolumns(ctx, study, pick, choice, scope, units)

    @handler
    def on_changed(self, ctx: Any) -> None:
        """Show units that the second detector calls differently: ``what``, ``row`` or ``unit``."""
        study, threshold, choice = self._current(ctx)
        pick = audit_tabs.pick_changed(study, choice, threshold, ctx.params)
        self._tocolumns(ctx, study, pick, choice)

    @handler
    def on_pair(self, ctx: Any) -> None:
        """Show both videos of a pair in the grid."""
        number = ctx.params.get("id")
        study, _, choice = self._current(ctx)
        if number is None or study.pairs is None:
            return
        view, text = audit_tabs.pair_view(study, int(number))
        self._fill_grid(ctx, choice, view, text)

    @handler
    def on_bar(self, ctx: Any) -> None:
        """Show the samples behind a bar of the histogram."""
        study, _, choice = self._current(ctx)
        label = REAL if ctx.params.get("trace_idx") in (0, 2) else FAKE  # 2, 3: the hatched parts
        pick = grid.pick_bar(study.units, int(ctx.params["idx"]), label, study.key)
        self._tocolumns(ctx, study, pick, choice)

    @handler
    def on_roc(self, ctx: Any) -> None:
        """Move the threshold to a point of the curve and show the errors there."""
        if ctx.params.get("trace_idx") != 1:
            return
        study, _, choice = self._current(ctx)
        assert study.curve is not None
        value = float(study.curve.thresholds[int(ctx.params["idx"])])
        if np.isnan(value):
            raise ForensicsError(
                "No threshold reaches this point: p_fake is 1 (or 0) on both sides of it.",
                "The curve is drawn from the margins; choose a point beside it.",
            )
        choice |= {"source": audit_threshold.HAND, "value": value}
        pick = grid.pick_kind(study.units, "errors", value, study.key)
        self._tocolumns(ctx, study, pick, choice)
        self._show(ctx, choice)

    @handler
    def on_clear(self, ctx: Any) -> None:
        """Show all samples in the grid again."""
        ctx.ops.clear_view()
        ctx.ops.set_extended_selection(reset=True)
        self._remember(ctx, {**self._choice(ctx), "shown": None, "first": None})

    @handler
    def on_close_intro(self, ctx: Any) -> None:
        """Close the card of the first run for good."""
        first_look.close(audit_payload.PANEL)
        ctx.panel.set_data({"header.intro": None, "header.rev": ctx.params.get("rev")})

    # -- what the events have in common ----------------------------------------------------------

    def _current(self, ctx: Any) -> tuple[Study, Threshold, dict[str, Any]]:
        choice = self._choice(ctx)
        study = study_of(ctx.dataset, choice)
        return study, threshold_of(study, choice), choice

    @staticmethod
    def _study(ctx: Any, choice: dict[str, Any]) -> Study:
        """Return :func:`study_of`; a choice that is gone (deleted view or field) is reset."""
        try:
            return study_of(ctx.dataset, choice)
        except ForensicsError as error:
            if error.field not in ("scope", "group", "level") or not choice.get(error.field):
                raise
            ctx.ops.notify(str(error), variant="warning")
            choice[error.field] = None
            return study_of(ctx.dataset, choice)

    def _tocolumns(
        self,
        ctx: Any,
        study: Study,
        pick: grid.Pick,
        choice: dict[str, Any],
        scope: audit_scope.Scope | None = None,
        units: Units | None = None,
    ) -> None:
        if not pick.mask.any():
            raise ForensicsError(f"There are no {pick.words}.")
        view, text = grid.grid_view(study.source, scope or study.scope, units or study.units, pick)
        self._fill_grid(ctx, choice, view, text)

    def _fill_grid(self, ctx: Any, choice: dict[str, Any], view: Any, text: str) -> None:
        ctx.ops.set_view(view)
        # the App follows a second later: until then its view is not this one
        first = next(iter(views.flat(view).limit(1)), None)
        choice |= {"shown": text, "first": None if first is None else first.id}
        self._remember(ctx, choice)

    def _to_play(self, ctx: Any) -> str:
        """Return the first of the samples behind the number that was clicked."""
        return self._choice(ctx)["first"] or super()._to_play(ctx)

    def _remember(self, ctx: Any, choice: dict[str, Any]) -> None:
        ctx.panel.set_state("choice", choice)
        ctx.panel.set_data({"header.shown": choice["shown"], "header.rev": ctx.params.get("rev")})

    def _show(self, ctx: Any, choice: dict[str, Any]) -> None:
        """Compute and send the audit of ``choice``; if nothing can be audited, say what to do."""
        choice["dataset"] = ctx.dataset.name if ctx.dataset is not None else None
        try:
            study = self._study(ctx, choice)
            threshold = threshold_of(study, choice)
        except ForensicsError as error:
            logger.info("nothing to audit: %s", error)
            self._say_missing(ctx, choice, error, lines=None)
            return
        choice |= {"source": threshold.source, "value": threshold.value}
        total, rows = study.table.at(threshold.value)
        drawn = audit_tabs.drawing(study, choice)
        charts = {} if choice["drawn"] == drawn else audit_payload.charts(study)
        choice["drawn"] = drawn
        ctx.panel.set_state(
            {"choice": choice, "empty": None, "lines": audit_payload.lines(study, threshold, total)}
        )
        ctx.panel.set_data(
            {
                "header": {
                    **audit_payload.header(study, threshold, total, rows, choice),
                    "rev": ctx.params.get("rev"),  # the event that this answers
                },
                "table": {
                    **audit_payload.table(study, total, rows),
                    **audit_tabs.contents(study, choice, threshold),
                },
                **charts,
            }
        )

    def render(self, ctx: Any) -> types.Property:
        """Draw controls and numbers, the two plots and the table."""
        panel = types.Object()
        root = types.Property(panel, view=columns("minmax(0, 1fr)", "12px"))
        empty = ctx.panel.get_state("empty")
        if empty:
            self._draw_missing(panel, empty)
            return root
        lines = ctx.panel.get_state("lines")
        if not lines:
            return root
        self._draw_component(
            panel,
            "header",
            HEADER,
            on_set=self.on_set,
            on_clear=self.on_clear,
            on_refresh=self.on_refresh,
            on_keep_view=self.on_keep_view,
            on_show=self.on_show,
            on_close_intro=self.on_close_intro,
            on_play=self.on_play,
        )
        row = types.Object()
        panel.define_property("charts", row, view=columns("repeat(auto-fit, minmax(280px, 1fr))"))
        row.plot(
            "distributions",
            layout=audit_figures.histogram_layout(
                lines["threshold"], lines["top"], lines["unit"], bool(lines.get("seen"))
            ),
            on_click=self.on_bar,
            height="220px",
            composite_view=True,
        )
        row.plot(
            "roc",
            layout=audit_figures.roc_layout(lines["fpr"], lines["tpr"]),
            on_click=self.on_roc,
            height="220px",
            composite_view=True,
        )
        self._draw_component(
            panel,
            "table",
            TABLE,
            on_set=self.on_set,
            on_show=self.on_show,
            on_slice=self.on_slice,
            on_cell=self.on_cell,
            on_changed=self.on_changed,
        )
        if lines["pairs"] and self._choice(ctx)["tab"] == audit_tabs.PAIRS:
            panel.plot(
                "pairs",
                layout=pairs_figure.layout(lines["threshold"]),
                on_click=self.on_pair,
                height="340px",
                composite_view=True,
            )
        return root
