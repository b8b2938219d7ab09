"""Collects score differences of faces under corruptions, and stores them in bulk writes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import fiftyone as fo

from ..dataset import fields, views
from ..dataset.dataset_changes import declare

if TYPE_CHECKING:
    from ...detector.scoring.perturbations import PerturbedBatch

CHUNK = 512  # faces per bulk write: a killed run loses at most this many


class Differences:
    """Collects and writes the differences of faces that lack some, for one kind of corruption.

    Args:
        dataset: faces dataset
        scored: those of its faces that have a score of ``key``
        key: detector key
        names: corruptions of one kind
        reason_field: field that says why a face has none of these differences

    Attributes:
        todo: (id, crop file, its sha256 or "", p_fake) of the faces that lack a difference
        done: how many of them have been looked at
        changed: ids of those that got their differences
        reasons: why others did not
    """

    def __init__(
        self,
        dataset: fo.Dataset,
        scored: Any,
        key: str,
        names: Sequence[str],
        reason_field: str | None = None,
    ) -> None:
        self._dataset = dataset
        self._fields = {name: fields.delta_field(key, name) for name in names}
        self._margins = {name: fields.margin_field(key, name) for name in names}
        self._reason_field = reason_field
        if names and reason_field:
            declare(dataset, {reason_field: fo.StringField})
        self.todo: list[tuple[str, str, str, float]] = []
        if names:
            columns = ["id", "filepath", fields.ScoreFields(key).p_fake, *self._fields.values()]
            rows = zip(*scored.values(columns), views.crop_hashes(scored), strict=True)
            self.todo = [(*row[:2], row[-1], row[2]) for row in rows if None in row[3:]]
        self.done = 0
        self.changed: set[str] = set()
        self.reasons: Counter[str] = Counter()
        self._waiting: dict[str, dict[str, Any]] = defaultdict(dict)
        self._held = 0

    def take(self, batch: PerturbedBatch) -> None:
        """Take the scores of a batch of :attr:`todo`."""
        for row, index in enumerate(batch.indices):
            face_id, *_, before = self.todo[index]
            reason = batch.reasons[row]
            if self._reason_field:
                self._waiting[self._reason_field][face_id] = reason.value if reason else None
            if reason is not None:
                self.reasons[reason.value] += 1
            else:
                self.changed.add(face_id)
                for name, field in self._fields.items():
                    # the difference last: a face that has it is not looked at again
                    self._waiting[self._margins[name]][face_id] = float(batch.margin[name][row])
                    self._waiting[field][face_id] = float(batch.p_fake[name][row]) - before
        self.done += len(batch.indices)
        self._held += len(batch.indices)
        if self._held >= CHUNK:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting."""
        for field, values in self._waiting.items():
            views.set_by_id(self._dataset, field, values)
        self._waiting.clear()
        self._held = 0
