"""Defines the panel ``timeline``: the scores of one video, by frame and by person."""

from __future__ import annotations

import logging
import time
from typing import Any
from urllib.parse import quote

import fiftyone as fo
import numpy as np
from fiftyone import ViewField as F
from fiftyone.operators import types

from ....detector.audit.columns import numbers
from ....detector.audit.threshold import Threshold
from ....detector.errors import ForensicsError
from ....detector.metrics import ranks
from ....detector.records import Reason
from ...app.current_detector import current
from ...app.markup import plain
from ...dataset import face_columns, fields, score_state, seen_material, views
from ...thresholds.stored_thresholds import stored_of
from ..choice_panel import ChoicePanel, columns, handler
from . import figure as timeline_figure
from .figure import Person, Timeline

logger = logging.getLogger(__name__)
PLAYER = "MediaForensicsPlayer"  # in src/timeline/
STATE = ("key", "sample", "video_id", "shown")


def timeline_of(
    source: face_columns.Source, video_id: str, key: str, threshold: Threshold
) -> Timeline:
    """Return everything about ``video_id`` that the panel draws.

    Raises:
        ForensicsError: if the video has neither faces nor tried frames
    """
    names = fields.ScoreFields(key)
    people, label, pair_id, score = _people(source.faces, video_id, names)
    gaps = dict(_tried(source, video_id))
    for person in people:
        scored = set(person.frames[~np.isnan(person.p_fake)].tolist())
        gaps = {frame: reason for frame, reason in gaps.items() if frame not in scored}
    gaps |= _unscored(source.faces, video_id, names, people)
    if not people and not gaps:
        raise ForensicsError(
            f"{video_id!r} has no faces and no tried frames.", "Run 'Extract faces' first."
        )
    real = None
    if pair_id:
        found, *_ = _people(source.faces, pair_id, names)
        real = next((p for p in found if p.subject), found[0]) if found else None
    return Timeline(
        video_id=video_id,
        label=label,
        people=tuple(people),
        real=real,
        gaps=tuple(sorted(gaps.items())),
        threshold=threshold,
        score=score,
        seen=_seen(source.faces, key, video_id),
    )


def _seen(faces: fo.Dataset, key: str, video_id: str) -> str:
    """Return how the detector knows a video (trained, validated, calibrated), or "" if not."""
    found = seen_material.seen_by(faces, key)
    own = seen_material.fitted_on(views.match_in(faces, "video_id", [video_id]))
    return next((kind for kind, part in found.parts.items() if part.shared(own)), "")


def _columns(faces: fo.Dataset, video_id: str, paths: dict[str, str]) -> dict[str, list[Any]]:
    """Return columns of the faces of a video; a field that does not exist is a column of None."""
    score_paths = [paths[name] for name in ("p_fake", "video") if name in paths]
    score_state.require_fields_whole(faces, score_paths)
    view = faces.match(F("video_id") == video_id)
    have = {name: path for name, path in paths.items() if faces.has_field(path.split(".")[0])}
    found = dict(zip(have, view.values(list(have.values())), strict=True))
    empty = [None] * len(found["id"])
    return {name: found.get(name, empty) for name in paths}


def _people(
    faces: fo.Dataset, video_id: str, names: fields.ScoreFields
) -> tuple[list[Person], str | None, str | None, float | None]:
    """Return the persons, highest mean first, and label, pair and score of the video."""
    got = _columns(
        faces,
        video_id,
        {
            "id": "id",
            "frame": "frame_number",
            "track": "track",
            "subject": "subject",
            "p_fake": names.p_fake,
            "margin": names.margin,
            "label": f"{fields.GROUND_TRUTH}.label",
            "pair": "pair_id",
            "video": names.video_p_fake,
        },
    )
    if not got["id"]:
        return [], None, None, None
    frame = np.array([0 if v is None else v for v in got["frame"]], np.int64)
    track = np.array([-1 if v is None else v for v in got["track"]], np.int64)
    score = np.array([np.nan if v is None else v for v in got["p_fake"]], np.float64)
    margin = ranks.margins(score, numbers(got["margin"]))
    people, means = [], {}
    for number in np.unique(track):
        rows = np.flatnonzero(track == number)
        rows = rows[np.argsort(frame[rows], kind="stable")]
        people.append(
            Person(
                track=int(number),
                subject=any(got["subject"][i] is not False for i in rows),
                frames=frame[rows],
                p_fake=score[rows],
                ids=[got["id"][i] for i in rows],
                rank=score[rows] if margin is None else margin[rows],
            )
        )
        means[int(number)] = _mean(score[rows], None if margin is None else margin[rows])
    people.sort(key=lambda person: (-means[person.track], person.track))
    video = next((v for v in got["video"] if v is not None), None)
    if video is None and not np.isnan(score).all():
        video = float(np.nanmean(score))
    return people, got["label"][0], got["pair"][0], video


def _mean(p_fake: np.ndarray, margin: np.ndarray | None) -> float:
    """Return the mean that persons are ordered by; the lowest number if no face has a score."""
    there = ~np.isnan(p_fake)
    if not there.any():
        return -np.inf
    return float(p_fake[there].mean()) if margin is None else ranks.mean(margin[there])


def _unscored(
    faces: fo.Dataset, video_id: str, names: fields.ScoreFields, people: list[Person]
) -> dict[int, str]:
    """Return frames in which no face has a score, with the reason of the first face."""
    paths = {"id": "id", "frame": "frame_number", "score": names.reason, "cut": fields.REASON}
    got = _columns(faces, video_id, paths)
    why = {
        i: a or b or Reason.NOT_SCORED.value
        for i, a, b in zip(got["id"], got["score"], got["cut"], strict=True)
    }
    scored = {int(f) for p in people for f, s in zip(p.frames, p.p_fake, strict=True) if s == s}
    return {
        int(frame): why[sample_id]
        for person in people
        for frame, sample_id in zip(person.frames, person.ids, strict=True)
        if int(frame) not in scored
    }


def _tried(source: face_columns.Source, video_id: str) -> dict[int, str]:
    """Return every tried frame of the video, with the reason why it gave no face."""
    videos = source.videos
    if videos is None:
        return {}
    faces = fields.here(videos, fields.FACES)
    if faces not in (videos.get_frame_field_schema() or {}):
        return {}
    view = videos.match(F(fields.here(videos, "video_id")) == video_id)
    numbers, reasons = view.values(["frames.frame_number", f"frames.{faces}.detections.reason"])
    if not numbers or not numbers[0]:
        return {}
    return {
        number: next((r for r in found or () if r), Reason.NO_FACE.value)
        for number, found in zip(numbers[0], reasons[0] or [None] * len(numbers[0]), strict=True)
    }


class TimelinePanel(ChoicePanel):
    """Panel that shows the scores of the open video along its frames."""

    label = "Score timeline"
    icon = "timeline"
    surfaces = "grid modal"
    help = (
        "The scores of one video along its frames, for each person, with the frames that could "
        "not be scored and the paired real. Click a point to see the face."
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
        """Show a point's face here; if its sample is open, open the face or go to its frame."""
        sample_id, frame = ctx.params.get("id"), ctx.params.get("x")
        choice = self._choice(ctx)
        source = face_columns.source_of(ctx.dataset)
        if sample_id:
            choice["shown"] = sample_id
        if ctx.current_sample and source.shows_faces and sample_id:
            choice["sample"] = sample_id  # opening it does not change the video
            ctx.ops.open_sample(id=sample_id)
        self._show(ctx, choice)
        if ctx.current_sample and not source.shows_faces and frame is not None:
            # the component moves the player; the time tells a second click on the same point apart
            ctx.panel.set_data({"player": {"frame": round(frame), "when": time.time()}})

    def _show(self, ctx: Any, choice: dict[str, Any]) -> None:
        try:
            timeline, choice, keys, card = self._read(ctx, choice)
        except ForensicsError as error:
            logger.info("no timeline: %s", error)
            self._say_missing(ctx, choice, error, view=None)
            return
        view = {
            "title": timeline.video_id,
            "words": timeline_figure.sentence(timeline),
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
            row = panel.h_stack("keys", gap=1)
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
        if ctx.current_sample and not view["faces"]:
            panel.define_property(
                "player", types.Object(), view=types.View(component=PLAYER, composite_view=True)
            )
        if view["card"]:
            panel.md(view["card"]["words"], name="card")
            image = types.ImageView(height="192px", alt="aligned face crop")
            panel.str("crop", default=view["card"]["url"], view=image)
        return root


def _card(faces: fo.Dataset, timeline: Timeline, shown: str | None) -> dict[str, str] | None:
    """Return the clicked face, else the highest-scoring one."""
    top = timeline_figure.driving(timeline)
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
