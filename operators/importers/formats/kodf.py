"""Imports KoDF (Kwon et al., ICCV 2021, arXiv 2103.10094): Korean actors, five methods.

Only names matter, in any folders: a real is ``<actor>_<nnn>``, a fake
``<target>_<source>_<code>_<n>``. The dataset does not say which recording of the target a fake
shows.
"""

from __future__ import annotations

import re

from ....detector.records import VideoRecord
from ..contract import Evidence, Importer, ImportOptions, Official, Reading, make_id, unique_stems
from ..names import family_of
from ..suffixes import stem_of
from ..tree import GLANCE, Tree

DATASET = "KoDF"
LICENSE = "KoDF terms of use: research only; access by application (AI-Hub Korea or the authors)."
CODES = {"1": "dfl", "2": "dffs", "3": "fsgan", "4": "fo", "5": "audio-driven"}
FAMILIES = {"dffs": "face_swap", "fo": "reenactment", "audio-driven": "talking_face"}
_ACTOR = r"[0-9a-f]{20}|\d{6}"
_REAL = re.compile(rf"^({_ACTOR})_(\d+)$")
_FAKE = re.compile(rf"^({_ACTOR})_({_ACTOR})_(\d)_(\d+)$")


def recognise(tree: Tree) -> Evidence | None:
    """Recognise a video that is named like a fake within the first folders."""
    seen = 0
    for _, names in tree.walk(limit=GLANCE):
        for name in names:
            if _FAKE.match(stem_of(name)):
                return Evidence(
                    "kodf", (f"videos are named <target>_<source>_<code>_<n> ({name})",)
                )
            seen += 1
        if seen > 20_000:
            break
    return None


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read every video with a name of the dataset's form."""
    reading = Reading()
    videos = list(tree.all_videos())
    stems = unique_stems(videos)
    for rel in videos:
        adversarial = any("adv" in part.lower() for part in rel.split("/")[:-1])
        fake = _FAKE.match(stem_of(rel))
        real = _REAL.match(stem_of(rel))
        if fake and fake.group(3) in CODES:
            reading.add(tree, rel, _fake(tree, rel, stems[rel], fake, adversarial))
        elif real:
            reading.add(tree, rel, _real(tree, rel, stems[rel], real.group(1), adversarial))
    return reading


def _person(actor: str) -> str:
    """Return the common parent of all videos that show an actor."""
    return make_id(DATASET, "actor", "", actor)


def _real(tree: Tree, rel: str, stem: str, actor: str, adversarial: bool) -> VideoRecord:
    return VideoRecord(
        video_id=make_id(DATASET, "real", "", stem),
        path=tree.absolute(rel),
        label=0,
        source_dataset=DATASET,
        target_id=actor,
        parents=(_person(actor),),
        license_note=LICENSE,
        attributes={"identity": actor, "adversarial": adversarial},
    )


def _fake(
    tree: Tree,
    rel: str,
    stem: str,
    match: re.Match[str],
    adversarial: bool,
) -> VideoRecord:
    target, source, code, _ = match.groups()
    method = CODES[code]
    return VideoRecord(
        video_id=make_id(DATASET, method, "", stem),
        path=tree.absolute(rel),
        label=1,
        source_dataset=DATASET,
        method=method,
        family=FAMILIES.get(method) or family_of(method),
        target_id=target,
        source_id=source,
        pair_status="ambiguous",
        parents=(_person(target),),
        license_note=LICENSE,
        attributes={
            "identity": target,
            "source_identity": source,
            "adversarial": adversarial,
        },
    )


IMPORTERS = (
    Importer(
        name="kodf",
        title=DATASET,
        license_note=LICENSE,
        expects=(
            "<actor>_<nnn>.mp4   (real; an actor is 20 hexadecimal or 6 decimal digits)\n"
            "<target>_<source>_<code>_<n>.mp4   (fake; code 1 dfl, 2 dffs, 3 fsgan, 4 fo, "
            "5 audio-driven)\nin any folders"
        ),
        recognise=recognise,
        read=read,
        official=(Official(62166, method="original", label=0), Official(175776, label=1)),
        official_split=False,
        gotchas=(
            "Which recording of the target a fake shows is not known: its pair is ambiguous.",
            "Folders with 'adv' in their name hold adversarially perturbed copies (field "
            "adversarial).",
        ),
        url="https://github.com/deepbrainai-research/kodf",
    ),
)
