"""Imports FFIW-10K (Zhou et al., CVPR 2021, arXiv 2103.16076): several faces a frame, one fake.

A fake in ``target`` has the same name as its real in ``source`` and its mask in ``target_mask``.
"""

from __future__ import annotations

from ....detector.records import SPLITS, VideoRecord
from ..contract import Evidence, Importer, ImportOptions, Official, Reading, make_id
from ..suffixes import join, stem_of
from ..tree import Tree

DATASET = "FFIW-10K"
LICENSE = "FFIW-10K terms: research only, non-commercial; access by form."


def recognise(tree: Tree) -> Evidence | None:
    """Recognise source and target, with target_mask or split folders of videos."""
    if not (tree.is_folder("source") and tree.is_folder("target")):
        return None
    splits = [split for split in SPLITS if _folder(tree, "source", split)]
    if not splits and not tree.is_folder("target_mask"):
        return None
    reasons = ["source and target are there"]
    if splits:
        reasons.append(f"source is divided into {', '.join(splits)}")
    if tree.is_folder("target_mask"):
        reasons.append("target_mask is there")
    return Evidence("ffiw", tuple(reasons))


def _folder(tree: Tree, kind: str, split: str) -> str | None:
    """Return the folder of a split's videos, ``kind/split/videos`` or ``kind/split``, or None."""
    for folder in (f"{kind}/{split}/videos", f"{kind}/{split}"):
        if tree.videos(folder):
            return folder
    return None


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read every split; without split folders, a root whose name holds ``test`` is test."""
    reading = Reading()
    for split in SPLITS:
        for kind in ("source", "target"):
            folder = _folder(tree, kind, split)
            if folder:
                _read_folder(tree, reading, kind, folder, split)
    for kind in ("source", "target"):
        if tree.videos(kind):
            split = "test" if "test" in tree.root.name.lower() else None
            if split is None:
                reading.warnings.append(
                    f"{kind} holds videos outside of train, val and test: they have no split."
                )
            _read_folder(tree, reading, kind, kind, split)
    tree.claim_folder("target_mask")
    return reading


def _read_folder(tree: Tree, reading: Reading, kind: str, folder: str, split: str | None) -> None:
    for name in tree.videos(folder):
        rel, stem = join(folder, name), stem_of(name)
        fake = kind == "target"
        pair = make_id(DATASET, join("source", split or ""), "", stem) if fake else None
        mask = _mask(tree, split or "", name) if fake else None
        record = VideoRecord(
            video_id=make_id(DATASET, join(kind, split or ""), "", stem),
            path=tree.absolute(rel),
            label=int(fake),
            source_dataset=DATASET,
            method="FFIW" if fake else "original",
            family="face_swap" if fake else "none",
            split=split,
            split_source="official" if split else None,
            target_id=stem,
            pair_id=pair,
            parents=(pair,) if pair else (),
            mask_path=tree.absolute(mask) if mask else None,
            license_note=LICENSE,
        )
        reading.add(tree, rel, record)


def _mask(tree: Tree, split: str, name: str) -> str | None:
    for folder in (join("target_mask", split, "videos"), join("target_mask", split)):
        for candidate in (name, f"{stem_of(name)}_mask.mp4"):
            found = tree.find(join(folder, candidate))
            if found:
                return found
    return None


IMPORTERS = (
    Importer(
        name="ffiw",
        title=DATASET,
        license_note=LICENSE,
        expects=(
            "source/{train,val,test}/videos/<name>.mp4   (real)\n"
            "target/{train,val,test}/videos/<name>.mp4   (fake)\n"
            "target_mask/{train,val,test}/videos/<name>.mp4   (optional)"
        ),
        recognise=recognise,
        read=read,
        official=tuple(
            Official(count, split, method, label, certain=split != "test")
            for split, count in (("train", 8000), ("val", 250), ("test", 1738))
            for method, label in (("original", 0), ("FFIW", 1))
        ),
        gotchas=(
            "About three faces a frame, one of them fake: use the masks.",
            "Published numbers are on val (250 + 250) in some papers and on test in others.",
        ),
        aliases=("ffiw-10k", "ffiw10k"),
        url="https://github.com/tfzhou/FFIW",
    ),
)
