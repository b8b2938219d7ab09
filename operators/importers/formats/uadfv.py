"""Imports UADFV (Yang, Li, Lyu, ICASSP 2019, arXiv 1811.00661): 49 videos, a face swap of each."""

from __future__ import annotations

import re

from ....detector.records import VideoRecord
from ..contract import Evidence, Importer, ImportOptions, Official, Reading, make_id
from ..suffixes import join, stem_of
from ..tree import Tree
from .celeb_df import videos_folder

DATASET = "UADFV"
LICENSE = "UADFV: research only, on request from the authors."
_REAL = re.compile(r"^(\d+)$")
_FAKE = re.compile(r"^(\d+)_fake$")


def recognise(tree: Tree) -> Evidence | None:
    """Recognise real/NNNN and fake/NNNN_fake."""
    reals = tree.videos(videos_folder(tree, "real"))
    fakes = tree.videos(videos_folder(tree, "fake"))
    if not any(_FAKE.match(stem_of(name)) for name in fakes):
        return None
    if reals and not any(_REAL.match(stem_of(name)) for name in reals):
        return None
    return Evidence("uadfv", ("fake holds videos called NNNN_fake", f"real holds {len(reals)}"))


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read the two folders."""
    reading = Reading()
    for kind, pattern in (("real", _REAL), ("fake", _FAKE)):
        folder = videos_folder(tree, kind)
        for name in tree.videos(folder):
            match = pattern.match(stem_of(name))
            if not match:
                continue
            fake, rel = kind == "fake", join(folder, name)
            pair = make_id(DATASET, "real", "", match.group(1)) if fake else None
            record = VideoRecord(
                video_id=make_id(DATASET, kind, "", stem_of(name)),
                path=tree.absolute(rel),
                label=int(fake),
                source_dataset=DATASET,
                method="UADFV" if fake else "original",
                family="face_swap" if fake else "none",
                target_id=match.group(1),
                pair_id=pair,
                parents=(pair,) if pair else (),
                license_note=LICENSE,
            )
            reading.add(tree, rel, record)
    return reading


IMPORTERS = (
    Importer(
        name="uadfv",
        title=DATASET,
        license_note=LICENSE,
        expects="real/0000.mp4\nfake/0000_fake.mp4",
        recognise=recognise,
        read=read,
        official=(
            Official(49, method="original", label=0),
            Official(49, method="UADFV", label=1),
        ),
        official_split=False,
        gotchas=("With 49 + 49 videos an AUROC has an interval of about 2 points either way.",),
        url="https://arxiv.org/abs/1811.00661",
    ),
)
