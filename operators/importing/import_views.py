"""Saves the views that an imported dataset starts with: labels, methods, splits, videos."""

from __future__ import annotations

import fiftyone as fo
from fiftyone import ViewField as F

from ...detector.records import LABELS
from ..dataset import fields, saved_views, views


def save_views(dataset: fo.Dataset) -> None:
    """Save views of the reals, of each method and of each split."""
    bare = dataset.match({f"{fields.GROUND_TRUTH}.label": None})
    if not views.is_empty(bare):
        saved_views.save(dataset, "unlabelled", bare, "Everything without a known label")
    for label in LABELS:
        view = dataset.match(F(f"{fields.GROUND_TRUTH}.label") == label)
        saved_views.save(dataset, label, view, f"Everything that is {label}")
    for method in sorted(dataset.distinct("method")):
        if method != "original":
            view = views.match_in(dataset, "method", [method])
            saved_views.save(
                dataset, f"method {method}", view, f"Everything by the method {method}"
            )
    for split in sorted(dataset.distinct("split")):
        view = views.match_in(dataset, "split", [split])
        saved_views.save(dataset, f"split {split}", view, f"The {split} split")
    if dataset.count_values("audio_label").get("fake"):
        real = F(f"{fields.GROUND_TRUTH}.label") == "real"
        view = dataset.match(real & (F("audio_label") == "fake"))
        saved_views.save(dataset, "sound only", view, "Real pictures with manipulated sound")
    if dataset.media_type == fo.core.media.IMAGE:
        view = dataset.group_by("video_id", order_by="frame_number")
        saved_views.save(dataset, "by_video", view, "One tile per video, its frames in order")
    saved_views.save_pairs(dataset)
