"""Imports WildDeepfake (Zi et al., ACM MM 2020, arXiv 2101.01456): face sequences from the web.

It holds only face crops, without identity, pair or sound. Sequences of one internet video are not
linked.
"""

from __future__ import annotations

import re

from ....detector.records import VideoRecord
from ..contract import Evidence, Importer, ImportOptions, Official, Reading, make_id
from ..suffixes import join
from ..tree import Tree

DATASET = "WildDeepfake"
LICENSE = "WildDeepfake terms: research only, non-commercial; access by form."
_TOP = re.compile(r"(?i)^(real|fake)_(train|test)$")


def _tops(tree: Tree) -> list[tuple[str, int, str]]:
    """Return (folder, label, split) of the four top folders, as far as present."""
    found = []
    for name in tree.folders():
        match = _TOP.match(name)
        if match:
            found.append((name, int(match.group(1).lower() == "fake"), match.group(2).lower()))
    return found


def recognise(tree: Tree) -> Evidence | None:
    """Recognise a real_train, fake_train, real_test or fake_test with archives or sequences."""
    names = [name for name, _, _ in _tops(tree)]
    if not names:
        return None
    inside = [name for name in names if tree.folders(name) or _archives(tree, name)]
    return Evidence("wilddeepfake", (f"{', '.join(names)} are there",)) if inside else None


def _archives(tree: Tree, folder: str) -> list[str]:
    return [name for name in tree.files(folder) if name.endswith((".tar.gz", ".tgz", ".tar"))]


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read one record per sequence folder, at any depth below its top folder."""
    reading = Reading()
    for top, label, split in _tops(tree):
        packed = [
            name
            for name in _archives(tree, top)
            if not tree.is_folder(join(top, name.split(".")[0]))
        ]
        if packed:
            reading.warnings.append(
                f"{len(packed)} archives in {top} are not unpacked (for example {packed[0]}): "
                "unpack each beside itself."
            )
        for folder, names in tree.walk(top):
            images = [name for name in tree.images(folder)] if names else []
            if images:
                _add(tree, reading, folder, top, label, split, images)
    return reading


def _add(
    tree: Tree,
    reading: Reading,
    folder: str,
    top: str,
    label: int,
    split: str,
    images: list[str],
) -> None:
    """Add the record of a sequence; report an inner real or fake folder that disagrees."""
    parts = folder.split("/")[1:]
    kinds = {part for part in parts if part in ("real", "fake")}
    if kinds and kinds != {"fake" if label else "real"}:
        reading.conflicts.append(
            f"{folder}: a {'/'.join(sorted(kinds))} folder in {top}; {top} is used."
        )
    stem = "/".join(part for part in parts if part not in ("real", "fake"))
    frames = reading.numbered(tree, folder, images)
    if not frames:
        return
    reading.records.append(
        VideoRecord(
            video_id=make_id(DATASET, top.lower(), "", stem),
            path=tree.absolute(folder),
            label=label,
            source_dataset=DATASET,
            method="WildDeepfake" if label else "original",
            family="unknown" if label else "none",
            split=split,
            split_source="official",
            license_note=LICENSE,
            frames=tuple((n, tree.absolute(rel)) for n, rel in frames),
            aligned=True,
            attributes={"archive": parts[0]} if parts else {},
        )
    )


IMPORTERS = (
    Importer(
        name="wilddeepfake",
        title=DATASET,
        license_note=LICENSE,
        expects=(
            "{real,fake}_{train,test}/<n>/{real,fake}/<sequence>/<frame>.png\n"
            "(each archive <n>.tar.gz unpacked beside itself)"
        ),
        recognise=recognise,
        read=read,
        official=(
            Official(3409, "train", "original", 0),
            Official(3099, "train", "WildDeepfake", 1),
            Official(396, "test", "original", 0),
            Official(410, "test", "WildDeepfake", 1),
        ),
        gotchas=(
            "Crops of 224 pixels, not videos: they are scored as they are.",
            "Sequences of one internet video are not linked by name: a leak inside the official "
            "split cannot be seen from names.",
        ),
        aliases=("wild-deepfake", "wdf"),
        url="https://github.com/OpenTAI/wild-deepfake",
    ),
)
