"""Imports DFDC-Preview (Dolhansky et al., 2019, arXiv 1910.08854).

``dataset.json`` lists every video. A fake ``<swapped>_<target>_<recording>_<clip>`` is made from
the target actor's video ``<target>_<recording>_<clip>``.
"""

from __future__ import annotations

from typing import Any

from ....detector.records import VideoRecord
from ..contract import (
    Evidence,
    Importer,
    ImportOptions,
    Missing,
    Official,
    Reading,
    make_id,
    unique_stems,
)
from ..lists import bad_entry, inside, read_json
from ..suffixes import join, stem_of
from ..tree import Tree

DATASET = "DFDC-Preview"
LICENSE = "DFDC preview terms of use of Meta: non-commercial research only, no redistribution."
LIST = "dataset.json"
REALS = "original_videos"


def recognise(tree: Tree) -> Evidence | None:
    """Recognise dataset.json beside original_videos, method_A or method_B."""
    folders = [f for f in (REALS, "method_A", "method_B") if tree.is_folder(f)]
    if not tree.is_file(LIST) or not folders:
        return None
    return Evidence("dfdc-preview", (f"{LIST} is there", f"{', '.join(folders)} are there"))


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read the listed videos."""
    reading = Reading()
    rows: list[tuple[str, str, dict[str, Any]]] = []
    for number, (path, entry) in enumerate(read_json(tree, LIST, dict).items(), start=1):
        where = f"{LIST}, entry {number} ({path})"
        rel = inside(path, where)
        if not isinstance(entry, dict) or str(entry.get("label")).lower() not in ("real", "fake"):
            raise bad_entry(where, "expected {'label': 'real' or 'fake', 'set': ...}.")
        found = tree.find(rel) or _in_videos(tree, rel)
        if found is None:
            reading.missing.append(Missing(rel, LIST))
        else:
            rows.append((found, where, entry))
    stems = {}
    for subset in {rel.split("/")[0] for rel, *_ in rows}:
        stems.update(unique_stems(rel for rel, *_ in rows if rel.split("/")[0] == subset))
    reals = {
        stem_of(rel): make_id(DATASET, REALS, "", stems[rel])
        for rel, _, entry in rows
        if str(entry["label"]).lower() == "real"
    }
    for rel, where, entry in rows:
        reading.add(tree, rel, _record(tree, reading, rel, stems[rel], where, entry, reals))
    return reading


def _in_videos(tree: Tree, rel: str) -> str | None:
    """Return the file below ``<top folder>/videos``, where SBI's code keeps it, or None."""
    top, _, rest = rel.partition("/")
    return tree.find(join(top, "videos", rest))


def _record(
    tree: Tree,
    reading: Reading,
    rel: str,
    stem: str,
    where: str,
    entry: dict[str, Any],
    reals: dict[str, str],
) -> VideoRecord:
    label = 1 if str(entry["label"]).lower() == "fake" else 0
    subset = rel.split("/")[0]
    if (subset == REALS) == bool(label):
        reading.conflicts.append(
            f"{where}: listed as {entry['label']} but lies in {subset}; the list is used."
        )
    split = str(entry.get("set") or "").lower()
    split = split if split in ("train", "val", "test") else None
    target, swapped = _text(entry.get("target_id")), _text(entry.get("swapped_id"))
    pair = None
    if label:
        name = stem_of(rel).partition("_")[2]
        pair = reals.get(name) or (make_id(DATASET, REALS, "", name) if name else None)
    attributes: dict[str, Any] = {"subset": subset}
    if target:
        attributes["identity"] = target
    if label and swapped:
        attributes["source_identity"] = swapped
    if entry.get("augmentations"):
        attributes["augmentations"] = ",".join(map(str, entry["augmentations"]))
    return VideoRecord(
        video_id=make_id(DATASET, subset, "", stem),
        path=tree.absolute(rel),
        label=label,
        source_dataset=DATASET,
        method=subset if label else "original",
        family="face_swap" if label else "none",
        split=split,
        split_source="official" if split else None,
        target_id=target,
        source_id=swapped if label else None,
        pair_id=pair,
        parents=(pair,) if pair else (),
        license_note=LICENSE,
        attributes=attributes,
    )


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)


IMPORTERS = (
    Importer(
        name="dfdc-preview",
        title=DATASET,
        license_note=LICENSE,
        expects=(
            "dataset.json\noriginal_videos/<actor>/<actor>_<recording>_<clip>.mp4\n"
            "{method_A,method_B}/<actor>/<actor>_<recording>/"
            "<swapped>_<actor>_<recording>_<clip>.mp4"
        ),
        recognise=recognise,
        read=read,
        official=(
            Official(1131, method="original", label=0),
            Official(4119, label=1),
            Official(276, "test", "original", 0, certain=False),
            Official(504, split="test", label=1, certain=False),
        ),
        gotchas=("The set in dataset.json is the split: train or test, there is no val.",),
        aliases=("dfdcp", "dfdc-p"),
        url="https://arxiv.org/abs/1910.08854",
    ),
)
