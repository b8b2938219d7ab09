"""Writes face scores to sample fields, in bulk writes of a few hundred faces.

One update per face sets all of its fields, so that a face has all of them or none. FiftyOne's
``set_values``, which writes field by field, takes twice the time (benchmarks/fields.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import fiftyone as fo

from ..dataset import fields
from ..dataset.dataset_changes import require_there
from ..embeddings.vector_format import packed

if TYPE_CHECKING:
    import numpy as np

    from ...detector.embeddings.shards import ShardWriter
    from ...detector.scoring.scores import Scores

CHUNK = 512  # faces per bulk write, the most that a killed run loses


class ScoreWriter:
    """A writer of scores; a face without a score gets only its reason.

    Args:
        dataset: faces dataset with the fields of ``names``, see
            :func:`operators.dataset.video_scores.declare`
        names: field names of the detector
        shards: writer for the embeddings, used instead of their field

    Attributes:
        scored: number of faces with a score so far
        reasons: number of faces without a score, by reason
    """

    def __init__(
        self, dataset: fo.Dataset, names: fields.ScoreFields, shards: ShardWriter | None = None
    ) -> None:
        self.dataset = dataset
        self.names = names
        self.shards = shards
        self._threshold = fields.called_at(dataset, names.key)
        self.scored = 0
        self.reasons: Counter = Counter()
        self._waiting: dict[str, dict[str, Any]] = {}
        self._vectors: dict[str, np.ndarray] = {}  # for the shards

    @property
    def done(self) -> int:
        """Number of faces taken so far."""
        return self.scored + sum(self.reasons.values())

    def add(self, sample_ids: Sequence[str], scores: Scores) -> None:
        """Take the scores of ``sample_ids`` (n,), the rows of ``scores``."""
        p_fake = scores.exact.tolist()
        for row, sample_id in enumerate(sample_ids):
            reason = scores.reasons[row]
            if reason is None:
                self.scored += 1
                self._waiting[sample_id] = self._values(scores, row, p_fake[row])
                self._take_vector(sample_id, scores.embeddings[row])
            else:
                self.reasons[reason.value] += 1
                self._waiting[sample_id] = {self.names.reason: reason.value}
        if len(self._waiting) >= CHUNK:
            self.flush()

    def _values(self, scores: Scores, row: int, p_fake: float) -> dict[str, Any]:
        """Return a face's fields in the database's form."""
        names = self.names
        return {
            names.p_fake: p_fake,
            names.label: _document(p_fake, scores.logits[row], self._threshold),
            names.margin: float(scores.margin[row]),
            names.angle: float(scores.angle[row]),
            names.reason: None,
        }

    def _take_vector(self, sample_id: str, vector: np.ndarray) -> None:
        if self.shards is None:
            self._waiting[sample_id][self.names.embedding] = packed(vector)
        else:
            self._vectors[sample_id] = vector

    def flush(self) -> None:
        """Write the waiting scores."""
        if not self._waiting:
            return
        require_there(self.dataset)  # MongoDB accepts updates of deleted samples
        import numpy as np
        from bson import ObjectId
        from pymongo import UpdateOne

        if self.shards is not None and self._vectors:  # vectors first: each scored face has one
            self.shards.add(list(self._vectors), np.stack(list(self._vectors.values())))
            self._vectors.clear()
        now = datetime.now(timezone.utc)
        updates = [
            UpdateOne({"_id": ObjectId(key)}, {"$set": {**values, "last_modified_at": now}})
            for key, values in self._waiting.items()
        ]
        self.dataset._bulk_write(updates, ids=list(self._waiting))
        self._waiting.clear()

    def close(self) -> None:
        """Write the waiting scores and finish the shards' part."""
        self.flush()
        if self.shards is not None:
            self.shards.close()


@lru_cache(1)
def _template() -> dict[str, Any]:
    """Return a label in the database's form, with everything that FiftyOne adds."""
    return fo.Classification(label="", confidence=0.0).to_dict()


def _document(p_fake: float, logits: np.ndarray, threshold: float) -> dict[str, Any]:
    """Return :func:`operators.dataset.fields.classification` in the database's form.

    Creating a FiftyOne document for each face would take too long.
    """
    from bson import ObjectId

    label, confidence = fields.call(p_fake, threshold)
    return {
        **_template(),
        "_id": ObjectId(),
        "label": label,
        "confidence": confidence,
        "logits": packed(logits),
    }
