"""Defines the panel ``timeline``: the scores of one video, by frame and by person."""

from __future__ import annotations

import logging
import time
from typing import Any
from urllib.parse import quote

import fiftyone as fo
from fiftyone.operators import types

from ....detector.errors import ForensicsError
from ...app.current_detector import current
from ...app.markup import plain
from ...dataset import face_columns, fields
from ...thresholds.stored_thresholds import stored_of
from ..choice_panel import ChoicePanel, columns, handler
from ..person_scores import Timeline, driving, sentence, timeline_of
from . import figure as timeline_figure

logger = logging.getLogger(__name__)
PLAYER = "MediaForensicsPlayer"  # in src/timeline/
STATE = ("key", "sample", "video_id", "shown")


class TimelinePanel(ChoicePanel):
    """Panel that shows the scores of the open video along its frames."""

    label = "Score timeline"
    icon = "timeline"
    surfaces = "grid modal"
    help = (
        "The scores of one video along its frames, for each person, with the frames that could "
        "not be scored and the paired real. Click a point to see the face and to play it."
    )
    choice = STATE
    missing = "No timeline yet"

    def on_load(self, ctx: Any) -> None:
        """Draw the panel when it is opened."""
        self._show(ctx, {**self._choice(ctx), "key": None, "sample": self._asked(ctx)})

    def on_change_current_sample(self, ctx: Any) -> None:
        """Follow the sample that is open; the event also comes when nothing has changed."""
        self._follow(ctx)

    def on_change_selected(self, ctx: Any) -> None:
        """Follow the sample that is ticked in the grid."""
        self._follow(ctx)

    def _follow(self, ctx: Any) -> None:
        choice, asked = self._choice(ctx), self._asked(ctx)
        if asked is not None and asked != choice["sample"]:
            self._show(ctx, {**choice, "sample": asked, "shown": None})

    @staticmethod
    def _asked(ctx: Any) -> str | None:
        """Return the open sample, else the first ticked one."""
        return ctx.current_sample or next(iter(ctx.selected or []), None)

    @handler
    def on_key(self, ctx: Any) -> None:
        """Make another detector, ``key``, the one that every screen shows."""
        self._follow_detector(ctx, ctx.params.get("key"))
        self._show(ctx, {**self._choice(ctx), "key": ctx.params.get("key")})

    @handler
    def on_point(self, ctx: Any) -> None:
        """Show a point's face here, and play it: in the player, or where its sample is open."""
        sample_id, frame = ctx.params.get("id"), ctx.params.get("x")
        choice = self._choice(ctx)
        source = face_columns.source_of(ctx.dataset)
        if sample_id:
            choice["shown"] = sample_id
        if ctx.current_sample and source.shows_faces and sample_id:
            choice["sample"] = sample_id  # opening it does not change the video
            ctx.ops.open_sample(id=sample_id)
        self._show(ctx, choice)
        beside = not ctx.current_sample  # beside the grid, where the player has a panel of its own
        if beside:
            ctx.ops.open_panel("player", layout="horizontal")
        if beside or (not source.shows_faces and frame is not None):
            # the component moves the player; the time tells a second click on the same point apart
            seek = None if frame is None else round(frame), time.time()
            sample = (sample_id or choice["sample"]) if beside else None
            ctx.panel.set_data({"player": {"frame": seek[0], "when": seek[1], "sample": sample}})

    def _show(self, ctx: Any, choice: dict[str, Any]) -> None:
        try:
            timeline, choice, keys, card = self._read(ctx, choice)
        except ForensicsError as error:
            logger.info("no timeline: %s", error)
            self._say_missing(ctx, choice, error, view=None)
            return
        view = {
            "title": timeline.video_id,
            "words": sentence(timeline),
            "threshold": timeline.threshold.value,
            "provenance": timeline.threshold.provenance,
            "keys": keys,
            "card": card,
            "faces": face_columns.source_of(ctx.dataset).shows_faces,
        }
        ctx.panel.set_state({"choice": choice, "empty": None, "view": view})
        data: dict[str, Any] = {"plot": timeline_figure.figure(timeline)}
        if card:
            data["crop"] = card["url"]
        ctx.panel.set_data(data)

    def _read(
        self, ctx: Any, choice: dict[str, Any]
    ) -> tuple[Timeline, dict[str, Any], list[str], dict[str, str] | None]:
        source = face_columns.source_of(ctx.dataset)
        keys = face_columns.detector_keys(source.faces)
        if choice["key"] not in keys:
            choice["key"] = current(source.faces, keys)
        if not choice["sample"]:
            raise ForensicsError("No video is chosen.", "Open a sample, or tick one in the grid.")
        name = fields.here(ctx.dataset, "video_id")
        found = ctx.dataset.select(choice["sample"]).values(name)
        if not found or not found[0]:
            raise ForensicsError("This sample belongs to no video.", "Open another.")
        choice["video_id"] = found[0]
        stored = stored_of(source.faces, choice["key"])
        timeline = timeline_of(source, found[0], choice["key"], stored.for_one)
        if choice["shown"] is None and ctx.current_sample and source.shows_faces:
            choice["shown"] = ctx.current_sample  # show the face that is open
        return timeline, choice, keys, _card(source.faces, timeline, choice["shown"])

    def render(self, ctx: Any) -> types.Property:
        """Draw the plot, what it says in words, and the face that was clicked."""
        panel = types.Object()
        # an open sample has arrows to its neighbours on both sides, above everything
        padding = "12px 48px" if ctx.current_sample else "12px"
        root = types.Property(panel, view=columns("minmax(0, 1fr)", padding))
        empty, view = ctx.panel.get_state("empty"), ctx.panel.get_state("view")
        if empty:
            self._draw_missing(panel, empty)
            return root
        if not view:
            return root
        chosen = self._choice(ctx)["key"]
        if len(view["keys"]) > 1:
            row = types.Object()
            wrapping = columns("repeat(auto-fill, minmax(140px, 1fr))")
            panel.define_property("keys", row, view=wrapping)
            for key in view["keys"]:
                variant = "contained" if key == chosen else "outlined"
                row.btn(
                    f"key_{key}",
                    label=key,
                    variant=variant,
                    on_click=self.on_key,
                    params={"key": key},
                )
        panel.md(f"**{plain(view['title'])}**", name="title")
        panel.plot(
            "plot",
            layout=timeline_figure.layout(view["threshold"], view["title"]),
            on_click=self.on_point,
            height="320px",
            composite_view=True,
        )
        panel.md(plain(view["words"]), name="words")
        panel.md(
            f"Threshold {view['threshold']:.3f}: {plain(view['provenance'])}.", name="threshold"
        )
        if not ctx.current_sample or not view["faces"]:
            self._draw_component(
                panel,
                "player",
                PLAYER,
                beside=not ctx.current_sample,
            )
        if view["card"]:
            panel.md(view["card"]["words"], name="card")
            image = types.ImageView(height="192px", alt="aligned face crop")
            panel.str("crop", default=view["card"]["url"], view=image)
        return root


def _card(faces: fo.Dataset, timeline: Timeline, shown: str | None) -> dict[str, str] | None:
    """Return the clicked face, else the highest-scoring one."""
    top = driving(timeline)
    sample_id = shown or (top[0][2] if top else None)
    if sample_id is None or not len(faces.select(sample_id)):
        return None
    sample = faces[sample_id]
    what = "This face" if shown else "The highest"
    other = "" if sample.video_id == timeline.video_id else f" of {plain(sample.video_id)}"
    return {
        "words": f"{what}: frame {sample.frame_number}{other}",
        "url": f"/media?filepath={quote(sample.filepath, safe='')}",
    }
