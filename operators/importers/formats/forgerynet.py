"""Imports ForgeryNet (He et al., CVPR 2021, arXiv 2103.05630): 2.9 million images, 221,247 videos.

Everything is read from the lists. An image line is ``<path> <binary> <triple> <16-class>``, a video
line ``<n> <path> (<start> <length> <class>){n} <binary> <triple> <16-class>``; binary 1 is fake.
"""

from __future__ import annotations

import json
from typing import Any

from ....detector.errors import ForensicsError
from ....detector.records import VideoRecord
from ..contract import Evidence, Importer, ImportOptions, Missing, Official, Reading, make_id
from ..lists import bad_entry, inside, read_lines
from ..suffixes import is_image, is_video, join
from ..tree import Tree

DATASET = "ForgeryNet"
LICENSE = "ForgeryNet challenge terms: non-commercial research and education only."
_MEDIA_FOLDERS = ("", "image", "images", "video", "videos")
_SPLIT_WORDS = (("train", "train"), ("val", "val"), ("test", "test"))


def _lists(tree: Tree) -> list[str]:
    """Return the text files with ``list`` in their name, in the root and up to two levels below."""
    found = []
    for base in (
        "",
        *tree.folders(),
        *(join(a, b) for a in tree.folders() for b in tree.folders(a)),
    ):
        found.extend(
            join(base, name)
            for name in tree.files(base)
            if name.lower().endswith(".txt") and "list" in name.lower()
        )
    return found


def _split(rel: str) -> str | None:
    """Return the split that the list's name says, or else its folder's name."""
    for part in reversed(rel.lower().split("/")):
        for word, split in _SPLIT_WORDS:
            if part.startswith(word) or f"_{word}" in part:
                return split
    return None


def _kind(tree: Tree, rel: str) -> str | None:
    """Return ``image`` or ``video`` by the first line of a list, or None if it is neither."""
    line = _first_line(tree, rel)
    words = line.split()
    if len(words) >= 5 and words[0].isdigit() and len(words) >= 2 + 3 * int(words[0]) + 3:
        return "video"
    path, *classes = line.rsplit(None, 3)
    if len(classes) == 3 and is_image(path) and all(w.lstrip("-").isdigit() for w in classes):
        return "image"
    return None


def _first_line(tree: Tree, rel: str) -> str:
    with open(tree.absolute(rel), errors="replace") as handle:  # noqa: PTH123 - plain string
        return handle.readline().strip().lstrip("\ufeff")


def recognise(tree: Tree) -> Evidence | None:
    """Recognise a list with four columns of an image, or with the segments of a video."""
    found = [(rel, kind) for rel in _lists(tree) if (kind := _kind(tree, rel))]
    if not found:
        return None
    return Evidence(
        "forgerynet",
        tuple(f"{rel} lists {kind}s with their three classes" for rel, kind in found[:4]),
    )


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read the listed videos or the listed images (a dataset holds one kind of media)."""
    reading = Reading()
    lists = []
    for rel in _lists(tree):
        kind, line = _kind(tree, rel), _first_line(tree, rel)
        if kind:
            lists.append((rel, kind))
        elif any(is_image(word) or is_video(word) for word in line.split()):
            raise bad_entry(f"{rel}, line 1", f"no line of a ForgeryNet list: {line[:80]!r}.")
    kinds = {kind for _, kind in lists}
    wanted = {"video": "video", "frames": "image"}.get(options.media)
    if wanted is None:
        wanted = "video" if "video" in kinds else "image"
    if wanted not in kinds:
        raise ForensicsError(f"There is no list of {wanted}s.", "Choose the other media.", "media")
    if len(kinds) > 1:
        other = "frames" if wanted == "video" else "video"
        reading.warnings.append(
            f"Only the {wanted}s are imported; import the others into a second dataset with "
            f"media={other!r}."
        )
    seen: dict[str, int] = {}
    for rel, kind in lists:
        if kind == wanted:
            _read_list(tree, reading, rel, kind, seen)
    for folder, names in tree.walk():
        if any((is_image if wanted == "video" else is_video)(name) for name in names[:1]):
            tree.claim_folder(folder)
    return reading


def _read_list(tree: Tree, reading: Reading, rel: str, kind: str, seen: dict[str, int]) -> None:
    split = _split(rel)
    base = rel.rpartition("/")[0]
    for number, line in read_lines(tree, rel):
        where = f"{rel}, line {number}"
        path, classes, segments = _parse(line, kind, where)
        label = classes[0]
        found = _find(tree, base, inside(path, where))
        if found is None:
            reading.missing.append(Missing(join(base, inside(path, where)), rel))
            continue
        if found in seen:
            if seen[found] != label:
                reading.conflicts.append(f"{where}: {found} is listed as real and as fake.")
            continue
        seen[found] = label
        reading.add(tree, found, _record(tree, found, path, kind, classes, segments, split))


def _parse(line: str, kind: str, where: str) -> tuple[str, tuple[int, int, int], list[list[Any]]]:
    """Return (path, (binary, triple, 16-class), segments) of a line."""
    segments: list[list[Any]] = []
    try:
        if kind == "image":
            path, *rest = line.rsplit(None, 3)
        else:
            number, line_of_path = line.split(None, 1)
            path, *rest = line_of_path.rsplit(None, 3 * int(number) + 3)
            segments = [
                [int(rest[i]), int(rest[i + 1]), rest[i + 2]] for i in range(0, 3 * int(number), 3)
            ]
            rest = rest[3 * int(number) :]
        binary, triple, sixteen = (int(word) for word in rest)
    except (ValueError, IndexError):
        raise bad_entry(where, f"not a line of ForgeryNet's {kind} list: {line[:80]!r}.") from None
    if binary not in (0, 1) or not 0 <= sixteen <= 15:
        raise bad_entry(where, f"classes {binary} and {sixteen} are out of range.")
    return path, (binary, triple, sixteen), segments


def _find(tree: Tree, base: str, path: str) -> str | None:
    for top in dict.fromkeys((base, base.partition("/")[0], "")):
        for folder in _MEDIA_FOLDERS:
            found = tree.find(join(top, folder, path))
            if found:
                return found
    return None


def _record(
    tree: Tree,
    rel: str,
    path: str,
    kind: str,
    classes: tuple[int, int, int],
    segments: list[list[Any]],
    split: str | None,
) -> VideoRecord:
    label, triple, sixteen = classes
    attributes: dict[str, Any] = {"forgery_class": sixteen, "three_way_class": triple}
    if segments:
        attributes["fake_segments"] = json.dumps(segments)
    image = kind == "image"
    return VideoRecord(
        video_id=make_id(DATASET, split or "", "", inside(path, rel).rpartition(".")[0]),
        path=tree.absolute(rel.rpartition("/")[0] if image else rel),
        label=label,
        source_dataset=DATASET,
        method=f"forgery_{sixteen:02d}" if label else "original",
        # Three-way class: 1 is identity replaced, 2 is identity remained.
        family={1: "face_swap", 2: "reenactment"}.get(triple, "unknown") if label else "none",
        split=split,
        split_source="official" if split else None,
        license_note=LICENSE,
        frames=((0, tree.absolute(rel)),) if image else (),
        attributes=attributes,
    )


IMPORTERS = (
    Importer(
        name="forgerynet",
        title=DATASET,
        license_note=LICENSE,
        expects=(
            "{Training,Validation,Test}/image_list.txt and the images below image/\n"
            "{Training,Validation,Test}/video_list.txt and the videos below video/\n"
            "(any names with 'list' in them; the split is read from the name or the folder)"
        ),
        recognise=recognise,
        read=read,
        official=(Official(221247, certain=False),),
        gotchas=(
            "Images and videos are two datasets: media='frames' imports the images.",
            "Segments of a fake video are real: see fake_segments; a mean over frames is unfit.",
            "Some images are perturbed on purpose beyond recognition.",
        ),
        url="https://github.com/yinanhe/ForgeryNet",
    ),
)
