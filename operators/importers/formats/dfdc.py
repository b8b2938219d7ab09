"""Imports DFDC, the Deepfake Detection Challenge data (Dolhansky et al., 2020, arXiv 2006.07397).

Each train part has a ``metadata.json``. An ``original`` may be in another part than its fake, so
all parts are searched. Validation and test have a ``labels.csv``.
"""

from __future__ import annotations

import re
from typing import Any

from ....detector.records import LABELS, VideoRecord
from ..contract import Evidence, Importer, ImportOptions, Missing, Official, Reading, make_id
from ..lists import bad_entry, inside, read_csv, read_json
from ..suffixes import join, stem_of
from ..tree import Tree

DATASET = "DFDC"
LICENSE = "DFDC licence of Meta (Kaggle rules): research only, no redistribution."
_PART = re.compile(r"^dfdc_train_part_\d+$")
_WORDS = {"real": 0, "fake": 1, "0": 0, "1": 1}


def _folders(tree: Tree) -> list[str]:
    """Return the root, its folders, and the folders below a split (parts may be in ``train/``)."""
    found = [""]
    for name in tree.folders():
        found.append(name)
        if _split_of(name):  # any other folder may be another dataset's root one level down
            found.extend(join(name, inner) for inner in tree.folders(name))
    return found


def _split_of(folder: str) -> str | None:
    """Return the split that the folder's name says, or None."""
    for part in reversed(folder.lower().split("/")):
        if _PART.match(part) or part.startswith("train"):
            return "train"
        if part in ("val", "valid", "validation", "validation_videos"):
            return "val"
        if part.startswith("test"):
            return "test"
    return None


def recognise(tree: Tree) -> Evidence | None:
    """Recognise numbered train parts, or a DFDC metadata.json or labels.csv beside videos."""
    reasons = []
    parts = [f for f in _folders(tree) if _PART.match(f.rpartition("/")[2])]
    if _PART.match(tree.root.name) and tree.is_file("metadata.json"):
        reasons.append(f"the folder is the train part {tree.root.name}")
    if parts:
        reasons.append(f"{len(parts)} folders dfdc_train_part_N are there")
    for folder in _folders(tree):
        if _has_labels(tree, folder):
            reasons.append(f"{join(folder, 'labels.csv')} has the columns filename and label")
        elif not reasons and _is_metadata(tree, folder):
            reasons.append(f"{join(folder, 'metadata.json')} maps videos to REAL or FAKE")
    return Evidence("dfdc", tuple(reasons)) if reasons else None


def _has_labels(tree: Tree, folder: str) -> bool:
    rel = join(folder, "labels.csv")
    if not tree.is_file(rel):
        return False
    with open(tree.absolute(rel), errors="replace") as handle:  # noqa: PTH123 - plain string
        header = [cell.strip().strip('\ufeff"').lower() for cell in handle.readline().split(",")]
    return {"filename", "label"} <= set(header)


def _is_metadata(tree: Tree, folder: str) -> bool:
    """Return whether metadata.json starts like DFDC's (an object of objects with a label)."""
    rel = join(folder, "metadata.json")
    if not tree.is_file(rel) or not tree.videos(folder):
        return False
    with open(tree.absolute(rel), errors="replace") as handle:  # noqa: PTH123 - plain string
        head = handle.read(2000)
    return bool(re.match(r'\s*\{\s*"[^"]+\.mp4"\s*:\s*\{', head)) and '"label"' in head


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read every train part, and the validation and test folders."""
    reading = Reading()
    rows: list[tuple[str, str, str, int, dict[str, Any]]] = []  # rel, split, list, label, entry
    for folder in _folders(tree):
        split = _split_of(folder or tree.root.name)
        if _has_labels(tree, folder):
            rows.extend(_read_labels(tree, reading, folder, split or "test"))
        elif tree.is_file(join(folder, "metadata.json")):
            rows.extend(_read_metadata(tree, reading, folder, split or "train"))
        elif tree.videos(folder) and folder.rpartition("/")[2] != "videos":
            reading.warnings.append(
                f"{folder or 'The root'} holds videos but neither metadata.json nor labels.csv: "
                f"its {len(tree.videos(folder))} videos have no label and are left out."
            )
            for name in tree.videos(folder):
                reading.skipped[join(folder, name)] = "no label"
    ids = {
        rel.rpartition("/")[2]: make_id(DATASET, split, "", stem_of(rel)) for rel, split, *_ in rows
    }
    for rel, split, listed_in, label, entry in rows:
        reading.add(tree, rel, _record(tree, rel, split, listed_in, label, entry, ids))
    return reading


def _read_labels(tree: Tree, reading: Reading, folder: str, split: str):
    """Yield the rows of a labels.csv; the videos are beside it or in ``videos/``."""
    rel = join(folder, "labels.csv")
    others = _audit_metadata(tree, folder)
    for number, row in read_csv(tree, rel, ("filename", "label")):
        where = f"{rel}, line {number}"
        name = inside(row["filename"], where)
        label = _WORDS.get(row["label"].strip().lower())
        if label is None:
            raise bad_entry(where, f"label {row['label']!r} is neither 0 (real) nor 1 (fake).")
        if others.get(name, label) != label:
            reading.conflicts.append(
                f"{where}: {name} is {LABELS[label]} here and {LABELS[others[name]]} in "
                f"{join(folder, 'metadata.json')}; labels.csv is used."
            )
        found = tree.find(join(folder, name)) or tree.find(join(folder, "videos", name))
        if found is None:
            reading.missing.append(Missing(join(folder, name), rel))
        else:
            yield found, split, rel, label, {}


def _audit_metadata(tree: Tree, folder: str) -> dict[str, int]:
    """Return the labels in the metadata.json beside a labels.csv, to compare the two."""
    rel = join(folder, "metadata.json")
    if not tree.is_file(rel):
        return {}
    return {
        name: label
        for name, entry in read_json(tree, rel, dict).items()
        if (label := _label_of(entry)) is not None
    }


def _label_of(entry: Any) -> int | None:
    if not isinstance(entry, dict):
        return None
    value = entry.get("label", entry.get("is_fake"))
    return None if value is None else _WORDS.get(str(value).strip().lower())


def _read_metadata(tree: Tree, reading: Reading, folder: str, split: str):
    """Yield the rows of a part's metadata.json."""
    rel = join(folder, "metadata.json")
    for number, (entry_name, entry) in enumerate(read_json(tree, rel, dict).items(), start=1):
        where = f"{rel}, entry {number} ({entry_name})"
        name = inside(entry_name, where)
        label = _label_of(entry)
        if label is None:
            raise bad_entry(where, "expected {'label': 'REAL' or 'FAKE', ...}.")
        found = tree.find(join(folder, name))
        if found is None:
            reading.missing.append(Missing(join(folder, name), rel))
            continue
        if label == 0 and entry.get("original"):
            reading.conflicts.append(f"{where}: a REAL video names an original.")
        yield found, split, rel, label, entry


def _record(
    tree: Tree,
    rel: str,
    split: str,
    listed_in: str,
    label: int,
    entry: dict[str, Any],
    ids: dict[str, str],
) -> VideoRecord:
    original = entry.get("original") if label else None
    pair = None
    if original:
        name = inside(str(original), f"{listed_in} ({rel.rpartition('/')[2]})")
        pair = ids.get(name) or make_id(DATASET, split, "", stem_of(name))
    part = next((p for p in rel.split("/") if _PART.match(p)), None)
    return VideoRecord(
        video_id=make_id(DATASET, split, "", stem_of(rel)),
        path=tree.absolute(rel),
        label=label,
        source_dataset=DATASET,
        method="dfdc" if label else "original",
        family="unknown" if label else "none",
        split=split,
        split_source="official",
        pair_id=pair,
        parents=(pair,) if pair else (),
        license_note=LICENSE,
        attributes={"part": part} if part else {},
    )


IMPORTERS = (
    Importer(
        name="dfdc",
        title=DATASET,
        license_note=LICENSE,
        expects=(
            "dfdc_train_part_{0..49}/metadata.json and dfdc_train_part_0/abcdefghij.mp4\n"
            "{validation,test}/labels.csv   (filename,label with 0 = real, 1 = fake), the videos "
            "beside it or in videos/\n"
            "(the root may hold any of these, or be one of these folders)"
        ),
        recognise=recognise,
        read=read,
        official=(
            Official(19154, "train", "original", 0),
            Official(100000, "train", "dfdc", 1),
            Official(2000, "val", "original", 0),
            Official(2000, "val", "dfdc", 1),
            Official(2500, "test", "original", 0),
            Official(2500, "test", "dfdc", 1),
        ),
        gotchas=(
            "FAKE may mean that the sound alone is fake; the metadata does not say so.",
            "Some videos show two actors of whom one is swapped; identities are not published.",
            "The public test of 400 videos on Kaggle is another set than the test of 5,000.",
        ),
        aliases=("dfdc-full",),
        url="https://ai.meta.com/datasets/dfdc/",
    ),
)
