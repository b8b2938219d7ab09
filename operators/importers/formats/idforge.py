"""Imports IDForge v1 (Xu et al., ACM MM 2024, arXiv 2401.11764): face, lip and speech forgery.

It shows 54 people. The tasks ``rvc_*`` and ``tts_*`` have real pictures: labelled real, with
``audio_label`` fake.
"""

from __future__ import annotations

import re

from ....detector.records import SPLITS, VideoRecord
from ..contract import Evidence, Importer, ImportOptions, Missing, Official, Reading, make_id
from ..lists import inside, read_lines
from ..suffixes import is_video, join, stem_of
from ..tree import Tree

DATASET = "IDForge-v1"
LICENSE = "IDForge: research only, on request from the authors."
TASKS = {  # folder -> (label of the pictures, label of the sound)
    "pristine": (0, "real"),
    "face_audiomismatch_textmismatch": (1, "real"),
    "face_rvc_textmismatch": (1, "fake"),
    "face_tts": (1, "fake"),
    "face_tts_textgen": (1, "fake"),
    "lip_audiomismatch_textmismatch": (1, "real"),
    "lip_rvc_textmismatch": (1, "fake"),
    "lip_tts_textgen": (1, "fake"),
    "rvc_textmismatch": (0, "fake"),
    "tts_textgen": (0, "fake"),
    "tts_textmismatch": (0, "fake"),
}
TOOLS = ("infoswap", "roop", "simswap")
_PERSON = re.compile(r"^(id\d+)")


def _task_folders(tree: Tree) -> list[tuple[str, str, str | None]]:
    """Return (folder, task, split by folder) of every task present, at most two levels down."""
    found = []
    for base in ("", *tree.folders()):
        for name in tree.folders(base):
            if name in TASKS:
                split = base if base in SPLITS else None
                found.append((join(base, name), name, split))
    return found


def recognise(tree: Tree) -> Evidence | None:
    """Recognise two or more task folders, or one whose name is a forgery task."""
    tasks = sorted({task for _, task, _ in _task_folders(tree)})
    if len(tasks) < 2 and not any("_" in task for task in tasks):
        return None
    return Evidence("idforge", (f"task folders are there: {', '.join(tasks)}",))


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read every video below the task folders."""
    reading = Reading()
    listed, where = _read_lists(tree, reading)
    seen: set[str] = set()
    for folder, task, split in _task_folders(tree):
        for rel in tree.all_videos(folder):
            key = task + rel[len(folder) :]
            seen.add(key)
            reading.add(tree, rel, _record(tree, rel, key, task, split or listed.get(key)))
    reading.missing.extend(Missing(key, where[key]) for key in sorted(listed) if key not in seen)
    if not listed and not any(record.split for record in reading.records):
        reading.warnings.append(
            "train.csv, val.csv and test.csv are missing, so no video has a split."
        )
    return reading


def _record(tree: Tree, rel: str, key: str, task: str, split: str | None) -> VideoRecord:
    label, audio = TASKS[task]
    stem = stem_of(rel)
    person = _PERSON.match(stem) or next(
        (m for part in key.split("/")[1:] if (m := _PERSON.match(part))), None
    )
    session = key.split("/")[-2] if key.count("/") >= 2 else ""
    tool = stem.rpartition("_")[2].lower()
    attributes = {"subset": task}
    if person:
        attributes["identity"] = person.group(1)
    return VideoRecord(
        video_id=make_id(DATASET, "", "", key.rpartition(".")[0]),
        path=tree.absolute(rel),
        label=label,
        source_dataset=DATASET,
        method=(tool if tool in TOOLS else task) if label else "original",
        family=("face_swap" if task.startswith("face") else "lip_sync") if label else "none",
        split=split,
        split_source="official" if split else None,
        target_id=person.group(1) if person else None,
        # A session is one source video; the release does not say which of its scenes a fake shows.
        parents=(make_id(DATASET, "session", "", session),) if session else (),
        audio_label=audio,
        license_note=LICENSE,
        attributes=attributes,
    )


def _read_lists(tree: Tree, reading: Reading) -> tuple[dict[str, str], dict[str, str]]:
    """Return the split and the list of each ``<task>/<person>/<session>/<file>``."""
    splits: dict[str, str] = {}
    where: dict[str, str] = {}
    for base in ("", *tree.folders()):
        for split in SPLITS:
            rel = join(base, f"{split}.csv")
            if not tree.is_file(rel):
                continue
            for number, line in read_lines(tree, rel):
                entry = line.split(",")[0].strip().strip('"')
                if not is_video(entry):
                    continue  # a header
                path = inside(entry, f"{rel}, line {number}")
                parts = path.split("/")
                start = next((i for i, part in enumerate(parts) if part in TASKS), 0)
                key = "/".join(parts[start:])
                if splits.setdefault(key, split) != split:
                    reading.conflicts.append(
                        f"{rel}, line {number}: {key} is in {splits[key]} and {split}; "
                        f"{splits[key]} is kept."
                    )
                where.setdefault(key, rel)
    return splits, where


IMPORTERS = (
    Importer(
        name="idforge",
        title=DATASET,
        license_note=LICENSE,
        expects=(
            "{pristine,face_tts,lip_tts_textgen,rvc_textmismatch,...}/<id>/<session>/<file>.mp4\n"
            "{train,val,test}.csv   (one <task>/<id>/<session>/<file> a line)"
        ),
        recognise=recognise,
        read=read,
        official=(Official(80000, label=0, subset="pristine", certain=False),),
        gotchas=(
            "rvc_* and tts_* have real pictures: labelled real, with audio_label fake.",
            "The official test split holds all 54 people, those of train and val included.",
            "Which recording a fake was made from is not recorded: no pairs, groups by session.",
        ),
        aliases=("idforge-v1",),
        url="https://github.com/xyyandxyy/IDForge",
    ),
)
