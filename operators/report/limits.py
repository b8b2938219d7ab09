"""States what a report must say about itself: the limits of the method and of its numbers."""

from __future__ import annotations

import fiftyone as fo
import numpy as np

from ...detector.audit.columns import SEEN
from ...detector.audit.threshold import Threshold
from ...detector.audit.units import Units
from ..dataset import derived, fields, seen_material
from ..dataset.label_sync import contradiction

ALWAYS = (
    "p_fake is the output of a detector of face manipulations of the kinds it was trained on. It "
    "is not the probability that a video is manipulated, and it says nothing about sound, captions "
    "or context.",
    "Compositing, beauty filters, overlays and heavy compression can raise p_fake on real faces; "
    "fully synthetic faces and small lip-sync edits can leave it low. Error rates hold for "
    "material like that on which they were measured.",
    "A face or video that could not be scored has a reason instead of a score. It is not counted "
    "in any rate "
    "and was not taken as real.",
    "Intervals are at 95 %. Faces of one video, and videos of one source, are not taken as "
    "independent; with few independent groups an interval is wide, below five there is none.",
)
FEW_GROUPS = 20


def sentences(faces: fo.Dataset, key: str, threshold: Threshold, units: Units) -> list[str]:
    """Return the limits in plain words, starting with those of this report."""
    found = []
    if not threshold.honest:
        found.append(
            f"The threshold is doubtful ({threshold.provenance}): the rates at it may be better "
            "than they will be on other material."
        )
    if seen := seen_material.words(units.texts.get(SEEN), units.level):
        found.append(seen)
    if not units.scored.any():
        found.append(
            "Nothing here has both a score and a ground truth, so the report states no error rate: "
            "use rates measured on comparable material."
        )
    found += [text for text in (contradiction(faces), derived.words(faces, key)) if text]
    groups = np.unique(units.cluster[units.scored]).size
    if 0 < groups < FEW_GROUPS:
        found.append(
            f"Only {groups} independent groups are judged: read the intervals, not the rates."
        )
    config = fields.scores_config(faces, key)
    here = fields.describe(faces).get("recipe_hash")
    made_for = getattr(config, "trained_on_recipe", None)
    if made_for and here and made_for != here:
        found.append(
            f"The detector was trained on crops of recipe {made_for}, these are of {here}: the "
            "same weights can score very differently on other crops."
        )
    if config is None:
        found.append("Who wrote these scores, and on which crops, is not recorded.")
    return [*found, *ALWAYS]
