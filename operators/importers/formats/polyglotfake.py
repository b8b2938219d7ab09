"""Imports PolyGlotFake (Hou et al., ICPR 2024, arXiv 2405.08838): clips dubbed into 7 languages.

``<src>_<n>_to_<lang>_<speech>`` is the real ``<src>_<n>`` with synthetic speech in ``<lang>`` and
lips to match (Wav2Lip or VideoRetalking).
"""

from __future__ import annotations

import re
from typing import Any

from ....detector.records import VideoRecord
from ..contract import Evidence, Importer, ImportOptions, Official, Reading, make_id, unique_stems
from ..lists import read_json
from ..suffixes import join, stem_of
from ..tree import GLANCE, Tree

DATASET = "PolyGlotFake"
LICENSE = "PolyGlotFake: academic institutions, research only."
LANGUAGES = ("ar", "en", "es", "fr", "ja", "ru", "zh")
_LANG = "|".join(LANGUAGES)
_REAL = re.compile(rf"^({_LANG})_(\d+)$")
_FAKE = re.compile(rf"^(({_LANG})_\d+)_to_({_LANG})(?:_(.+))?$")


def recognise(tree: Tree) -> Evidence | None:
    """Recognise videos that are named like a dub."""
    seen = 0
    for _, names in tree.walk(limit=GLANCE):
        for name in names:
            if _FAKE.match(stem_of(name)):
                return Evidence("polyglotfake", (f"videos are named <src>_<n>_to_<lang> ({name})",))
            seen += 1
        if seen > 20_000:
            break
    return None


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read every real and dub, with the age and sex that the release's JSON gives."""
    reading = Reading()
    people = _read_people(tree)
    videos = list(tree.all_videos())
    stems = unique_stems(videos)
    reals = {
        stem_of(rel): make_id(DATASET, "real", "", stems[rel])
        for rel in videos
        if _REAL.match(stem_of(rel))
    }
    for rel in videos:
        real, fake = _REAL.match(stem_of(rel)), _FAKE.match(stem_of(rel))
        if real:
            record = VideoRecord(
                video_id=make_id(DATASET, "real", "", stems[rel]),
                path=tree.absolute(rel),
                label=0,
                source_dataset=DATASET,
                target_id=stem_of(rel),
                audio_label="real",
                license_note=LICENSE,
                attributes={"language": real.group(1), **people.get(stem_of(rel), {})},
            )
            reading.add(tree, rel, record)
        elif fake:
            reading.add(tree, rel, _fake(tree, rel, stems[rel], fake, reals, people))
    return reading


def _fake(
    tree: Tree,
    rel: str,
    stem: str,
    match: re.Match[str],
    reals: dict[str, str],
    people: dict[str, dict[str, Any]],
) -> VideoRecord:
    origin, source_language, language, speech = match.groups()
    pair = reals.get(origin) or make_id(DATASET, "real", "", origin)
    method = _lips(rel)
    attributes: dict[str, Any] = {
        "language": language,
        "source_language": source_language,
        **people.get(origin, {}),
    }
    if speech:
        attributes["speech"] = speech
    return VideoRecord(
        video_id=make_id(DATASET, f"to_{language}", "", stem),
        path=tree.absolute(rel),
        label=1,
        source_dataset=DATASET,
        method=method,
        family="lip_sync",
        target_id=origin,
        pair_id=pair,
        parents=(pair,),
        audio_label="fake",
        license_note=LICENSE,
        attributes=attributes,
    )


def _lips(rel: str) -> str:
    """Return the lip-sync method that the name or a folder says."""
    lower = rel.lower().replace("_", "").replace("-", "")
    if "wav2lip" in lower:
        return "Wav2Lip"
    return "VideoRetalking" if "retalking" in lower else "PolyGlotFake"


def _read_people(tree: Tree) -> dict[str, dict[str, Any]]:
    """Return age and sex of each real's first person, from ``real_json_files/<lang>.json``."""
    people: dict[str, dict[str, Any]] = {}
    for folder, files in tree.walk():
        if folder.rpartition("/")[2] != "real_json_files":
            continue
        for name in files:
            if stem_of(name) not in LANGUAGES or not name.endswith(".json"):
                continue
            for entry in read_json(tree, join(folder, name), dict).get("videos") or []:
                person = (entry.get("characters") or [{}])[0]
                values = {
                    field: str(person[field])
                    for field in ("age", "sex")
                    if person.get(field) not in (None, "")
                }
                if entry.get("filename") and values:
                    people[stem_of(str(entry["filename"]))] = values
    return people


IMPORTERS = (
    Importer(
        name="polyglotfake",
        title=DATASET,
        license_note=LICENSE,
        expects=(
            "<lang>_<n>.mp4   (real)\n<src>_<n>_to_<lang>_<speech>.mp4   (fake)\n"
            "in any folders; real_json_files/<lang>.json   (optional)"
        ),
        recognise=recognise,
        read=read,
        official=(Official(766, method="original", label=0), Official(14472, label=1)),
        official_split=False,
        gotchas=("Sound and lips are both fake in every fake.",),
        aliases=("pgf",),
        url="https://github.com/tobuta/PolyGlotFake",
    ),
)
