"""What an evaluation judges: stored scores of faces and of videos, by columns.

Videos that gave no face are read from the video dataset, so that they stay in the counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields as dataclass_fields
from typing import TYPE_CHECKING, Any

import fiftyone as fo
import fiftyone.core.media as fomm

from ...detector.records import LABELS
from . import face_table, fields, views
from .made_from import require_current_scores
from .video_scores import compute_video_scores

if TYPE_CHECKING:
    import numpy as np

ALL = "all"
LEVELS = ("face", "video")
_KIND = ("source_dataset", "method", "compression", "split")


@dataclass(frozen=True)
class Items:
    """Faces or videos to be evaluated, by columns (N,).

    Attributes:
        name: sample id of a face, ``video_id`` of a video
        label: 0 real, 1 fake
        p_fake: NaN without a score
        group: ``group_id``; the video where there is none
        source_dataset, method, compression, split: "" where unknown
    """

    name: np.ndarray
    label: np.ndarray
    p_fake: np.ndarray
    group: np.ndarray
    source_dataset: np.ndarray
    method: np.ndarray
    compression: np.ndarray
    split: np.ndarray

    def __len__(self) -> int:
        return len(self.label)

    def take(self, chosen: np.ndarray) -> Items:
        """The items of a mask or of indices."""
        return Items(*(getattr(self, f.name)[chosen] for f in dataclass_fields(self)))


@dataclass(frozen=True)
class Part:
    """One row of a table: which items, and what they are called; ``all`` is not narrowed."""

    source_dataset: str
    method: str
    compression: str
    split: str
    chosen: np.ndarray


def items_of(view: Any, key: str, level: str) -> Items:
    """Faces or videos of ``view`` with the stored scores of detector ``key``.

    Raises:
        ForensicsError: empty view, or ``key`` has not scored this dataset
    """
    views.require_samples(view, "faces")
    return face_items(view, key) if level == "face" else video_items(view, key)


def face_items(view: Any, key: str) -> Items:
    """The faces of ``view``."""
    import numpy as np

    columns = face_table.face_scores(view, key)
    return Items(
        name=columns.ids,
        label=columns.label,
        p_fake=columns.p_fake,
        group=np.where(columns.group_id == "", columns.video_id, columns.group_id),
        source_dataset=columns.source_dataset,
        method=columns.method,
        compression=columns.compression,
        split=columns.split,
    )


def video_items(view: Any, key: str) -> Items:
    """The videos behind the faces of ``view``, and those of the same kind without any face."""
    import numpy as np

    dataset = views.dataset_of(view)
    views.require_fields(dataset, [fields.ScoreFields(key).p_fake], "Score faces")
    require_current_scores(dataset, key)
    plain = ["video_id", "group_id", *_KIND]
    label_path = f"{fields.GROUND_TRUTH}.label"
    rows = {}
    scores = compute_video_scores(dataset, key).of_video  # of all faces, also those not in view
    for row in zip(*view.values([*plain, label_path]), strict=True):
        rows[row[0]] = (*row, scores.get(row[0]))
    videos = views.videos_of(dataset)
    if videos is not None and videos.media_type == fomm.VIDEO:
        for row in _videos_without_face(dataset, view, videos, [*plain, label_path]):
            rows[row[0]] = (*row, None)
    found = list(rows.values())
    text = [np.array([row[i] or "" for row in found], dtype=str) for i in range(len(plain))]
    return Items(
        name=text[0],
        label=np.array([LABELS.index(row[-2]) for row in found], dtype=np.int64),
        p_fake=np.array([np.nan if row[-1] is None else row[-1] for row in found], np.float64),
        group=np.where(text[1] == "", text[0], text[1]),
        source_dataset=text[2],
        method=text[3],
        compression=text[4],
        split=text[5],
    )


def _videos_without_face(
    dataset: fo.Dataset, view: Any, videos: fo.Dataset, columns: list[str]
) -> list[tuple[Any, ...]]:
    """Rows of the videos that belong to ``view`` but have no face in the faces dataset.

    They belong to it by dataset and split, unless the view leaves their method out.
    """
    kind = ["source_dataset", "split", "method"]
    everywhere = set(zip(*dataset.values(kind), strict=True))
    chosen = set(zip(*view.values(kind), strict=True))
    filtered_out = everywhere - chosen
    parts = {(source, split) for source, split, _ in chosen}
    cut = set(dataset.distinct("video_id"))
    return [
        row
        for row, what in zip(
            zip(*videos.values(columns), strict=True),
            zip(*videos.values(kind), strict=True),
            strict=True,
        )
        if row[0] not in cut and what[:2] in parts and what not in filtered_out
    ]


def parts_of(items: Items) -> Iterator[Part]:
    """Everything; each dataset and method; and where there are several, each compression and split.

    A method's part holds its fakes and all reals of the same dataset, compression and split.
    """
    import numpy as np

    real = items.label == 0
    yield Part(ALL, ALL, ALL, ALL, np.ones(len(items), bool))
    sources = np.unique(items.source_dataset)
    versions = np.unique(np.stack([items.compression, items.split], axis=1), axis=0)
    for detail in (False, True):
        for source in sources:
            here = items.source_dataset == source
            within = [(ALL, ALL, here)]
            if detail:
                within = [
                    (c, s, here & (items.compression == c) & (items.split == s))
                    for c, s in versions
                    if len(versions) > 1
                ]
            for compression, split, chosen in within:
                methods = np.unique(items.method[chosen & ~real])
                if chosen.any() and (detail or len(sources) > 1):
                    yield Part(str(source), ALL, str(compression), str(split), chosen)
                for method in methods:
                    part = chosen & (real | (items.method == method))
                    yield Part(str(source), str(method), str(compression), str(split), part)
