"""Imports DeeperForensics-1.0 (Jiang et al., CVPR 2020, arXiv 2001.03024).

A fake ``TTT_Mxxx`` shows actor Mxxx swapped into FaceForensics++ video TTT (c23). Those videos are
the real class. The studio footage in ``source_videos`` is not, and is left out.
"""

from __future__ import annotations

import re

from ....detector.records import VideoRecord
from ..contract import Evidence, Importer, ImportOptions, Missing, Official, Reading, make_id
from ..lists import bad_entry, inside, read_lines
from ..suffixes import join, stem_of
from ..tree import Tree

DATASET = "DeeperForensics-1.0"
LICENSE = "DeeperForensics-1.0 terms of use: research only, non-commercial; access by form."
FF_LICENSE = "FaceForensics terms of use: research and education only, non-commercial."
FAKES = "manipulated_videos"
SPLITS = "lists/splits"
REALS = ("original_sequences/youtube/c23/videos", "target_videos")
VARIANTS = (
    "end_to_end",
    *(f"end_to_end_level_{i}" for i in range(1, 6)),
    *(f"end_to_end_mix_{i}_distortions" for i in range(2, 5)),
    "end_to_end_random_level",
    "reenact_postprocess",
)
_FAKE = re.compile(r"^(\d{3})_([MW])(\d)(\d{2})$")
_NUMBER = re.compile(r"^\d{3}$")


def recognise(tree: Tree) -> Evidence | None:
    """Recognise manipulated_videos with one of the variants."""
    found = [name for name in VARIANTS if tree.is_folder(f"{FAKES}/{name}")]
    if not found:
        return None
    reasons = [f"{FAKES} holds {', '.join(found)}"]
    if tree.is_folder(SPLITS):
        reasons.append(f"{SPLITS} is there")
    return Evidence("deeperforensics", tuple(reasons))


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read every variant, and the target videos if the root has them."""
    reading = Reading()
    splits = _read_splits(tree, reading)
    present = [name for name in tree.folders(FAKES) if tree.videos(f"{FAKES}/{name}")]
    of_target = {name[:3]: split for name, split in splits.items()}
    for variant in present:
        folder = f"{FAKES}/{variant}"
        for name in tree.videos(folder):
            match = _FAKE.match(stem_of(name))
            if match:
                rel = join(folder, name)
                reading.add(tree, rel, _fake(tree, rel, variant, match, splits))
        reading.missing.extend(
            Missing(f"{folder}/{stem}.mp4", f"{SPLITS}/{split}.txt")
            for stem, split in sorted(splits.items())
            if tree.find(f"{folder}/{stem}.mp4") is None
        )
    for folder in REALS:
        for name in tree.videos(folder):
            stem, rel = stem_of(name), join(folder, name)
            if _NUMBER.match(stem):
                reading.add(tree, rel, _real(tree, rel, stem, of_target.get(stem)))
    if not any(record.label == 0 for record in reading.records):
        reading.warnings.append(
            "The real class are the originals of FaceForensics++ c23, which are not here: import "
            "FaceForensics++ into the same dataset to have the pairs."
        )
    if tree.is_folder("source_videos"):
        reading.skipped["source_videos"] = "studio footage of the actors, not the real class"
        tree.claim_folder("source_videos")
    return reading


def _read_splits(tree: Tree, reading: Reading) -> dict[str, str]:
    """Return the split of each fake by its stem, which is the same in every variant."""
    splits: dict[str, str] = {}
    for split in ("train", "val", "test"):
        rel = f"{SPLITS}/{split}.txt"
        if not tree.is_file(rel):
            reading.warnings.append(f"{rel} is missing: its videos have no split.")
            continue
        for number, line in read_lines(tree, rel):
            where = f"{rel}, line {number}"
            stem = stem_of(inside(line, where))
            if not _FAKE.match(stem):
                raise bad_entry(where, f"expected a name like 000_M101.mp4, found {line!r}.")
            if splits.setdefault(stem, split) != split:
                reading.conflicts.append(
                    f"{where}: {stem} is in {splits[stem]} and {split}; {splits[stem]} is kept."
                )
    return splits


def _fake(
    tree: Tree, rel: str, variant: str, match: re.Match[str], splits: dict[str, str]
) -> VideoRecord:
    target, sex, origin, _ = match.groups()
    actor = match.string[4:]
    split = splits.get(match.string)
    pair = make_id("FaceForensics++", "youtube", "c23", target)
    return VideoRecord(
        video_id=make_id(DATASET, variant, "", match.string),
        path=tree.absolute(rel),
        label=1,
        source_dataset=DATASET,
        method=variant,
        family="face_swap",
        split=split,
        split_source="official" if split else None,
        target_id=target,
        source_id=actor,
        pair_id=pair,
        # The parent's id has no compression, because this dataset has none and the parent's has.
        parents=(make_id("FaceForensics++", "youtube", "", target),),
        license_note=LICENSE,
        attributes={
            "source_identity": actor,
            "source_sex": "male" if sex == "M" else "female",
            "source_origin": "Asian" if origin == "1" else "other",
        },
    )


def _real(tree: Tree, rel: str, stem: str, split: str | None) -> VideoRecord:
    return VideoRecord(
        video_id=make_id("FaceForensics++", "youtube", "c23", stem),
        path=tree.absolute(rel),
        label=0,
        source_dataset="FaceForensics++",
        compression="c23",
        split=split,
        split_source="official" if split else None,
        target_id=stem,
        license_note=FF_LICENSE,
    )


IMPORTERS = (
    Importer(
        name="deeperforensics",
        title=DATASET,
        license_note=LICENSE,
        expects=(
            "manipulated_videos/{end_to_end,end_to_end_level_1,...,reenact_postprocess}/"
            "000_M101.mp4\n"
            "lists/splits/{train,val,test}.txt\n"
            "original_sequences/youtube/c23/videos/000.mp4   (optional, from FaceForensics++)"
        ),
        recognise=recognise,
        read=read,
        official=tuple(
            Official(count, split, variant, 1)
            for split, count in (("train", 703), ("val", 96), ("test", 201))
            for variant in VARIANTS
        ),
        gotchas=(
            "The real class is FaceForensics++ c23, not source_videos (studio footage).",
            "M and W in an actor's id are the sex; a 1 after it means Asian.",
            "One list of names applies to all eleven variants.",
        ),
        aliases=("deeperforensics-1.0", "dfo", "df-1.0", "deeper-forensics"),
        url="https://github.com/EndlessSora/DeeperForensics-1.0",
    ),
)
