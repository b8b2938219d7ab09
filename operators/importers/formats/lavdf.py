"""Imports LAV-DF (Cai et al., DICTA 2022, arXiv 2204.06228): a few words replaced in lips or sound.

Lips, sound or both are changed. The label of the pictures is ``modify_video``; with
``modify_audio`` alone the pictures are real.
"""

from __future__ import annotations

import json
from typing import Any

from ....detector.records import VideoRecord
from ..contract import Evidence, Importer, ImportOptions, Missing, Official, Reading, make_id
from ..lists import bad_entry, inside, read_json
from ..suffixes import stem_of
from ..tree import Tree

DATASET = "LAV-DF"
LICENSE = "LAV-DF: CC BY-NC 4.0; access by form."
LISTS = ("metadata.json", "metadata.min.json")
SPLITS = {"train": "train", "dev": "val", "val": "val", "test": "test"}


def _list(tree: Tree) -> str | None:
    return next((name for name in LISTS if tree.is_file(name)), None)


def recognise(tree: Tree) -> Evidence | None:
    """Recognise metadata.json as a list with modify_video, beside train, dev or test."""
    rel = _list(tree)
    folders = [name for name in ("train", "dev", "test") if tree.is_folder(name)]
    if rel is None or not folders:
        return None
    with open(tree.absolute(rel), errors="replace") as handle:  # noqa: PTH123 - plain string
        head = handle.read(4000)
    if not head.lstrip("\ufeff \r\n\t").startswith("[") or "modify_video" not in head:
        return None
    return Evidence("lav-df", (f"{rel} has modify_video", f"{', '.join(folders)} are there"))


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read the listed videos."""
    reading = Reading()
    rel = _list(tree) or LISTS[0]
    for number, entry in enumerate(read_json(tree, rel, list), start=1):
        where = f"{rel}, entry {number}"
        if not isinstance(entry, dict) or not isinstance(entry.get("file"), str):
            raise bad_entry(where, "expected an object with 'file'.")
        path = inside(entry["file"], where)
        if not isinstance(entry.get("modify_video"), bool):
            raise bad_entry(where, f"modify_video of {path} is neither true nor false.")
        found = tree.find(path)
        if found is None:
            reading.missing.append(Missing(path, rel))
            continue
        reading.add(tree, found, _record(tree, reading, found, entry, where))
    return reading


def _record(
    tree: Tree, reading: Reading, rel: str, entry: dict[str, Any], where: str
) -> VideoRecord:
    folder = rel.split("/")[0]
    named = str(entry.get("split") or folder).lower()
    split = SPLITS.get(named)
    if SPLITS.get(folder) and split != SPLITS[folder]:
        reading.conflicts.append(f"{where}: {rel} is listed in split {named}; the list is used.")
    label = int(entry["modify_video"])
    original, pair = entry.get("original"), None
    if original:
        path = inside(str(original), where)
        pair = _id(path if "/" in path else f"{folder}/{path}")
    attributes: dict[str, Any] = {"n_fakes": int(entry.get("n_fakes") or 0)}
    if entry.get("fake_periods"):
        attributes["fake_segments"] = json.dumps(entry["fake_periods"])
    sound = entry.get("modify_audio")
    return VideoRecord(
        video_id=_id(rel),
        path=tree.absolute(rel),
        label=label,
        source_dataset=DATASET,
        method=DATASET if label else "original",
        family="lip_sync" if label else "none",
        split=split,
        split_source="official" if split else None,
        target_id=stem_of(str(original)) if original else stem_of(rel),
        pair_id=pair,
        parents=(pair,) if pair else (),
        audio_label=None if sound is None else ("fake" if sound else "real"),
        license_note=LICENSE,
        attributes=attributes,
    )


def _id(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return make_id(DATASET, folder, "", stem_of(name))


IMPORTERS = (
    Importer(
        name="lav-df",
        title=DATASET,
        license_note=LICENSE,
        expects="metadata.json   (file, modify_video, modify_audio, original, split, ...)\n"
        "{train,dev,test}/000000.mp4",
        recognise=recognise,
        read=read,
        official=(
            Official(78703, split="train"),
            Official(31501, split="val"),
            Official(26100, split="test"),
        ),
        gotchas=(
            "The label is that of the pictures (modify_video); a fake sound alone is audio_label.",
            "dev is read as val.",
            "The fake part lasts a fraction of a second: the mean over a video's frames is unfit, "
            "use max or top_k.",
        ),
        aliases=("lavdf",),
        url="https://github.com/ControlNet/LAV-DF",
    ),
)
