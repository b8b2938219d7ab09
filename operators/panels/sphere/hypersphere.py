"""Defines the panel ``hypersphere``: embeddings seen from the fake axis, linked with the grid."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from fiftyone.operators import types

from ....detector.errors import ForensicsError
from ...app.current_detector import current
from ...dataset import face_columns, fields
from ...embeddings.sphere_source import (
    Sphere,
    embedding_field,
    first_sphere,
    sphere_with,
    whole_sphere,
)
from ..choice_panel import DatasetPanel, columns, follower, handler
from . import (
    colouring,
    lookup as sphere_lookup,
    maps as sphere_maps,
    message as sphere_message,
    payload as sphere_payload,
)

logger = logging.getLogger(__name__)

VIEW = "MediaForensicsSphere"  # in src/sphere/
CHOICE = ("dataset", "token", "key", "other", "selected", "shown")
FIRST, SECOND = "panel", "second"  # where the data of the two spheres are
MOST_LIT = 2000  # most faces that light up in the other sphere


class Hypersphere(DatasetPanel):
    """Panel that shows faces on the sphere of embeddings, oriented by the detector's head."""

    label = "Hypersphere"
    icon = "language"
    help = (
        "Unit embeddings on the sphere, turned so that the detector's fake axis points to the "
        "right. Click a face, draw a lasso or a box to see those faces in the grid; what you "
        "select in the grid lights up here."
    )
    choice = CHOICE
    missing = "No sphere to show yet"

    # -- events ----------------------------------------------------------------------------------

    def on_load(self, ctx: Any) -> None:
        """Draw the panel when it is opened, for the first time or again."""
        self._show(ctx, {**self._choice(ctx), "key": None, "token": None, "shown": None})

    @follower
    def on_change_selected(self, ctx: Any) -> None:
        """Light up the grid's selection in the plot."""
        choice = self._choice(ctx)
        chosen = sorted(ctx.selected or [])
        if ctx.panel.get_state("empty") or chosen == (choice["selected"] or []):
            return  # the event also comes when nothing has changed
        try:
            lit = {
                f"{place}.selected": sphere_lookup.selected_points(
                    *self._current(ctx, side), chosen
                )
                for place, side in self._sides(choice)
            }
        except ForensicsError as error:
            logger.info("selection not shown: %s", error)
            return
        choice["selected"] = chosen
        ctx.panel.set_state("choice", choice)
        ctx.panel.set_data(lit)

    @handler
    def on_set(self, ctx: Any) -> None:
        """Show another detector, or another one beside it (``other``, "" for none)."""
        name, value = ctx.params.get("name"), ctx.params.get("value")
        if name not in ("key", "other"):
            raise ForensicsError(f"There is no control {name!r}.")
        if name == "key":
            self._follow_detector(ctx, value)
        choice = {**self._choice(ctx), name: value or None, "shown": None}
        self._show(ctx, {**choice, "token": None})

    @handler
    def on_refresh(self, ctx: Any) -> None:
        """Read the samples again."""
        self._show(ctx, {**self._choice(ctx), "token": None})

    # the answers of the following go to the component that asked, not into the panel's data: they
    # change nothing that other events could undo

    @handler
    def on_rest(self, ctx: Any) -> dict[str, Any] | None:
        """Return the points that the first plot left out: those after the first ``n``."""
        side = self._asked(ctx, self._choice(ctx))
        source, _ = self._current(ctx, side)
        if side["key"] != ctx.params.get("key"):
            return None  # another detector was chosen meanwhile
        sphere = whole_sphere(source, side["key"], side["token"])
        return {
            "key": side["key"],
            **sphere_message.rest(source, sphere, side["key"], since=int(ctx.params["n"])),
            "selected": sphere_lookup.selected_points(source, sphere, side["selected"] or []),
        }

    @handler
    def on_colour(self, ctx: Any) -> dict[str, Any] | None:
        """Return the values of field ``name`` for the ``n`` points that are drawn."""
        side = self._asked(ctx, self._choice(ctx))
        source, sphere = self._current(ctx, side)
        name, number = ctx.params.get("name"), int(ctx.params["n"])
        return colouring.colour_field(source, sphere, name, side["token"], number)

    @handler
    def on_umap(self, ctx: Any) -> dict[str, Any] | None:
        """Return the positions of the ``n`` drawn points on the UMAP."""
        side = self._asked(ctx, self._choice(ctx))
        source, sphere = self._current(ctx, side)
        return sphere_maps.umap_map(source.faces, side["key"], sphere, int(ctx.params["n"]))

    def on_hover(self, ctx: Any) -> dict[str, Any] | None:
        """Return the card of one face."""
        try:
            source, sphere = self._current(ctx, self._asked(ctx, self._choice(ctx)))
        except ForensicsError:
            return None  # the next event reports what is wrong
        found = sphere_payload.indices(ctx.params, len(sphere.columns))
        return sphere_lookup.card(source, sphere, int(found[0])) if found.size else None

    @handler
    def on_pick(self, ctx: Any) -> None:
        """Show the faces of a click, a lasso or a box in the grid."""
        choice = self._choice(ctx)
        source, sphere = self._current(ctx, self._asked(ctx, choice))
        found = sphere_payload.indices(ctx.params, len(sphere.columns))
        tool = "box" if ctx.params.get("tool") == "box" else "lasso"
        what = "clicked" if found.size == 1 else f"inside the {tool}"
        self._to_grid(ctx, source, sphere, found, what, choice)

    @handler
    def on_more(self, ctx: Any) -> dict[str, Any] | None:
        """Show one face's video, or its nearest faces of other groups; return those faces."""
        choice = self._choice(ctx)
        side = self._asked(ctx, choice)
        source, _ = self._current(ctx, side)
        sphere = whole_sphere(source, side["key"], side["token"])
        found = sphere_payload.indices(ctx.params, len(sphere.columns))
        if not found.size:
            return None
        if ctx.params.get("what") == "video":
            chosen = sphere_lookup.same_video(sphere, int(found[0]))
            what = "of the same video"
        else:
            chosen = sphere_lookup.nearest(
                source, sphere, side["key"], side["token"], int(found[0])
            )
            what = f"the face and its {len(chosen) - 1} nearest of other groups"
        self._to_grid(ctx, source, sphere, chosen, what, choice)
        return {"idx": [int(i) for i in chosen]}

    @handler
    def on_clear(self, ctx: Any) -> None:
        """Show all samples in the grid again."""
        ctx.ops.clear_view()
        ctx.ops.set_selected_samples([])
        ctx.ops.set_extended_selection(reset=True)
        choice = {**self._choice(ctx), "shown": None}
        lit = {f"{place}.selected": [] for place, _ in self._sides(choice)}
        self._remember(ctx, {**choice, "selected": []}, lit)

    def _to_play(self, ctx: Any) -> str:
        """Return the face ``idx``."""
        _, sphere = self._current(ctx, self._asked(ctx, self._choice(ctx)))
        found = sphere_payload.indices(ctx.params, len(sphere.columns))
        if not found.size:
            raise ForensicsError("There is no face there.")
        return sphere.columns.ids[int(found[0])]

    @handler
    def on_register(self, ctx: Any) -> None:
        """Give FiftyOne's Embeddings panel the 2-D projection."""
        choice = self._asked(ctx, self._choice(ctx))
        source, _ = self._current(ctx, choice)
        sphere = whole_sphere(source, choice["key"], choice["token"])
        if not source.shows_faces:
            raise ForensicsError("The grid shows videos.", f"Open {source.faces.name!r} for it.")
        name = sphere_maps.register_plane(source.faces, choice["key"], sphere)
        ctx.ops.notify(f"Open the Embeddings panel and choose {name!r}.", variant="success")
        ctx.ops.reload_dataset()

    # -- what the events have in common ----------------------------------------------------------

    @staticmethod
    def _sides(choice: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
        """Return data place and choice of each sphere that is drawn: one, or two side by side."""
        sides = [(FIRST, choice)]
        if choice["other"]:
            sides.append((SECOND, {**choice, "key": choice["other"], "token": None}))
        return sides

    def _asked(self, ctx: Any, choice: dict[str, Any]) -> dict[str, Any]:
        """Return the choice of the sphere that an event came from."""
        sides = self._sides(choice)
        return sides[-1][1] if ctx.params.get("side") == 2 else sides[0][1]

    def _current(self, ctx: Any, choice: dict[str, Any]) -> tuple[face_columns.Source, Sphere]:
        """Return source and sphere of ``choice``; missing values are filled in, in place."""
        source = face_columns.source_of(ctx.dataset)
        keys = [
            key
            for key in face_columns.detector_keys(source.faces)
            if source.faces.has_field(fields.ScoreFields(key).embedding)
        ]
        if not keys:
            embedding_field(source.faces, face_columns.detector_keys(source.faces)[-1])  # raises
        if choice["key"] not in keys:
            choice |= {"key": current(source.faces, keys), "token": None}
        if not choice["token"]:
            choice["token"] = repr(face_columns.state_token(source, choice["key"]))
        drawn = int(ctx.params.get("n") or 0)  # points that the browser has
        return source, sphere_with(source, choice["key"], choice["token"], drawn)

    def _beside(self, ctx: Any, side: dict[str, Any]) -> Sphere:
        """Return the sphere of the other side, as far as it is available."""
        source = face_columns.source_of(ctx.dataset)
        token = side["token"] or repr(face_columns.state_token(source, side["key"]))
        return sphere_with(source, side["key"], token, 0)

    def _to_grid(
        self,
        ctx: Any,
        source: face_columns.Source,
        sphere: Sphere,
        chosen: np.ndarray,
        what: str,
        choice: dict[str, Any],
    ) -> None:
        if not chosen.size:
            raise ForensicsError("There is no face there.")
        view, text = sphere_lookup.grid_view(source, sphere, chosen, what)
        ctx.ops.set_view(view)
        lit = {}
        if choice["other"]:  # shows the same faces before and after
            same = [sphere.columns.ids[int(i)] for i in chosen[:MOST_LIT]]
            for place, side in self._sides(choice):
                mine = place == (SECOND if ctx.params.get("side") == 2 else FIRST)
                there = [] if mine else sphere_lookup.points_of(self._beside(ctx, side), same)
                lit[f"{place}.selected"] = there
        self._remember(ctx, {**choice, "shown": text}, lit)

    def _remember(
        self, ctx: Any, choice: dict[str, Any], lit: dict[str, list[int]] | None = None
    ) -> None:
        ctx.panel.set_state("choice", choice)
        data: dict[str, Any] = dict(lit or {})
        for place, _ in self._sides(choice):
            data |= {f"{place}.shown": choice["shown"], f"{place}.rev": ctx.params.get("rev")}
        ctx.panel.set_data(data)

    def _show(self, ctx: Any, choice: dict[str, Any]) -> None:
        """Send the sphere of ``choice``; if there is none, say what to do next."""
        choice["dataset"] = ctx.dataset.name if ctx.dataset is not None else None
        choice["selected"] = sorted(ctx.selected or [])
        try:
            self._current(ctx, choice)
            if choice["other"] == choice["key"]:
                choice["other"] = None
            data = {place: self._picture(ctx, side) for place, side in self._sides(choice)}
        except ForensicsError as error:
            logger.info("no sphere: %s", error)
            self._say_missing(ctx, choice, error)
            return
        ctx.panel.set_state({"choice": choice, "empty": None})
        ctx.panel.set_data(data)

    def _picture(self, ctx: Any, side: dict[str, Any]) -> dict[str, Any]:
        """Return everything that one component draws and says."""
        source, _ = self._current(ctx, side)
        sphere = first_sphere(source, side["key"], side["token"])
        return {
            **sphere_message.picture(source, sphere, side["key"]),
            "other": side["other"],
            "shown": side["shown"],
            "rev": ctx.params.get("rev"),  # the event that this answers
            "selected": sphere_lookup.selected_points(source, sphere, side["selected"]),
        }

    def render(self, ctx: Any) -> types.Property:
        """Draw the component, or what to do to see it."""
        panel = types.Object()
        empty = ctx.panel.get_state("empty")
        if empty:
            self._draw_missing(panel, empty)
        else:
            for number, (place, _) in enumerate(self._sides(self._choice(ctx)), 1):
                self._draw_component(
                    panel,
                    place,
                    VIEW,
                    side=number,
                    on_set=self.on_set,
                    on_refresh=self.on_refresh,
                    on_rest=self.on_rest,
                    on_colour=self.on_colour,
                    on_umap=self.on_umap,
                    on_hover=self.on_hover,
                    on_pick=self.on_pick,
                    on_more=self.on_more,
                    on_clear=self.on_clear,
                    on_register=self.on_register,
                    on_play=self.on_play,
                )
        beside = "repeat(auto-fit, minmax(min(100%, 250px), 1fr))"
        view = columns("minmax(0, 1fr)" if empty else beside, 1.5)
        return types.Property(panel, view=view)
