"""Scores of faces into sample fields, in bulk writes of a few hundred faces."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import fiftyone as fo

from ..detector.records import Reason
from . import fields, views

if TYPE_CHECKING:
    from ..detector.scoring import ScoreBatch

CHUNK = 512  # faces per bulk write: what a killed run loses at most


class ScoreWriter:
    """Collects scores and writes them; a face without a score gets its reason and nothing else.

    Args:
        dataset: faces dataset with the fields of ``names``, see :func:`.video_scores.declare`
        names: field names of the detector

    Attributes:
        scored: faces with a score so far
        reasons: why others have none
    """

    def __init__(self, dataset: fo.Dataset, names: fields.ScoreFields) -> None:
        self.dataset = dataset
        self.names = names
        self.scored = 0
        self.reasons: Counter = Counter()
        self._waiting: dict[str, dict[str, Any]] = defaultdict(dict)

    @property
    def done(self) -> int:
        """Faces taken so far."""
        return self.scored + sum(self.reasons.values())

    def add(self, sample_ids: Sequence[str], batch: ScoreBatch) -> None:
        """Take the scores of ``sample_ids`` (n,), the rows of ``batch``."""
        names, waiting = self.names, self._waiting
        for row, sample_id in enumerate(sample_ids):
            reason = batch.reasons[row]
            waiting[names.reason][sample_id] = None if reason is None else Reason(reason).value
            if reason is not None:
                self.reasons[Reason(reason).value] += 1
                continue
            self.scored += 1
            p_fake = float(batch.p_fake[row])
            waiting[names.p_fake][sample_id] = p_fake
            waiting[names.label][sample_id] = fields.classification(p_fake, batch.logits[row])
            waiting[names.margin][sample_id] = float(batch.margin[row])
            waiting[names.angle][sample_id] = float(batch.angle[row])
            waiting[names.embedding][sample_id] = batch.embeddings[row]
        if len(waiting[names.reason]) >= CHUNK:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting; the score last, so that a face with one has all the rest."""
        for field in sorted(self._waiting, key=lambda name: name == self.names.p_fake):
            views.set_by_id(self.dataset, field, self._waiting[field])
        self._waiting.clear()
