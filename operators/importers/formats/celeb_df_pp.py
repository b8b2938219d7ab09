"""Imports Celeb-DF++ (v3; Li et al., 2025, arXiv 2507.18015): Celeb-DF's reals, 22 fake methods.

Face swaps and reenactments are named ``idA_idB_N``: A's recording N with the face of B, or driven
by B. Talking faces are named ``idA_N_test_REF``. In both cases the pair is Celeb-real/idA_N.
"""

from __future__ import annotations

import re

from ....detector.records import VideoRecord
from ..contract import Evidence, Importer, ImportOptions, Official, Reading, make_id
from ..suffixes import join, stem_of
from ..tree import Tree
from .celeb_df import (
    FAKE_FOLDER,
    TEST_LIST,
    TestList,
    check_test_list,
    has_method_folders,
    looks_like_celeb_df,
    read_reals,
    read_test_list,
    split_of,
    videos_folder,
)

DATASET = "Celeb-DF++"
LICENSE = (
    "Celeb-DF++ terms of use: research only, non-commercial, no redistribution; access by form."
)
FAMILIES = {
    "FaceSwap": "face_swap",
    "FaceReenact": "reenactment",
    "TalkingFace": "talking_face",
}
METHODS = {
    "FaceSwap": "Celeb-DF BlendFace GHOST HifiFace InSwapper MobileFaceSwap SimSwap UniFace",
    "FaceReenact": "DaGAN FSRT HyperReenact LIA LivePortrait MCNET TPSMM",
    "TalkingFace": "AniTalker EchoMimic EDTalk FLOAT IP_LAP Real3DPortrait SadTalker",
}
_PAIRED = re.compile(r"^(id\d+)_(id\d+)_(\d+)$")
_TALKING = re.compile(r"^(id\d+)_(\d+)_")


def recognise(tree: Tree) -> Evidence | None:
    """Recognise Celeb-DF's folders with Celeb-synthesis divided by kind and method."""
    reasons = looks_like_celeb_df(tree)
    if not reasons or not has_method_folders(tree):
        return None
    kinds = [kind for kind in FAMILIES if tree.is_folder(f"{FAKE_FOLDER}/{kind}")]
    return Evidence("celeb-df-pp", (*reasons, f"{FAKE_FOLDER} holds {', '.join(kinds)}"))


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read the two real folders and every method's folder."""
    reading = Reading()
    tested = read_test_list(tree, reading)
    read_reals(tree, reading, DATASET, tested)
    for kind, family in FAMILIES.items():
        for method in tree.folders(f"{FAKE_FOLDER}/{kind}"):
            folder = videos_folder(tree, f"{FAKE_FOLDER}/{kind}/{method}")
            for name in tree.videos(folder):
                rel = join(folder, name)
                reading.add(tree, rel, _fake(tree, rel, kind, method, family, tested))
    check_test_list(tree, reading, tested)
    return reading


def _fake(
    tree: Tree, rel: str, kind: str, method: str, family: str, tested: TestList | None
) -> VideoRecord:
    stem = stem_of(rel)
    target = source = number = None
    match = _PAIRED.match(stem)
    if match:
        target, source, number = match.groups()
    else:
        match = _TALKING.match(stem)
        if match:
            target, number = match.groups()
    pair = make_id(DATASET, "Celeb-real", "", f"{target}_{number}") if target else None
    split = split_of(rel, tested)
    attributes = {"subset": f"{kind}/{method}"}
    if target:
        attributes["identity"] = target
    if source:
        attributes["source_identity"] = source
    return VideoRecord(
        video_id=make_id(DATASET, f"{kind}/{method}", "", stem),
        path=tree.absolute(rel),
        label=1,
        source_dataset=DATASET,
        method=method,
        family=family,
        split=split,
        split_source="official" if split else None,
        target_id=target,
        source_id=source,
        pair_id=pair,
        parents=(pair,) if pair else (),
        license_note=LICENSE,
        attributes=attributes,
    )


def _official() -> tuple[Official, ...]:
    rows = [
        Official(590, label=0, subset="Celeb-real"),
        Official(300, label=0, subset="YouTube-real"),
        Official(178, "test", "original", 0),
    ]
    for kind, methods in METHODS.items():
        count = 300 if kind == "TalkingFace" else 200
        rows.extend(Official(count, "test", method, 1) for method in methods.split())
    return tuple(rows)


IMPORTERS = (
    Importer(
        name="celeb-df-pp",
        title=DATASET,
        license_note=LICENSE,
        expects=(
            "Celeb-real/id0_0000.mp4\nYouTube-real/00000.mp4\n"
            "Celeb-synthesis/{FaceSwap,FaceReenact}/<method>/id0_id1_0000.mp4\n"
            "Celeb-synthesis/TalkingFace/<method>/id0_0000_test_00001.mp4\n"
            f"{TEST_LIST}   ('1 Celeb-real/id0_0000.mp4', 1 = real)"
        ),
        recognise=recognise,
        read=read,
        official=_official(),
        gotchas=(
            "The test list has its labels the other way round: 1 is real, 0 is fake.",
            "Reenactments and talking faces are often cropped and resized already: a shortcut.",
            "The test split shares its celebrities with the training videos.",
        ),
        aliases=("celeb-df-v3", "celeb-df++", "cdfv3", "cdf3", "celebdfpp"),
        url="https://github.com/OUC-VAS/Celeb-DF-PP",
    ),
)
