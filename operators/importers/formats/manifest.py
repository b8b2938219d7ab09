"""Imports the user's own manifest: a CSV or Parquet file with a row per video or per frame.

docs/datasets.md describes the header. Any further column becomes a field.
"""

from __future__ import annotations

import itertools
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ....detector.errors import ForensicsError
from ....detector.files import packages
from ....detector.files.frame_numbers import LARGEST_FRAME
from ....detector.records import (
    FAKE,
    FAMILIES,
    LABELS,
    REAL,
    SPLITS,
    UNKNOWN,
    UNLABELLED,
    VideoRecord,
)
from ..contract import Evidence, Importer, ImportOptions, Missing, Reading, make_id
from ..lists import bad_entry, decoded, inside, read_csv, separator_of
from ..names import family_of
from ..suffixes import is_image, is_video, stem_of, suffix_of
from ..tree import Tree

# fmt: off
COLUMNS = (
    "path", "label", "video_id", "dataset", "method", "family", "compression", "split",
    "target_id", "source_id", "pair_id", "parents", "mask_path", "audio_label", "license",
    "frame_number", "aligned",
)
# fmt: on
LICENSE = "Not stated by the manifest."
_LABEL_WORDS = {"0": REAL, "0.0": REAL, "real": REAL, "original": REAL}
_LABEL_WORDS |= {"1": FAKE, "1.0": FAKE, "fake": FAKE}  # 1.0: pandas, beside an empty cell
_LABEL_WORDS |= dict.fromkeys(("", "-1", "?", "none", "n/a", "unlabelled", "unlabeled"), UNKNOWN)
_LABEL_WORDS[UNLABELLED] = UNKNOWN


def manifest_of(tree: Tree) -> str | None:
    """Return the manifest in the root, or None.

    It is ``manifest.csv``, ``manifest.parquet``, or the only CSV with the two required columns.
    """
    for name in ("manifest.csv", "manifest.parquet"):
        if tree.is_file(name):
            return name
    found = [
        name
        for name in tree.files()
        if suffix_of(name) == ".csv" and {"path", "label"} <= set(_header(tree, name))
    ]
    return found[0] if len(found) == 1 else None


def _header(tree: Tree, rel: str) -> list[str]:
    with Path(tree.absolute(rel)).open("rb") as handle:
        line = decoded(handle.read(1 << 16), "replace").partition("\n")[0]
    return [cell.strip().strip('"').lower() for cell in line.split(separator_of(line))]


def recognise(tree: Tree) -> Evidence | None:
    """Recognise a manifest in the root."""
    name = manifest_of(tree)
    if name is None:
        return None
    columns = _header(tree, name) if suffix_of(name) == ".csv" else ["path", "label"]
    if "path" not in columns:
        return None
    # A file called manifest is surely one; another CSV may be a list of something else.
    weak = stem_of(name) != "manifest"
    what = "columns path and label" if "label" in columns else "column path, and no label"
    return Evidence("manifest", (f"{name} has the {what}",), weak)


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read the rows; rows with one ``video_id`` that name frames are one sequence."""
    rel = inside(options.manifest, "manifest") if options.manifest else manifest_of(tree)
    if rel is None:
        raise ForensicsError(
            f"There is no manifest in {str(tree.root)!r}.",
            "It needs a manifest.csv or manifest.parquet with a column path, and label if known.",
            "root",
        )
    reading = Reading()
    sequences: dict[str, list[tuple[int, str]]] = defaultdict(list)
    first: dict[str, VideoRecord] = {}
    torn: set[str] = set()  # sequences whose frames have both labels
    ids_by_path: dict[str, str] = {}
    for where, row in _rows(tree, rel):
        record, path, number = _record(tree, row, where, options)
        found = tree.find(path)
        if found is None and not tree.is_folder(path):
            reading.missing.append(Missing(path, rel))
            continue
        path = found or path
        ids_by_path[path] = record.video_id
        if found is None:
            _note_sequence(record, first, reading, torn, where)
            sequences[record.video_id].extend(_frames_of_folder(tree, reading, path, where))
            continue
        tree.claim(path)
        if record.mask_path:
            tree.claim(tree.relative(record.mask_path))
        if is_image(path):
            _note_sequence(record, first, reading, torn, where)
            frames = sequences[record.video_id]
            frames.append((len(frames) if number is None else number, path))
        elif is_video(path):
            reading.records.append(record)
        else:
            reading.skipped[path] = "neither a video nor an image by its suffix"
    for video_id, frames in sequences.items():
        if video_id in torn:
            continue
        if frames and (clash := _clash(frames)):
            reading.skipped[video_id] = clash
        elif frames:
            reading.records.append(_sequence(first[video_id], frames, tree))
    _resolve_pair_paths(reading, ids_by_path)
    return reading


def _rows(tree: Tree, rel: str) -> Iterator[tuple[str, dict[str, str]]]:
    if suffix_of(rel) == ".csv":
        for number, row in read_csv(tree, rel, ("path",)):
            yield f"{rel}, line {number}", row
        return
    parquet = packages.load(packages.PARQUET, "pyarrow.parquet", "root")
    tree.claim(rel)
    try:
        table = parquet.read_table(tree.absolute(rel))
    except (OSError, ValueError) as error:  # pyarrow's errors derive from these
        raise ForensicsError(
            f"{rel} is not a readable Parquet file: {error}.", "", "root"
        ) from error
    names = {name.strip().lower(): name for name in table.column_names}
    if "path" not in names:
        raise ForensicsError(
            f"{rel}: column 'path' is missing.",
            f"It has: {', '.join(table.column_names)}.",
            "root",
        )
    for number, row in enumerate(table.to_pylist(), start=1):
        yield (
            f"{rel}, row {number}",
            {key: "" if row[name] is None else str(row[name]) for key, name in names.items()},
        )


def _record(
    tree: Tree, row: dict[str, str], where: str, options: ImportOptions
) -> tuple[VideoRecord, str, int | None]:
    """Return (record, relative path, frame number) of a row."""
    path = _relative(tree, row["path"], where)
    label = _LABEL_WORDS.get(row.get("label", "").lower())
    if label is None:
        raise bad_entry(where, f"label {row['label']!r} is none of real, fake, 0, 1, unknown.")
    dataset = row.get("dataset") or options.dataset_name or tree.root.name
    method = row.get("method") or ("original" if label == REAL else "unknown")
    split = _one_of(row, "split", SPLITS, where)
    compression = row.get("compression", "")
    folder = path.rpartition("/")[0]
    is_frame = is_image(path)
    stem = folder if is_frame else stem_of(path)
    subset = folder if not is_frame else ""
    mask = row.get("mask_path", "")
    record = VideoRecord(
        video_id=row.get("video_id") or make_id(dataset, subset, compression, stem),
        path=tree.absolute(path),
        label=label,
        source_dataset=dataset,
        method=method,
        family=_one_of(row, "family", FAMILIES, where)
        or ("none" if label == REAL else family_of(method)),
        compression=compression,
        split=split,
        split_source="official" if split else None,
        target_id=row.get("target_id") or None,
        source_id=row.get("source_id") or None,
        pair_id=row.get("pair_id") or None,
        parents=tuple(p.strip() for p in row.get("parents", "").split(";") if p.strip()),
        mask_path=tree.absolute(_relative(tree, mask, where)) if mask else None,
        audio_label=_one_of(row, "audio_label", LABELS, where),
        license_note=row.get("license") or LICENSE,
        aligned=_flag(row, "aligned", where, options.aligned),
        attributes={k: v for k, v in row.items() if k not in COLUMNS and v != ""},
    )
    return record, path, _frame_number(row, where)


def _relative(tree: Tree, entry: str, where: str) -> str:
    """Return a path of the manifest relative to the root; an absolute one must be inside it."""
    root = str(tree.root).rstrip(os.sep) + os.sep
    return inside(entry[len(root) :] if entry.startswith(root) else entry, where)


def _one_of(row: dict[str, str], name: str, known: tuple[str, ...], where: str) -> str | None:
    value = row.get(name, "").lower()
    if value and value not in known:
        raise bad_entry(where, f"{name} {row[name]!r} is none of {', '.join(known)}.")
    return value or None


def _flag(row: dict[str, str], name: str, where: str, default: bool) -> bool:
    value = row.get(name, "").lower()
    if value and value not in ("0", "1", "true", "false", "yes", "no"):
        raise bad_entry(where, f"{name} {row[name]!r} is neither true nor false.")
    return value in ("1", "true", "yes") if value else default


def _frame_number(row: dict[str, str], where: str) -> int | None:
    value = row.get("frame_number", "")
    if not value:
        return None
    try:
        number = int(float(value))
        whole = number == float(value)
    except (ValueError, OverflowError):  # OverflowError: infinity
        number, whole = -1, False
    if not whole or not 0 <= number <= LARGEST_FRAME:
        raise bad_entry(where, f"frame_number {value!r} is not a whole number from 0.")
    return number


def _note_sequence(
    record: VideoRecord,
    first: dict[str, VideoRecord],
    reading: Reading,
    torn: set[str],
    where: str,
) -> None:
    """Keep the first row of a sequence, and check that its other rows have the same label."""
    known = first.setdefault(record.video_id, record)
    if known.label != record.label:
        reading.conflicts.append(
            f"{where}: {record.video_id} is {record.label_name} here and {known.label_name} in "
            "an earlier row; it is left out."
        )
        torn.add(record.video_id)


def _frames_of_folder(tree: Tree, reading: Reading, path: str, where: str) -> list[tuple[int, str]]:
    names = tree.images(path)
    if not names:
        raise bad_entry(where, f"the folder {path!r} holds no image.")
    return reading.numbered(tree, path, names)


def _clash(frames: list[tuple[int, str]]) -> str:
    """Return why two frames of a video have one number; "" if all are different."""
    for (number, path), (other, path_of_other) in itertools.pairwise(sorted(set(frames))):
        if number == other:
            return (
                f"two frames {number}: {path} and {path_of_other}; give each frame of a video a "
                "number of its own, or each video its own video_id"
            )
    return ""


def _sequence(record: VideoRecord, frames: list[tuple[int, str]], tree: Tree) -> VideoRecord:
    frames = sorted(set(frames))
    return replace(
        record,
        path=tree.absolute(frames[0][1].rpartition("/")[0]),
        frames=tuple((number, tree.absolute(path)) for number, path in frames),
    )


def _resolve_pair_paths(reading: Reading, ids_by_path: dict[str, str]) -> None:
    """Replace file paths in ``pair_id`` and ``parents`` by the ids of these files."""

    def resolved(name: Any) -> Any:
        return ids_by_path.get(name, name) if name else name

    reading.records[:] = [
        replace(
            record,
            pair_id=resolved(record.pair_id),
            parents=tuple(resolved(parent) for parent in record.parents),
        )
        if record.pair_id or record.parents
        else record
        for record in reading.records
    ]


IMPORTERS = (
    Importer(
        name="manifest",
        title="Manifest",
        license_note=LICENSE,
        expects=(
            "manifest.csv or manifest.parquet with the column path, and any of: label "
            "(real|fake|0|1; empty or unknown if it is not known), video_id, dataset, method, "
            "family, compression, split, target_id, source_id, pair_id, parents, mask_path, "
            "audio_label, license, frame_number, aligned; every other column becomes a field"
        ),
        recognise=recognise,
        read=read,
        official_split=False,
        gotchas=("Paths are relative to the folder of the manifest and stay below it.",),
        aliases=("csv", "parquet"),
    ),
)
