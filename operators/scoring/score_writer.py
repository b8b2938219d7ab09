"""Scores of faces into sample fields, in bulk writes of a few hundred faces.

One update a face with all its fields: a face has all of them or none. FiftyOne's ``set_values``,
which writes field by field, takes twice the time (benchmarks/fields.py).
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

CHUNK = 512  # faces per bulk write: what a killed run loses at most


class ScoreWriter:
    """Collects scores and writes them; a face without a score gets its reason and nothing else.

    Args:
        dataset: faces dataset with the fields of ``names``, see
            :func:`operators.dataset.video_scores.declare`
        names: field names of the detector
        shards: takes the embeddings, instead of their field

    Attributes:
        scored: faces with a score so far
        reasons: why others have none
    """

    def __init__(
        self, dataset: fo.Dataset, names: fields.ScoreFields, shards: ShardWriter | None = None
    ) -> None:
        self.dataset = dataset
        self.names = names
        self.shards = shards
        self.scored = 0
        self.reasons: Counter = Counter()
        self._waiting: dict[str, dict[str, Any]] = {}
        self._vectors: dict[str, np.ndarray] = {}  # for the shards

    @property
    def done(self) -> int:
        """Faces taken so far."""
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
        """A face's fields as the database holds them."""
        names = self.names
        return {
            names.p_fake: p_fake,
            names.label: _document(p_fake, scores.logits[row]),
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
        """Write what is waiting."""
        if not self._waiting:
            return
        require_there(self.dataset)  # MongoDB takes updates of samples that are gone
        import numpy as np
        from bson import ObjectId
        from pymongo import UpdateOne

        if self.shards is not None and self._vectors:  # first: a face with a score has its vector
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
        """Write what is waiting and end the shards' part."""
        self.flush()
        if self.shards is not None:
            self.shards.close()


@lru_cache(1)
def _template() -> dict[str, Any]:
    """What the database holds of a label, whatever FiftyOne adds to it."""
    return fo.Classification(label="", confidence=0.0).to_dict()


def _document(p_fake: float, logits: np.ndarray) -> dict[str, Any]:
    """:func:`operators.dataset.fields.classification` as the database holds it; a document a face
    costs too much.
    """
    from bson import ObjectId

    label, confidence = fields.call(p_fake)
    return {
        **_template(),
        "_id": ObjectId(),
        "label": label,
        "confidence": confidence,
        "logits": packed(logits),
    }
