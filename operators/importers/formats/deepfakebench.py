"""Imports DeepfakeBench (Yan et al., NeurIPS 2023 Datasets, arXiv 2307.01426): crops, JSON lists.

If there are lists, their labels and splits count (deepfakebench_lists.py). Without lists, labels
and methods come from the names of the frame folders.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace

from ....detector.records import VideoRecord
from ..contract import Evidence, Importer, ImportOptions, Reading, make_id
from ..faceforensics_split import official_split_of
from ..lists import read_json
from ..names import NameParts, family_of, parts_of_fake, parts_of_real
from ..suffixes import join
from ..tree import GLANCE, Tree
from .deepfakebench_lists import (
    FAKE_FOLDERS,
    METHODS,
    REAL_FOLDERS,
    Video,
    list_files,
    looks_like_list,
    place_of,
    read_videos,
)
from .df40 import origin_of

LICENSE = (
    "DeepfakeBench: CC BY-NC 4.0 for its lists and crops; the terms of each dataset apply to its "
    "frames."
)
# The subfolder in which each dataset keeps the reals that its fakes are made from.
_REAL_SUBSETS = {
    "FaceForensics++": "youtube",
    "DeepFakeDetection": "actors",
    "Celeb-DF-v1": "Celeb-real",
    "Celeb-DF-v2": "Celeb-real",
    "DFDC-Preview": "original_videos",
}


def recognise(tree: Tree) -> Evidence | None:
    """Recognise JSON lists with frames, or ``frames`` folders in the layout of the datasets."""
    lists = [rel for rel in list_files(tree) if looks_like_list(tree, rel)]
    if lists:
        shown = ", ".join(lists[:3])
        return Evidence("deepfakebench", (f"{shown} list videos with their frames",))
    found = next(iter(_frame_folders(tree, limit=1)), None)
    if found is None:
        return None
    return Evidence("deepfakebench", (f"{found} holds frames in the layout of DeepfakeBench",))


def _frame_folders(tree: Tree, limit: int = 0) -> list[str]:
    """Return non-empty ``frames`` folders with a path that tells real from fake."""
    found = []
    for folder, _ in tree.walk(limit=GLANCE if limit else 0):
        parts = folder.lower().split("/")
        if parts[-1] != "frames" or not set(parts) & (REAL_FOLDERS | FAKE_FOLDERS):
            continue
        if any(tree.images(join(folder, video)) for video in tree.folders(folder)[:3]):
            found.append(folder)
            if limit and len(found) >= limit:
                break
    return found


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read the lists, or the frame folders if there are no lists."""
    reading = Reading()
    lists = list_files(tree)
    if lists:
        for name, video in read_videos(tree, reading, lists, options.path_prefix):
            _add(tree, reading, name, video)
    else:
        _read_folders(tree, reading)
    for folder, _ in tree.walk():
        if folder.rpartition("/")[2] in ("masks", "landmarks"):
            tree.claim_folder(folder)
    _link(reading)
    return reading


def _add(tree: Tree, reading: Reading, name: str, video: Video) -> None:
    frames = reading.numbered(tree, video.folder, video.names)
    if frames:
        reading.records.append(_record(tree, name, video, frames))


def _record(tree: Tree, name: str, video: Video, frames: list[tuple[int, str]]) -> VideoRecord:
    dataset, subset, compression = place_of(video.folder, tree.root.name)
    method = METHODS.get(video.listed_label) or re.sub(r"(?i)_?fake$", "", video.listed_label)
    if video.listed_label == "DF_fake" and subset:
        method = subset
    split = next(iter(video.splits), None)
    return VideoRecord(
        video_id=make_id(dataset, subset, video.compression or compression, name),
        path=tree.absolute(video.folder),
        label=video.label,
        source_dataset=dataset,
        method=(method or dataset) if video.label else "original",
        family=_family(method or dataset) if video.label else "none",
        compression=video.compression or compression,
        split=split,
        split_source="official" if split else None,
        mask_path=tree.absolute(video.masks) if video.masks else None,
        license_note=LICENSE,
        frames=tuple((n, tree.absolute(rel)) for n, rel in frames),
        aligned=True,
        attributes={"subset": subset} if subset else {},
    )


def _family(method: str) -> str:
    known = {"method_a": "face_swap", "method_b": "face_swap", "uadfv": "face_swap",
             "deeperforensics": "face_swap", "reenact_postprocess": "face_swap"}  # fmt: skip
    if method.startswith("end_to_end"):
        return "face_swap"  # DeeperForensics-1.0
    return known.get(method.lower()) or family_of(method)


def _read_folders(tree: Tree, reading: Reading) -> None:
    """Add the records of every ``frames`` folder with a path that tells real from fake.

    FaceForensics++ gets its splits from its own lists, if they are in the dataset's folder, else
    the official ones.
    """
    splits: dict[str, dict[str, str]] = {}
    for folder in _frame_folders(tree):
        label = 0 if set(folder.lower().split("/")) & REAL_FOLDERS else 1
        top = folder.partition("/")[0] if "_sequences" not in folder.partition("/")[0] else ""
        listed = splits.setdefault(top, _ff_splits(tree, top))
        dataset, subset, _ = place_of(join(folder, "video"), tree.root.name)
        # Its download has no lists; the official split is built in.
        known = not listed and "_sequences/" in folder and dataset != "DeepFakeDetection"
        for name in tree.folders(folder):
            images = tree.images(join(folder, name))
            if not images:
                continue
            masks = join(folder.rpartition("/")[0], "masks", name)
            split = listed.get(name) or (official_split_of(name) if known else None)
            video = Video(
                subset.rpartition("/")[2] or "fake", label, "", join(folder, name), images,
                {split} if split else set(),
                masks if tree.is_folder(masks) else None,
            )  # fmt: skip
            _add(tree, reading, name, video)
    if not any(record.split for record in reading.records):
        reading.warnings.append(
            "There are no JSON lists (preprocessing/dataset_json): no video has a split."
        )


def _ff_splits(tree: Tree, top: str) -> dict[str, str]:
    """Return video -> split by FaceForensics++'s own lists of pairs, if ``top`` holds them."""
    splits: dict[str, str] = {}
    for folder in (join(top, "dataset/splits"), join(top, "splits"), top):
        for split in ("train", "val", "test"):
            rel = join(folder, f"{split}.json")
            if not tree.is_file(rel):
                continue
            for pair in read_json(tree, rel, list):
                if isinstance(pair, list) and len(pair) == 2:
                    first, second = map(str, pair)
                    for name in (first, second, f"{first}_{second}", f"{second}_{first}"):
                        splits[name] = split
        if splits:
            break
    return splits


def _link(reading: Reading) -> None:
    """Set pairs and parents by name, among the reals of the same dataset and compression."""
    reals: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for record in reading.records:
        if record.label == 0:
            name = record.video_id.rpartition("/")[2]
            reals[record.source_dataset, record.compression, name].append(record.video_id)
    for i, record in enumerate(reading.records):
        name = record.video_id.rpartition("/")[2]
        said = _parts(record, name)
        reading.records[i] = record = replace(
            record,
            target_id=said.target or None,
            source_id=said.source or None,
            attributes={**record.attributes, **said.identities},
        )
        if record.label and record.source_dataset.lower().startswith("df40"):
            # DF40's fakes are made from FaceForensics++ and Celeb-DF; its lists name their crops as
            # reals.
            _, _, pair, parents = origin_of("cdf" if name.startswith("id") else "ff", name)
            reading.records[i] = replace(record, pair_id=pair, parents=parents)
            continue
        if not said.pair:
            continue
        if record.source_dataset == "DeeperForensics-1.0":
            reading.records[i] = replace(
                record,
                pair_id=make_id("FaceForensics++", "youtube", "c23", said.pair),
                parents=(make_id("FaceForensics++", "youtube", "", said.pair),),
            )
            continue
        key = (record.source_dataset, record.compression)
        found = reals.get((*key, said.pair)) or [_absent(record, said.pair)]
        donors = []
        if said.donor:
            donors = reals.get((*key, said.donor)) or [_absent(record, said.donor)]
        reading.records[i] = replace(
            record,
            pair_id=found[0] if len(found) == 1 else None,
            pair_status="ambiguous" if len(found) > 1 else "missing",
            parents=tuple(dict.fromkeys((*found, *donors))),
        )


def _parts(record: VideoRecord, name: str) -> NameParts:
    """Parse a name; DFDC-Preview's are ``[<swapped>_]<actor>_<recording>_<clip>``."""
    if record.source_dataset != "DFDC-Preview":
        return parts_of_fake(name) if record.label else parts_of_real(name)
    swapped, _, rest = name.partition("_") if record.label else ("", "", name)
    people = ("target", "source")
    return NameParts(rest if record.label else "", "", rest.partition("_")[0], swapped, people)


def _absent(record: VideoRecord, name: str) -> str:
    """Return the id that an absent real would have, in the dataset's folder of reals."""
    subset = _REAL_SUBSETS.get(record.source_dataset, "real")
    return make_id(record.source_dataset, subset, record.compression, name)


IMPORTERS = (
    Importer(
        name="deepfakebench",
        title="DeepfakeBench",
        license_note=LICENSE,
        expects=(
            "preprocessing/dataset_json/*.json   (or dataset_json/, or in the root)\n"
            "FaceForensics++/{original,manipulated}_sequences/<method>/<c>/frames/<video>/000.png, "
            "Celeb-DF-v2/Celeb-real/frames/<video>/000.png, ...\n"
            "below the root, datasets/ or datasets/rgb/"
        ),
        recognise=recognise,
        read=read,
        gotchas=(
            "The lists of Celeb-DF, DFD, UADFV and DeeperForensics repeat videos over the splits.",
            "Path prefixes and Windows separators of the lists are replaced by the root.",
            "Crops of 256 pixels, fewer than 32 where no face was found: they are scored as they "
            "are.",
        ),
        aliases=("dfb",),
        url="https://github.com/SCLBD/DeepfakeBench",
    ),
)
