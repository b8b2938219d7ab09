"""Defines the base of the panels: a small choice as state, guarded events, what is missing."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import fiftyone as fo
import fiftyone.operators as foo
from fiftyone.operators import types

from ...detector.errors import ForensicsError
from ..app import current_detector
from ..app.documentation import documented
from ..app.markup import plain
from ..dataset import face_columns, partners, views
from ..operator_list import name_of, uri_of


def handler(method: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap an event handler so that a :class:`ForensicsError` becomes a notification."""

    @functools.wraps(method)
    def guarded(self: foo.Panel, ctx: Any) -> Any:
        try:
            return method(self, ctx)
        except ForensicsError as error:
            ctx.ops.notify(str(error), variant="warning")
            return None

    return guarded


def answering(method: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Wrap an event so that what is wrong comes back in words, to its component."""

    @functools.wraps(method)
    def guarded(self: Any, ctx: Any) -> dict[str, Any]:
        try:
            return method(self, ctx)
        except ForensicsError as error:
            return {"refused": {"message": error.message, "hint": error.hint}}

    return guarded


def follower(method: Callable[..., None]) -> Callable[..., None]:
    """Wrap an ``on_change_...`` handler so that it waits for ``on_load``.

    The App sends both when it mounts a panel, with the same empty state. The later answer would
    undo what was chosen after the first.
    """

    @functools.wraps(method)
    def guarded(self: foo.Panel, ctx: Any) -> None:
        if ctx.panel.get_state("choice") is not None:
            method(self, ctx)

    return guarded


class ChoicePanel(foo.Panel):
    """Panel whose whole state is a small, plain choice; its data are computed from that.

    Attributes:
        label, icon, surfaces: as FiftyOne lists the panel
        help: what the panel shows; ``page`` of docs/ says more, linked under the title ``more``
        choice: the names of the choice; ``dataset`` is one of them if the choice belongs to a
            dataset
        missing: heading of the message that is shown if there is nothing to show
    """

    label: ClassVar[str]
    icon: ClassVar[str]
    surfaces: ClassVar[str] = "grid"
    help: ClassVar[str]
    page: ClassVar[str] = "audit.md"
    more: ClassVar[str] = "How each number is made"
    choice: ClassVar[tuple[str, ...]]
    missing: ClassVar[str]

    @property
    def config(self) -> foo.PanelConfig:
        return foo.PanelConfig(
            name=name_of(type(self).__module__),
            label=self.label,
            icon=self.icon,
            help_markdown=documented(self.help, self.page, self.more),
            category=foo.Categories.ANALYZE,
            surfaces=self.surfaces,
            allow_multiple=False,
        )

    @handler
    def on_refresh(self, ctx: Any) -> None:
        """Read everything again."""
        self._show(ctx, self._choice(ctx))

    def on_extract_faces(self, ctx: Any) -> None:
        """Open the form of 'Extract faces'."""
        ctx.prompt(uri_of("extract_faces"), on_success=self.on_refresh)

    def on_score_faces(self, ctx: Any) -> None:
        """Open the form of 'Score faces'."""
        ctx.prompt(uri_of("score_faces"), on_success=self.on_refresh)

    def _show(self, ctx: Any, choice: dict[str, Any]) -> None:
        """Compute what ``choice`` shows, and send it."""
        raise NotImplementedError

    def _choice(self, ctx: Any) -> dict[str, Any]:
        # all names every time, because the App merges what it gets into what it has
        return {**dict.fromkeys(self.choice), **(ctx.panel.get_state("choice") or {})}

    @staticmethod
    def _follow_detector(ctx: Any, key: Any) -> None:
        """Let every screen, the open grid among them, follow the detector ``key``."""
        source = face_columns.source_of(ctx.dataset)
        if key not in face_columns.detector_keys(source.faces):
            raise ForensicsError(f"There is no detector {key!r} here.", "Refresh the panel.", "key")
        shown = current_detector.choose(source.faces, key)
        if shown and source.shows_faces:
            ctx.ops.set_active_fields(shown)

    @staticmethod
    def _say_missing(ctx: Any, choice: dict[str, Any], error: ForensicsError, **more: Any) -> None:
        """Keep the choice, and show why there is nothing to show."""
        empty = {"message": error.message, "hint": error.hint}
        ctx.panel.set_state({"choice": choice, "empty": empty, **more})

    def _draw_missing(self, panel: types.Object, empty: dict[str, str]) -> None:
        """Draw what to do before there is something to show."""
        why = plain(f"{empty['message']} {empty['hint']}")
        panel.md(f"**{self.missing}**\n\n{why}", name="why")
        self._draw_remedy(panel, empty["hint"])

    def _draw_remedy(self, panel: types.Object, hint: str) -> None:
        """Draw the buttons of what a hint says to run."""
        if "Extract faces" in hint:  # comes first
            panel.btn("extract", label="Extract faces …", on_click=self.on_extract_faces)
        elif "Score faces" in hint:
            panel.btn("score", label="Score faces …", on_click=self.on_score_faces)
        panel.btn("again", label="Refresh", on_click=self.on_refresh)

    @staticmethod
    def _draw_component(panel: types.Object, place: str, component: str, **given: Any) -> None:
        """Draw a component of ours at ``place``; ``given`` are its events and properties."""
        view = types.View(component=component, composite_view=True, **given)
        panel.define_property(place, types.Object(), view=view)


class DatasetPanel(ChoicePanel):
    """Panel about the open dataset: starts again with another dataset."""

    @follower
    def on_change_dataset(self, ctx: Any) -> None:
        """Start again with another dataset, for which the old choice does not hold."""
        name = ctx.dataset.name if ctx.dataset is not None else None
        if name != self._choice(ctx)["dataset"]:
            self._show(ctx, dict.fromkeys(self.choice))

    @handler
    def on_play(self, ctx: Any) -> dict[str, Any]:
        """Open the player beside this panel, and return the sample that it is to show."""
        sample = self._to_play(ctx)
        ctx.ops.open_panel("player", layout="horizontal")
        return {"sample": sample}

    def _to_play(self, ctx: Any) -> str:
        """Return the sample ``sample`` of an event, else the first one that the grid shows."""
        asked = ctx.params.get("sample")
        found = [asked] if asked else views.flat(ctx.view).limit(1).values("id")
        if not found:
            raise ForensicsError("The grid shows nothing.", "Show all, or change its filters.")
        return found[0]


def source_asked(
    ctx: Any, read: Callable[[Any], face_columns.Source] = face_columns.source_of
) -> face_columns.Source:
    """Return the faces that a component shows, by their id: the name may have changed.

    Args:
        ctx: of an event with the parameter ``dataset``
        read: makes the source of a dataset

    Raises:
        ForensicsError: the dataset was deleted
    """
    asked = ctx.params.get("dataset")
    if not asked:
        return read(ctx.dataset)
    name = partners.name_of(asked)
    if name is None:
        raise ForensicsError("This dataset was deleted.", "Open another one.")
    return read(fo.load_dataset(name, reload=True))


def columns(widths: str, padding: str | float = "0") -> types.GridView:
    """Build a grid whose columns stay within the panel (FiftyOne's own grow with their content)."""
    grid = {"display": "grid", "gridTemplateColumns": widths, "padding": padding}
    props = {"sx": {**grid, "overflowWrap": "break-word"}}
    return types.GridView(orientation="vertical", gap=1, componentsProps={"grid": props})
