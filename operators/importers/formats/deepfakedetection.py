"""Imports DeepFakeDetection (Dufour and Gully, Google and Jigsaw, 2019), part of FF++'s download.

``TT_SS__scene__XXXXXXXX`` shows actor TT in the scene, with the face of actor SS.
"""

from __future__ import annotations

import re

from ....detector.records import VideoRecord
from ..contract import Evidence, Importer, ImportOptions, Official, Reading, make_id
from ..suffixes import join, stem_of
from ..tree import Tree

DATASET = "DeepFakeDetection"
LICENSE = (
    "DeepFakeDetection (Google and Jigsaw) under the FaceForensics terms of use: research and "
    "education only, non-commercial, no redistribution; access by form."
)
COMPRESSIONS = {"raw": "raw", "c0": "raw", "c23": "c23", "c40": "c40"}
REALS = "original_sequences/actors"
FAKES = "manipulated_sequences/DeepFakeDetection"
_REAL = re.compile(r"^(\d{2})__(.+)$")
_FAKE = re.compile(r"^(\d{2})_(\d{2})__(.+)__([A-Z0-9]{8})$")


def recognise(tree: Tree) -> Evidence | None:
    """Recognise DFD's folders with videos; weak evidence if the rest of FF++ is beside them."""
    found = [base for base in (REALS, FAKES) if _folders(tree, base)]
    if not found:
        return None
    beside = tree.is_folder("original_sequences/youtube") or bool(_other_methods(tree))
    return Evidence("deepfakedetection", tuple(f"{base} holds videos" for base in found), beside)


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read the actors' videos and their manipulations."""
    reading = Reading()
    read_actors(tree, reading)
    for folder in ("original_sequences/youtube", *_other_methods(tree)):
        if tree.is_folder(folder):
            tree.claim_folder(folder)
    return reading


def _other_methods(tree: Tree) -> list[str]:
    return [
        f"manipulated_sequences/{name}"
        for name in tree.folders("manipulated_sequences")
        if name != "DeepFakeDetection"
    ]


def read_actors(tree: Tree, reading: Reading, flat: str | None = None) -> None:
    """Add the records of DeepFakeDetection to ``reading``, if any are present.

    Args:
        tree: the root
        reading: gets the records
        flat: the compression of a flat copy, whose fakes lie in ``DeepFakeDetection``
    """
    for folder, compression in _folders(tree, REALS):
        for name in tree.videos(folder):
            match = _REAL.match(stem_of(name))
            if match:
                rel = join(folder, name)
                reading.add(tree, rel, _real(tree, rel, compression, match))
    spelled = tree.folder("DeepFakeDetection") or "DeepFakeDetection"
    beside = [] if flat is None else [(spelled, flat)]
    for folder, compression in (*_folders(tree, FAKES), *beside):
        for name in tree.videos(folder):
            match = _FAKE.match(stem_of(name))
            if match:
                rel = join(folder, name)
                reading.add(tree, rel, _fake(tree, rel, compression, match))
    tree.claim_folder(f"{FAKES}/masks")
    reading.unsplit.add(DATASET)


def _folders(tree: Tree, base: str) -> list[tuple[str, str]]:
    return [
        (f"{base}/{folder}/videos", COMPRESSIONS[folder])
        for folder in tree.folders(base)
        if folder in COMPRESSIONS and tree.is_folder(f"{base}/{folder}/videos")
    ]


def _real(tree: Tree, rel: str, compression: str, match: re.Match[str]) -> VideoRecord:
    actor, scene = match.groups()
    return VideoRecord(
        video_id=make_id(DATASET, "actors", compression, stem_of(rel)),
        path=tree.absolute(rel),
        label=0,
        source_dataset=DATASET,
        compression=compression,
        target_id=actor,
        license_note=LICENSE,
        attributes={"identity": actor, "scene": scene},
    )


def _fake(tree: Tree, rel: str, compression: str, match: re.Match[str]) -> VideoRecord:
    target, source, scene, _ = match.groups()
    pair = make_id(DATASET, "actors", compression, f"{target}__{scene}")
    mask = tree.find(f"{FAKES}/masks/videos/{rel.rpartition('/')[2]}")
    return VideoRecord(
        video_id=make_id(DATASET, "DeepFakeDetection", compression, stem_of(rel)),
        path=tree.absolute(rel),
        label=1,
        source_dataset=DATASET,
        method="DeepFakeDetection",
        family="face_swap",
        compression=compression,
        target_id=target,
        source_id=source,
        pair_id=pair,
        parents=(pair,),
        mask_path=tree.absolute(mask) if mask else None,
        license_note=LICENSE,
        attributes={"identity": target, "source_identity": source, "scene": scene},
    )


IMPORTERS = (
    Importer(
        name="deepfakedetection",
        title=DATASET,
        license_note=LICENSE,
        expects=(
            "original_sequences/actors/{raw|c0,c23,c40}/videos/01__scene.mp4\n"
            "manipulated_sequences/DeepFakeDetection/{raw|c0,c23,c40}/videos/"
            "01_02__scene__XXXXXXXX.mp4\n"
            "manipulated_sequences/DeepFakeDetection/masks/videos/...   (optional)"
        ),
        recognise=recognise,
        read=read,
        official=(
            Official(363, method="original", label=0, per_compression=True),
            Official(3068, method="DeepFakeDetection", label=1, per_compression=True),
        ),
        official_split=False,
        gotchas=(
            "Many scenes show two or more people and only one is swapped: use the masks.",
            "Some masks are much shorter than their video.",
            "Not every original of a fake is in the release.",
        ),
        aliases=("dfd", "deepfake-detection"),
        url="https://github.com/ondyari/FaceForensics",
    ),
)
