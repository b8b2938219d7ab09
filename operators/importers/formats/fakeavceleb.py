"""Imports FakeAVCeleb v1.2 (Khalid et al., NeurIPS 2021 Datasets, arXiv 2108.05080).

``RealVideo-FakeAudio`` has real pictures: labelled real, with ``audio_label`` fake.
"""

from __future__ import annotations

import csv
import io
from typing import Any

from ....detector.errors import ForensicsError
from ....detector.records import VideoRecord
from ..contract import Evidence, Importer, ImportOptions, Missing, Official, Reading, make_id
from ..lists import inside, read_text
from ..names import family_of
from ..suffixes import join, stem_of
from ..tree import Tree

DATASET = "FakeAVCeleb"
LICENSE = "FakeAVCeleb terms: research only, no redistribution; access by form."
META = "meta_data.csv"
CATEGORIES = {  # folder -> (label of the pictures, label of the sound)
    "RealVideo-RealAudio": (0, "real"),
    "RealVideo-FakeAudio": (0, "fake"),
    "FakeVideo-RealAudio": (1, "real"),
    "FakeVideo-FakeAudio": (1, "fake"),
}
_COLUMNS = ("source", "target1", "target2", "method", "category", "type", "race", "gender")


def recognise(tree: Tree) -> Evidence | None:
    """Recognise the category folders."""
    found = [name for name in CATEGORIES if tree.is_folder(name)]
    if not found:
        return None
    reasons = [f"{', '.join(found)} are there"]
    if tree.is_file(META):
        reasons.append(f"{META} is there")
    return Evidence("fakeavceleb", tuple(reasons))


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read every video of the category folders, with the metadata of meta_data.csv."""
    reading = Reading()
    rows = _read_meta(tree, reading)
    reals = {
        (rel.rpartition("/")[0].partition("/")[2], stem_of(rel)): _id(rel)
        for rel in tree.all_videos("RealVideo-RealAudio")
    }
    seen: set[str] = set()
    for category in CATEGORIES:
        for rel in tree.all_videos(category):
            seen.add(rel)
            record = _record(tree, rel, category, rows.get(rel, {}), reals)
            reading.add(tree, rel, record)
    reading.missing.extend(Missing(rel, META) for rel in sorted(rows) if rel not in seen)
    return reading


def _id(rel: str) -> str:
    return make_id(DATASET, "", "", rel.rpartition(".")[0])


def _record(
    tree: Tree,
    rel: str,
    category: str,
    row: dict[str, str],
    reals: dict[tuple[str, str], str],
) -> VideoRecord:
    label, audio = CATEGORIES[category]
    parts = rel.split("/")
    race, gender, person = (*parts[1:4], "", "", "")[:3] if len(parts) > 4 else ("", "", "")
    tool = row.get("method") or _method_of(stem_of(rel))
    folder = rel.rpartition("/")[0].partition("/")[2]
    pair = None
    if category != "RealVideo-RealAudio":
        clip = stem_of(rel).partition("_")[0]
        pair = reals.get((folder, clip)) or make_id(
            DATASET, "RealVideo-RealAudio", "", f"{folder}/{clip}"
        )
    donor = row.get("target1", "") if label else ""
    attributes: dict[str, Any] = {"subset": category}
    for name, value in (
        ("race", row.get("race") or race),
        ("gender", row.get("gender") or gender),
        ("identity", row.get("source") or person),
        ("source_identity", donor if donor.startswith("id") else ""),
        ("audio_method", tool if audio == "fake" and not label else ""),
    ):
        if value:
            attributes[name] = value
    return VideoRecord(
        video_id=_id(rel),
        path=tree.absolute(rel),
        label=label,
        source_dataset=DATASET,
        method=(tool or category) if label else "original",
        family=_family(tool) if label else "none",
        target_id=row.get("source") or person or None,
        source_id=donor if donor.startswith("id") else None,
        pair_id=pair,
        parents=(pair,) if pair else (),
        audio_label=audio,
        license_note=LICENSE,
        attributes=attributes,
    )


def _method_of(stem: str) -> str:
    """Return the method that the release's file name says, for a video without a row."""
    lower = stem.lower()
    swap = next((name for name in ("faceswap", "fsgan") if name in lower), "")
    lips = "wav2lip" if "wavtolip" in lower or "wav2lip" in lower else ""
    return "-".join(part for part in (swap, lips) if part)


def _family(tool: str) -> str:
    """Return the family of a method; a swap with lip sync on top counts as the swap."""
    return family_of(tool.split("-")[0]) if tool else "unknown"


def _read_meta(tree: Tree, reading: Reading) -> dict[str, dict[str, str]]:
    """Return the row of each video, by its path.

    The release's header ends in ``path,``: the file name, then an unnamed column with the folder.
    Some copies call the last two ``filename,path``. So the cells are read by position.

    Raises:
        ForensicsError: another header, or a row that is too short
    """
    if not tree.is_file(META):
        reading.warnings.append(f"{META} is missing: methods and donors come from the file names.")
        return {}
    lines = csv.reader(io.StringIO(read_text(tree, META)))
    header = [cell.strip().lower() for cell in next(lines, [])]
    if tuple(header[:8]) != _COLUMNS:
        raise ForensicsError(
            f"{META}, line 1: the columns are {', '.join(header[:9])}.",
            f"Expected: {', '.join(_COLUMNS)}, path.",
            "root",
        )
    rows: dict[str, dict[str, str]] = {}
    for cells in lines:
        cells = [cell.strip() for cell in cells]
        if not any(cells):
            continue
        if len(cells) < 9:
            raise ForensicsError(
                f"{META}, line {lines.line_num}: {len(cells)} cells, but 9 or 10 are needed.",
                "Repair that line.",
                "root",
            )
        row = {k: "" if v == "-" else v for k, v in zip(_COLUMNS, cells, strict=False)}
        folder = cells[9] if len(cells) > 9 and cells[9] else ""
        folder = folder.replace("\\", "/").strip("/").removeprefix("FakeAVCeleb/")
        if not folder.count("/") >= 3:
            folder = join(row["type"], row["race"], row["gender"], row["source"])
        rel = inside(join(folder, cells[8]), f"{META}, line {lines.line_num}")
        if row["type"] != rel.split("/")[0]:
            reading.conflicts.append(
                f"{META}, line {lines.line_num}: type {row['type']} but a path in "
                f"{rel.split('/')[0]}; the folder's label is used."
            )
        rows[tree.find(rel) or rel] = row
    return rows


IMPORTERS = (
    Importer(
        name="fakeavceleb",
        title=DATASET,
        license_note=LICENSE,
        expects=(
            "{RealVideo-RealAudio,RealVideo-FakeAudio,FakeVideo-RealAudio,FakeVideo-FakeAudio}/"
            "<race>/<gender>/<id>/<clip>.mp4\n"
            f"{META}   (source,target1,target2,method,category,type,race,gender,path,)"
        ),
        recognise=recognise,
        read=read,
        official=(
            Official(500, label=0, subset="RealVideo-RealAudio"),
            Official(500, label=0, subset="RealVideo-FakeAudio"),
            Official(9709, label=1, subset="FakeVideo-RealAudio"),
            Official(10835, label=1, subset="FakeVideo-FakeAudio"),
        ),
        official_split=False,
        gotchas=(
            "RealVideo-FakeAudio has real pictures: labelled real, with audio_label fake.",
            "Race and gender are the authors' labels.",
        ),
        aliases=("favc", "fakeavceleb-v1.2"),
        url="https://github.com/DASH-Lab/FakeAVCeleb",
    ),
)
