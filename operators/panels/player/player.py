"""Defines the panel ``player``: a fake and its real side by side, frame by frame.

The panel keeps which sample it was opened at. The component in src/player/ asks for two videos,
plays them on its own screen, and asks for a preview where the browser cannot play a file.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import fiftyone as fo
import fiftyone.core.media as fomm
from fiftyone.operators import types

from ....detector.errors import ForensicsError
from ....detector.frames import numbering
from ...app.current_detector import current
from ...dataset import face_columns, fields, views
from ...dataset.face_columns import Source
from ...operator_list import uri_of
from ...thresholds.stored_thresholds import stored_of
from ..choice_panel import DatasetPanel, answering, columns, follower, source_asked
from ..person_scores import sentence, timeline_of
from ..stored_heat import HEATMAPS, heat_of, place_of
from . import people, previews, sides
from .video_pairs import couple_of, side_words, synchrony

VIEW = "MediaForensicsSideBySide"  # in src/player/


class PlayerPanel(DatasetPanel):
    """Panel that plays a fake and its real, synchronised to the frame, with their scores."""

    label = "Player"
    icon = "movie"
    help = (
        "A fake and its real side by side, frame by frame, with their difference, heatmaps and "
        "scores. Space plays, the arrows step, ? lists all keys."
    )
    page = "player.md"
    more = "Keys, frame numbers, previews"
    choice = ("dataset", "sample")
    missing = "Nothing to play yet"

    def on_load(self, ctx: Any) -> None:
        """Draw the panel when it is opened."""
        self._show(ctx, {**self._choice(ctx), "sample": self._asked(ctx)})

    @follower
    def on_change_current_sample(self, ctx: Any) -> None:
        """Follow the sample that is open; the event also comes when nothing has changed."""
        self._follow(ctx)

    @follower
    def on_change_selected(self, ctx: Any) -> None:
        """Follow the sample that is ticked in the grid."""
        self._follow(ctx)

    def _follow(self, ctx: Any) -> None:
        choice, asked = self._choice(ctx), self._asked(ctx)
        if asked is not None and asked != choice["sample"]:
            self._show(ctx, {**choice, "sample": asked})

    @staticmethod
    def _asked(ctx: Any) -> str | None:
        """Return the open sample, else the first ticked one."""
        return ctx.current_sample or next(iter(ctx.selected or []), None)

    def _show(self, ctx: Any, choice: dict[str, Any]) -> None:
        choice["dataset"] = ctx.dataset.name if ctx.dataset is not None else None
        try:
            shown = _source(ctx.dataset).shown
        except ForensicsError as error:
            self._say_missing(ctx, choice, error)
            return
        ctx.panel.set_state({"choice": choice, "empty": None, "lacks": _lacks(shown)})
        # with the time, so that the component asks again
        start = str(shown._doc.id), choice["sample"], time.time()
        ctx.panel.set_data({"panel": {"dataset": start[0], "sample": start[1], "when": start[2]}})

    # every answer goes to the component that asked: the panel's data stay as they are

    @answering
    def on_open(self, ctx: Any) -> dict[str, Any]:
        """Return the two videos of a sample (``sample``) or a video (``video``), and their scores.

        ``fake`` chooses among the fakes of a real, ``track`` the person, ``frame`` the number to
        begin at.
        """
        source = self._here(ctx)
        params = ctx.params
        video, number, track = _wanted(ctx, source)
        couple = couple_of(source, video, params.get("fake"))
        scores = self._scores(source, couple.left)
        own = scores["people"] if video == couple.left else scores["reals"]
        known = [person["track"] for person in own]
        if track not in known:
            subject = next((p["track"] for p in own if p["subject"]), None)
            track = subject if subject is not None else next(iter(known), None)
        left = sides.side_of(source, couple.left, couple.labels[0], track)
        right = None
        if couple.right is not None:
            real = next((person["track"] for person in scores["reals"]), None)
            right = sides.side_of(source, couple.right, couple.labels[1], real)
        how, words = synchrony(left, right)
        return {
            "dataset": str(source.shown._doc.id),
            "left": asdict(left),
            "right": None if right is None else asdict(right),
            "names": [side_words(label) for label in couple.labels],
            "alone": couple.words,
            "fakes": list(couple.fakes),
            "sync": how,
            "together": words,
            "at": number,
            "on": "left" if video == couple.left else "right",
            "track": track,
            **scores,
        }

    def _scores(self, source: Source, video_id: str) -> dict[str, Any]:
        """Return what is known of the scores of a video; in words, if that is nothing."""
        found = {
            "key": "",
            "threshold": None,
            "provenance": "",
            "words": "",
            "people": [],
            "reals": [],
            "gaps": [],
        }
        faces = source.faces
        try:
            key = current(faces, _detectors(source.shown))
            threshold = stored_of(faces, key).for_one
            timeline = timeline_of(source, video_id, key, threshold)
        except ForensicsError as error:
            return {**found, "words": f"No scores: {error.message} {error.hint}".strip()}
        return {
            "key": key,
            "threshold": threshold.value,
            "provenance": threshold.provenance,
            "words": sentence(timeline),
            "people": [asdict(p) for p in people.tracks(faces, video_id, key, timeline.people)],
            "reals": [asdict(p) for p in people.reals(faces, key, timeline)],
            "gaps": [list(gap) for gap in timeline.gaps],
        }

    @answering
    def on_preview(self, ctx: Any) -> dict[str, Any]:
        """Return a preview of ``video`` that holds its frame ``frame`` (from 1)."""
        source = self._here(ctx)
        video = str(ctx.params.get("video"))
        path = sides.video_path(source, video)
        if path is None:
            raise ForensicsError(f"There is no video {video!r} here.", "Open another sample.")
        index = numbering.index_of(int(ctx.params.get("frame") or 1))
        plays = [str(name) for name in ctx.params.get("plays") or ()]
        return asdict(previews.preview_of(video, sides.checked(path), index, plays))

    @answering
    def on_heat(self, ctx: Any) -> dict[str, Any]:
        """Return the stored heatmap ``name`` of a face, and its place in its frame."""
        faces = self._here(ctx).faces
        face, name = str(ctx.params.get("face")), str(ctx.params.get("name"))
        if not name.endswith(HEATMAPS):
            raise ForensicsError(f"{name!r} is no heatmap.", "Run 'Explain faces'.")
        width, height = (max(1, int(ctx.params.get(n) or 1)) for n in ("width", "height"))
        return {**heat_of(faces, face, name), "place": place_of(faces, face, width, height)}

    @answering
    def on_next(self, ctx: Any) -> dict[str, Any]:
        """Return the video that comes ``by`` after ``video`` in the grid's order.

        The other one of its couple, ``beside``, is passed over: it is shown already.
        """
        source = self._here(ctx)
        view = views.flat(ctx.view if ctx.view is not None else source.shown)
        name = fields.here(source.shown, "video_id")
        order = list(dict.fromkeys(v for v in view.values(name) if v))
        if not order:
            raise ForensicsError("The grid shows no video.", "Clear its filters.")
        shown, step = ctx.params.get("video"), -1 if ctx.params.get("by") == -1 else 1
        at = order.index(shown) + step if shown in order else 0
        if 0 <= at < len(order) and order[at] == ctx.params.get("beside"):
            at += step
        if not 0 <= at < len(order):
            raise ForensicsError("The grid shows no further video.", "Change its filters.")
        return {"video": order[at], "place": at + 1, "of": len(order)}

    def on_explain(self, ctx: Any) -> None:
        """Open the form of 'Explain faces'."""
        ctx.prompt(uri_of("explain_faces"), on_success=self.on_refresh)

    @staticmethod
    def _here(ctx: Any) -> Source:
        return source_asked(ctx, _source)

    def render(self, ctx: Any) -> types.Property:
        """Draw the component, or what to do to see it."""
        panel = types.Object()
        empty = ctx.panel.get_state("empty")
        if empty:
            self._draw_missing(panel, empty)
        else:
            self._draw_component(
                panel,
                "panel",
                VIEW,
                on_open=self.on_open,
                on_preview=self.on_preview,
                on_heat=self.on_heat,
                on_next=self.on_next,
                on_explain=self.on_explain,
            )
            lacks = ctx.panel.get_state("lacks")
            if lacks:
                self._draw_remedy(panel, lacks)
        return types.Property(panel, view=columns("minmax(0, 1fr)", 1.5))


def _source(dataset: fo.Dataset | None) -> Source:
    """Return the faces and videos of a dataset; a video dataset may have no faces yet."""
    try:
        return face_columns.source_of(dataset)
    except ForensicsError:
        if dataset is None or dataset.media_type != fomm.VIDEO:
            raise
        return Source(dataset, dataset, dataset)


def _detectors(shown: fo.Dataset) -> list[str]:
    """Return the detectors with scores.

    Raises:
        ForensicsError: there is none; the hint says what to run first
    """
    return face_columns.detector_keys(face_columns.source_of(shown).faces)


def _lacks(shown: fo.Dataset) -> str | None:
    """Return what to run before there are scores to play with, None if there are some."""
    try:
        _detectors(shown)
    except ForensicsError as error:
        return error.hint
    return None


def _wanted(ctx: Any, source: Source) -> tuple[str, int | None, int | None]:
    """Return video, frame number and person that an event asks for.

    Without any it is the first sample that the grid shows.

    Raises:
        ForensicsError: the sample is gone, or belongs to no video
    """
    params = ctx.params
    number, track = params.get("frame"), params.get("track")
    if params.get("video"):
        return str(params["video"]), number, track
    sample = params.get("sample")
    if not sample:
        view = ctx.view if ctx.view is not None else source.shown
        sample = next(iter(views.flat(view).limit(1).values("id")), None)
        if sample is None:
            raise ForensicsError("The grid shows nothing.", "Clear its filters.")
    for dataset in (source.faces, source.shown, source.videos):
        if dataset is None:
            continue
        wanted = ("video_id", "frame_number", "track")
        names = [fields.here(dataset, wanted[0]), *wanted[1:]]
        names = [name for name in names if dataset.has_field(name)]
        row = dict(zip(names, dataset.select(sample).values(names), strict=True)) if names else {}
        video = next(iter(row.get(fields.here(dataset, "video_id"), ())), None)
        if video:
            found = [next(iter(row.get(name) or ()), None) for name in wanted[1:]]
            return video, number or found[0], found[1] if track is None else track
    raise ForensicsError("This sample belongs to no video, or is gone.", "Open another.")
