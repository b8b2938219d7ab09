"""Defines the panel ``review``: one face at a time, decided by keyboard.

The panel keeps nothing but which dataset it is about. The component in src/review/ asks for a list
of faces, decides on its own screen, and sends each decision in one small request, whose answer
brings the cards of faces that come next.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import fiftyone as fo
from fiftyone.operators import types

from ....detector.errors import ForensicsError
from ....detector.files.paths import one_part
from ...app.current_detector import current
from ...dataset import face_columns, lease, made_from, partners
from ...operator_list import uri_of
from ...review import decisions, exchange, opinions, record_rules, review_log
from ...review.reviewer_agreement import agreement
from ...thresholds.stored_thresholds import stored_of
from ..choice_panel import DatasetPanel, answering, columns, source_asked
from ..stored_heat import heat_of
from . import cards, face_pictures
from .worklist import GRID, MOST, ORDER, SHOW, TRUTH, Asked, key_of, queues_of, worklist

logger = logging.getLogger(__name__)
VIEW = "MediaForensicsReview"  # in src/review/
AHEAD = 8  # cards that the browser has beyond the face it shows
MOST_CARDS = 50  # of one answer
GONE = "This face is not in the dataset any more. Go on with the next one."
NO_QUEUE = (
    "No queue is filled yet, so these are all faces. 'Find hard examples' ranks those that are "
    "worth a look."
)
ASIDE = "Decisions of an earlier import that are left out, because time or text is none: {:,}."


def _seconds(ago: Any) -> float:
    """Return how many seconds ago the browser says that something was decided."""
    known = isinstance(ago, (int, float)) and math.isfinite(ago)
    return max(0.0, ago / 1000) if known else 0.0


class ReviewPanel(DatasetPanel):
    """Panel in which people decide on faces, one after the other, without the mouse."""

    label = "Review"
    icon = "fact_check"
    help = (
        "One face at a time: its crop, its frame, its pair, its score and why it is queued. "
        "1 to 4 decide and go on, U undoes, ? lists all keys."
    )
    page = "review.md"
    more = "Keys, reviewers, agreement"
    choice = ("dataset",)
    missing = "Nothing to review yet"

    def on_load(self, ctx: Any) -> None:
        """Draw the panel when it is opened."""
        self._show(ctx, self._choice(ctx))

    def _show(self, ctx: Any, choice: dict[str, Any]) -> None:
        choice["dataset"] = ctx.dataset.name if ctx.dataset is not None else None
        try:
            source = face_columns.source_of(ctx.dataset)
            face_columns.detector_keys(source.faces)
        except ForensicsError as error:
            self._say_missing(ctx, choice, error)
            return
        ctx.panel.set_state({"choice": choice, "empty": None})
        # with the time, so that the component asks again when a queue was filled
        ctx.panel.set_data({"panel": {"dataset": str(source.shown._doc.id), "when": time.time()}})

    # every answer goes to the component that asked: the panel's data stay as they are

    @answering
    def on_open(self, ctx: Any) -> dict[str, Any]:
        """Return the list of faces that the reviewer asked for, with the cards of the first."""
        source = self._source(ctx)
        review_log.prepare(source.faces)  # a review that an earlier version began has no index
        queues = queues_of(source)
        asked = Asked.of(ctx.params, [name for name, _ in queues])
        keys = face_columns.detector_keys(source.faces)
        key = key_of(asked.queue)
        key = key if key in keys else current(source.faces, keys)
        made_from.require_current_scores(source.faces, key)
        threshold = stored_of(source.faces, key).for_one
        who = review_log.person(ctx.params.get("reviewer"))
        said = opinions.opinions_of(source.faces)
        grid = ctx.view if asked.queue == GRID else None
        found = worklist(source, asked, key, threshold.value, said, who, grid)
        start = max(0, int(ctx.params.get("start") or 0))
        ids = found.ids[start : start + MOST]
        aside = review_log.aside(source.faces)
        return {
            "dataset": str(source.faces._doc.id),
            "reviewer": who,
            "asked": asdict(asked),
            "queues": queues,
            "shows": list(SHOW.items()),
            "orders": list(ORDER.items()),
            "truths": list(TRUTH.items()),
            "notice": "" if any(key_of(name) for name, _ in queues) else NO_QUEUE,
            "aside": ASIDE.format(aside) if aside else "",
            "key": key,
            "threshold": threshold.value,
            "provenance": threshold.provenance,
            "ids": ids,
            "start": start,
            "listed": len(found.ids),
            "faces": found.faces,
            "decided": found.decided,
            "conflicts": len(said.conflicts()),
            "said": {face: said.of[face] for face in ids if said.of.get(face)},
            "cards": self._cards(source.faces, key, ids[: AHEAD + 1], who),
        }

    @answering
    def on_decide(self, ctx: Any) -> dict[str, Any]:
        """Store the decisions ``entries``, in their order; return what became of each.

        An entry that was stored before, but whose answer was lost, is not stored twice. One that
        cannot be stored now has no row and comes again: another process holds the review, the
        database does not answer, or the dataset is in another database (``absent``).
        """
        key, who = ctx.params.get("key"), ctx.params.get("reviewer")
        done: list[dict[str, Any]] = []
        asked = ctx.params.get("dataset")
        absent = bool(asked) and partners.name_of(asked) is None
        answer: dict[str, Any] = {
            "done": done,
            "said": {},
            "cards": [],
            "busy": "",
            "absent": absent,
        }
        if absent:
            return answer
        faces = self._source(ctx).faces
        for entry in ctx.params.get("entries") or ():
            try:
                done.append(self._one(faces, entry, key, who))
            except lease.Busy as error:
                answer["busy"] = error.message
                break
            except Exception as error:  # the entry is sound: it waits for what is wrong here
                logger.exception("the decision %s was not stored", entry.get("mark"))
                answer["busy"] = f"Not stored yet: {error}."
                break
        turned = [face for row in done for face in row["turned"]]
        about = [*turned, *(row["face"] for row in done if row["why"] and row["face"])]
        said = opinions.opinions_about(faces, about).of if about else {}
        answer["said"] = {face: said.get(face, {}) for face in about}
        first = [face for row in done for face in row["turned"][:1]]
        wanted = [*first, *(ctx.params.get("want") or ()), *turned]
        try:
            answer["cards"] = self._cards(faces, key, wanted, who)
        except Exception:  # what is stored must be answered; the browser asks for the cards again
            logger.exception("the next faces could not be read")
            answer["cards"] = None
        return answer

    @staticmethod
    def _one(faces: fo.Dataset, entry: dict[str, Any], key: Any, who: Any) -> dict[str, Any]:
        """Carry out one entry: an action on a face, or an undo or a redo; say why not, if so."""
        mark, what, face = entry["mark"], entry["what"], entry.get("face") or ""
        note, ago = entry.get("note"), _seconds(entry.get("ago"))
        turned: Sequence[str] = ()
        was: list[str] = []
        why = ""
        try:
            if flaw := record_rules.flaw(dict(mark=mark, note=note, reviewer=who)):
                why = f"This decision cannot be stored: {flaw}."
            elif what in (review_log.UNDO, review_log.REDO):
                before = opinions.before_turn(faces, what, who, mark)
                turned = decisions.turn(faces, what, who, mark, ago)[:MOST_CARDS]
                was = [before.get(face, "") for face in turned]
            elif not exchange.is_id(face) or not cards.still_there(faces, [face]):
                why = GONE
            else:
                resolves, one = bool(entry.get("resolves")), faces.select(face)
                decisions.act(one, what, note, who, key, resolves=resolves, mark=mark, ago=ago)
        except lease.Busy:
            raise
        except ForensicsError as error:
            why = f"{error.message} {error.hint}".strip()
        return {"mark": mark, "face": face, "turned": list(turned), "was": was, "why": why}

    @answering
    def on_cards(self, ctx: Any) -> dict[str, Any]:
        """Return the cards of the faces ``want``; those that are gone have none."""
        want = ctx.params.get("want") or ()
        key, who = ctx.params.get("key"), ctx.params.get("reviewer")
        return {"cards": self._cards(self._source(ctx).faces, key, want, who)}

    @answering
    def on_frames(self, ctx: Any) -> dict[str, Any]:
        """Return the whole frames of the faces ``want``."""
        want = (ctx.params.get("want") or ())[:AHEAD]
        return {"frames": face_pictures.frames_of(self._source(ctx), want)}

    @answering
    def on_heat(self, ctx: Any) -> dict[str, Any]:
        """Return the stored heatmap ``name`` of a face."""
        faces = self._source(ctx).faces
        return heat_of(faces, str(ctx.params.get("face")), str(ctx.params.get("name")))

    @answering
    def on_agreement(self, ctx: Any) -> dict[str, Any]:
        """Return how far the reviewers agree."""
        faces = self._source(ctx).faces
        return agreement(faces, opinions.opinions_of(faces))

    @answering
    def on_export(self, ctx: Any) -> dict[str, Any]:
        """Return the decisions as the text of a file of format ``kind``, for a download."""
        faces, kind = self._source(ctx).faces, str(ctx.params.get("kind"))
        rows = exchange.rows_of(faces)
        name = f"{one_part(faces.name)}-decisions.{kind}"
        return {"name": name, "rows": len(rows), "text": exchange.text_of(faces, rows, kind)}

    @answering
    def on_import(self, ctx: Any) -> dict[str, Any]:
        """Add the decisions of a file, whose ``text`` the browser has read."""
        rows = exchange.rows_in(str(ctx.params.get("text") or ""))
        return exchange.merge(self._source(ctx).faces, rows)

    def on_queues(self, ctx: Any) -> None:
        """Open the form of 'Find hard examples'."""
        ctx.prompt(uri_of("find_hard_examples"), on_success=self.on_refresh)

    @staticmethod
    def _cards(
        faces: fo.Dataset, key: Any, ids: Sequence[str], who: str | None
    ) -> list[dict[str, Any]]:
        wanted = list(dict.fromkeys(ids))[:MOST_CARDS]
        return [asdict(card) for card in cards.cards_of(faces, key, wanted, who)] if wanted else []

    @staticmethod
    def _source(ctx: Any) -> face_columns.Source:
        return source_asked(ctx)

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
                on_decide=self.on_decide,
                on_cards=self.on_cards,
                on_frames=self.on_frames,
                on_heat=self.on_heat,
                on_agreement=self.on_agreement,
                on_export=self.on_export,
                on_import=self.on_import,
                on_queues=self.on_queues,
                on_play=self.on_play,
            )
        return types.Property(panel, view=columns("minmax(0, 1fr)", 1.5))
