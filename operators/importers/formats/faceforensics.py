"""Imports FaceForensics++ (Roessler et al., ICCV 2019, arXiv 1901.08971) and trees of its layout.

In the name of a fake, ``TTT_SSS``, TTT gives frames, background and head pose, and SSS gives the
face or the expression. Both must be in the split of the fake; the paired real is TTT.
"""

from __future__ import annotations

import re

from ....detector.records import VideoRecord
from ..contract import Evidence, Importer, ImportOptions, Missing, Official, Reading, make_id
from ..faceforensics_split import official_pairs, official_splits
from ..lists import bad_entry, read_csv, read_json
from ..suffixes import join, stem_of
from ..tree import Tree
from .deepfakedetection import read_actors

DATASET = "FaceForensics++"
LICENSE = (
    "FaceForensics terms of use: research and education only, non-commercial, no redistribution; "
    "access by form."
)
METHODS = {
    "Deepfakes": "face_swap",
    "Face2Face": "reenactment",
    "FaceSwap": "face_swap",
    "NeuralTextures": "reenactment",
    "FaceShifter": "face_swap",
    # Not part of the official release: self-blended images (Shiohara and Yamasaki, CVPR 2022,
    # arXiv 2204.08376), written as videos TTT_TTT, for example by the demo corpus.
    "SelfBlend": "face_swap",
    # Made by the demo's corpus only: a face through a few pixels and back, and a moved mouth.
    "Bottleneck": "face_swap",
    "ExpressionWarp": "reenactment",
}
_UNOFFICIAL = ("SelfBlend", "Bottleneck", "ExpressionWarp")
COMPRESSIONS = {"raw": "raw", "c0": "raw", "c23": "c23", "c40": "c40"}
FLAT_ORIGINAL = "original"
SPLIT_FOLDERS = ("dataset/splits", "splits", "")  # "" (the root) as in SBI's code
_REAL = re.compile(r"^(\d{3,})$")
_FAKE = re.compile(r"^(\d{3,})_(\d{3,})$")


def recognise(tree: Tree) -> Evidence | None:
    """Recognise FF++ by its youtube originals or its methods, in either layout."""
    flat = _flat_methods(tree)
    if flat:
        return Evidence("faceforensics++", (f"original and {', '.join(flat)} hold its videos",))
    reasons = []
    if tree.is_folder("original_sequences/youtube"):
        reasons.append("original_sequences/youtube is there")
    methods = [m for m in METHODS if tree.is_folder(f"manipulated_sequences/{m}")]
    if methods:
        reasons.append(f"manipulated_sequences holds {', '.join(methods)}")
    if not reasons or not _has_videos(tree, methods):
        return None
    splits = _split_folder(tree)
    if splits is not None:
        reasons.append(f"{splits or 'the root'} holds the split lists")
    # DeeperForensics-1.0 uses FF++'s originals as reals; its root may hold them.
    guest = not methods and tree.is_folder("manipulated_videos")
    return Evidence("faceforensics++", tuple(reasons), weak=guest)


def _has_videos(tree: Tree, methods: list[str]) -> bool:
    """Return whether there is a ``videos`` folder (a DeepfakeBench tree may hold only frames)."""
    sets = ["original_sequences/youtube", *(f"manipulated_sequences/{m}" for m in methods)]
    return any(tree.is_folder(f"{s}/{c}/videos") for s in sets for c in COMPRESSIONS)


def _flat_methods(tree: Tree) -> list[str]:
    """Return the methods of the flat copy, ``original/000.mp4`` and ``Deepfakes/000_003.mp4``."""
    if not any(_REAL.match(stem_of(name)) for name in tree.videos(_spelled(tree, FLAT_ORIGINAL))):
        return []
    return [
        method
        for method in METHODS
        if any(_FAKE.match(stem_of(name)) for name in tree.videos(_spelled(tree, method)))
    ]


def _spelled(tree: Tree, folder: str) -> str:
    """Return the folder as the disk spells it; copies have ``deepfakes`` or ``Original``."""
    return tree.folder(folder) or folder


def _folders(tree: Tree, subset: str) -> list[tuple[str, str]]:
    """Return (folder of videos, compression) of ``youtube`` or of a method, in either layout."""
    if _flat_methods(tree):
        folder = _spelled(tree, FLAT_ORIGINAL if subset == "youtube" else subset)
        return [(folder, _flat_compression(tree))] if tree.videos(folder) else []
    base = (
        "original_sequences/youtube" if subset == "youtube" else f"manipulated_sequences/{subset}"
    )
    return _compressions(tree, base)


def _flat_compression(tree: Tree) -> str:
    """Return the compression at the end of the flat copy's name; "" if there is none.

    ``FaceForensics_raw`` says one; a folder ``raw`` or ``data_raw`` says that it was not touched.
    """
    name = tree.root.name.lower()
    named = re.search(r"(?:^|[^a-z0-9])(raw|c0|c23|c40)$", name)
    if named and named[1] in ("raw", "c0") and not re.match("ff|face", name):
        return ""
    return COMPRESSIONS[named[1]] if named else ""


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read the originals, every method, and DeepFakeDetection if it is present."""
    reading = Reading()
    splits, pairs = _read_splits(tree, reading)
    people = _read_people(tree)
    anchors = _person_anchors(people)
    partners = {first: second for first, second, _ in pairs if first != second}
    present: set[tuple[str, str]] = set()
    for folder, compression in _folders(tree, "youtube"):
        present.add(("youtube", folder))
        for name in tree.videos(folder):
            record = _real(tree, join(folder, name), compression, splits, people, anchors, partners)
            if record is not None:
                reading.add(tree, join(folder, name), record)
    for method in METHODS:
        for folder, compression in _folders(tree, method):
            present.add((method, folder))
            for name in tree.videos(folder):
                record = _fake(tree, method, join(folder, name), compression, splits, people)
                if record is not None:
                    reading.add(tree, join(folder, name), record)
        tree.claim_folder(f"manipulated_sequences/{method}/masks")
    _list_missing(tree, reading, present, pairs)
    read_actors(tree, reading, _flat_compression(tree) if _flat_methods(tree) else None)
    return reading


def _compressions(tree: Tree, base: str) -> list[tuple[str, str]]:
    """Return (folder of videos, compression) below ``base``."""
    return [
        (f"{base}/{folder}/videos", COMPRESSIONS[folder])
        for folder in tree.folders(base)
        if folder in COMPRESSIONS and tree.is_folder(f"{base}/{folder}/videos")
    ]


def _real(
    tree: Tree,
    rel: str,
    compression: str,
    splits: dict[str, str],
    people: dict[str, dict[str, str]],
    anchors: dict[str, str],
    partners: dict[str, str],
) -> VideoRecord | None:
    """Return an original; its partner in the lists and its person's first video are parents."""
    stem = stem_of(rel)
    if not _REAL.match(stem):
        return None
    shipped = people.get(stem, {})
    kin = [partners.get(stem), anchors.get(shipped.get("identity", ""))]
    split = splits.get(stem)
    return VideoRecord(
        video_id=make_id(DATASET, "youtube", compression, stem),
        path=tree.absolute(rel),
        label=0,
        source_dataset=DATASET,
        compression=compression,
        split=split,
        split_source="official" if split else None,
        target_id=stem,
        parents=tuple(
            make_id(DATASET, "youtube", compression, other)
            for other in dict.fromkeys(kin)
            if other and other != stem
        ),
        license_note=LICENSE,
        attributes=dict(shipped),
    )


def _fake(
    tree: Tree,
    method: str,
    rel: str,
    compression: str,
    splits: dict[str, str],
    people: dict[str, dict[str, str]],
) -> VideoRecord | None:
    match = _FAKE.match(stem_of(rel))
    if not match:
        return None
    target, source = match.groups()
    # Both videos of a listed pair have one split; a fake that mixes two splits gets none.
    split = splits.get(target) if splits.get(target) == splits.get(source) else None
    parents = [make_id(DATASET, "youtube", compression, end) for end in (target, source)]
    mask = tree.find(f"manipulated_sequences/{method}/masks/videos/{rel.rpartition('/')[2]}")
    attributes = dict(people.get(target, {}))
    if source in people and source != target:
        attributes["source_identity"] = people[source]["identity"]
    return VideoRecord(
        video_id=make_id(DATASET, method, compression, stem_of(rel)),
        path=tree.absolute(rel),
        label=1,
        source_dataset=DATASET,
        method=method,
        family=METHODS[method],
        compression=compression,
        split=split,
        split_source="official" if split else None,
        target_id=target,
        source_id=source,
        pair_id=parents[0],
        parents=tuple(dict.fromkeys(parents)),
        mask_path=tree.absolute(mask) if mask else None,
        license_note=LICENSE,
        attributes=attributes,
    )


def _split_folder(tree: Tree) -> str | None:
    for folder in SPLIT_FOLDERS:
        if any(tree.is_file(join(folder, f"{split}.json")) for split in ("train", "val", "test")):
            return folder
    return None


def _read_splits(tree: Tree, reading: Reading) -> tuple[dict[str, str], list[tuple[str, str, str]]]:
    """Return video number -> split, and (first, second, list) of every listed pair."""
    folder = _split_folder(tree)
    if folder is None:  # the download has no lists; the official ones are built in
        built_in = [
            (first, second, f"the official split ({split})")
            for split, pairs in official_pairs().items()
            for first, second in pairs
        ]
        return dict(official_splits()), built_in
    splits: dict[str, str] = {}
    pairs: list[tuple[str, str, str]] = []
    for split in ("train", "val", "test"):
        rel = join(folder, f"{split}.json")
        if not tree.is_file(rel):
            reading.warnings.append(f"{rel} is missing: its videos have no split.")
            continue
        for number, entry in enumerate(read_json(tree, rel, list), start=1):
            where = f"{rel}, entry {number}"
            if (
                not isinstance(entry, list)
                or len(entry) != 2
                or not all(isinstance(end, str) and _REAL.match(end) for end in entry)
            ):
                raise bad_entry(where, f"expected two video numbers, found {entry!r}.")
            for end in entry:
                if splits.setdefault(end, split) != split:
                    reading.conflicts.append(
                        f"{where}: video {end} is in {splits[end]} and in {split}; "
                        f"{splits[end]} is kept."
                    )
            pairs.append((entry[0], entry[1], rel))
    return splits, pairs


def _read_people(tree: Tree) -> dict[str, dict[str, str]]:
    """Return video number -> ``identity`` and further columns.

    They come from the optional ``dataset/identities.csv`` (``video,identity,...``).
    """
    rel = "dataset/identities.csv"
    if not tree.is_file(rel):
        return {}
    return {
        row["video"]: {name: value for name, value in row.items() if name != "video" and value}
        for _, row in read_csv(tree, rel, ("video", "identity"))
        if row["identity"]
    }


def _person_anchors(people: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return each person's first video, which becomes the common parent of all their videos."""
    anchors: dict[str, str] = {}
    for video, shipped in sorted(people.items()):
        anchors.setdefault(shipped["identity"], video)
    return anchors


def _list_missing(
    tree: Tree,
    reading: Reading,
    present: set[tuple[str, str]],
    pairs: list[tuple[str, str, str]],
) -> None:
    """Report the listed videos that are absent from the folders that are present."""
    for subset, folder in sorted(present):
        for first, second, listed_in in pairs:
            if subset == "youtube":
                names = [first, second]
            elif subset in _UNOFFICIAL:
                continue  # no official list
            else:
                names = [f"{first}_{second}", f"{second}_{first}"]
            for name in names:
                if tree.find(f"{folder}/{name}.mp4") is None:
                    reading.missing.append(Missing(f"{folder}/{name}.mp4", listed_in))


def _official() -> tuple[Official, ...]:
    rows = []
    for split, count in (("train", 720), ("val", 140), ("test", 140)):
        rows.append(Official(count, split, "original", 0, per_compression=True))
        for method in METHODS:
            if method not in _UNOFFICIAL:
                rows.append(Official(count, split, method, 1, per_compression=True))
    return tuple(rows)


IMPORTERS = (
    Importer(
        name="faceforensics++",
        title=DATASET,
        license_note=LICENSE,
        expects=(
            "original_sequences/youtube/{raw|c0,c23,c40}/videos/000.mp4\n"
            "manipulated_sequences/{Deepfakes,Face2Face,FaceSwap,NeuralTextures,FaceShifter}/"
            "{raw|c0,c23,c40}/videos/000_003.mp4\n"
            "manipulated_sequences/<method>/masks/videos/000_003.mp4   (optional)\n"
            "dataset/splits/{train,val,test}.json   (or splits/; without them the official split, "
            "which is built in)\n"
            "or the flat copy: original/000.mp4, Deepfakes/000_003.mp4, ...; the end of the "
            "root's name (_C23) says the compression"
        ),
        recognise=recognise,
        read=read,
        official=_official(),
        gotchas=(
            "TTT_SSS: the frames come from TTT, the face or expression from SSS; the pair is TTT.",
            "FaceShifter has no masks.",
            "The download script calls c0 raw; both are read as raw.",
            "Length and width of Face2Face and NeuralTextures videos differ from the original's.",
            "Several people appear in more than one video (885 identities in 1000 videos).",
        ),
        aliases=("ff++", "ffpp", "faceforensics", "faceforensicspp"),
        url="https://github.com/ondyari/FaceForensics",
    ),
)
