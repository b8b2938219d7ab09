"""Reads DeepfakeBench's JSON lists.

Their form is ``{dataset: {label: {split: [{compression:] {video: entry}}}}}``. Their paths carry
the prefix of the machine that wrote them, sometimes with Windows separators, and several lists put
the same videos into all three splits. This module makes one entry per video, with its folder under
the root.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from ....detector.errors import ForensicsError
from ..contract import Missing, Reading
from ..lists import bad_entry, read_json
from ..names import split_named
from ..suffixes import join
from ..tree import Tree

COMPRESSIONS = {"raw": "raw", "c0": "raw", "c23": "c23", "c40": "c40"}
LIST_FOLDERS = ("preprocessing/dataset_json", "dataset_json", "")
# Labels of the lists: by method for FaceForensics++ and DFD, real or fake for the others.
METHODS = {
    "FF-DF": "Deepfakes",
    "FF-F2F": "Face2Face",
    "FF-FS": "FaceSwap",
    "FF-NT": "NeuralTextures",
    "FF-FH": "FaceShifter",
    "FF-DFD": "DeepFakeDetection",
    "DFD_fake": "DeepFakeDetection",
    "CelebDFv1_fake": "Celeb-synthesis",
    "CelebDFv2_fake": "Celeb-synthesis",
    "DFDCP_FakeA": "method_A",
    "DFDCP_FakeB": "method_B",
    "DFDC_Fake": "dfdc",
    "DF_fake": "DeeperForensics",
    "UADFV_Fake": "UADFV",
}
# Top folder of a frame path -> the name that the video importers give the dataset.
_DATASETS = {
    "celeb-df-v1": "Celeb-DF-v1",
    "celeb-df-v2": "Celeb-DF-v2",
    "dfdcp": "DFDC-Preview",
    "deeperforensics-1.0": "DeeperForensics-1.0",
}
REAL_FOLDERS = {"original_sequences", "celeb-real", "youtube-real", "real", "original_videos"}
FAKE_FOLDERS = {"manipulated_sequences", "celeb-synthesis", "fake", "method_a", "method_b"}
# Folders whose parent is always the dataset's folder.
_INNER_FOLDERS = (REAL_FOLDERS | FAKE_FOLDERS | {"manipulated_videos"}) - {"real", "fake"}
_DRIVE = re.compile(r"^[A-Za-z]:")


@dataclass(slots=True)
class Video:
    """A video of the lists, merged over all of its splits and lists."""

    listed_label: str
    label: int
    compression: str
    folder: str  # resolved folder of its frames, relative to the root
    names: list[str]
    splits: set[str] = field(default_factory=set)
    masks: str | None = None


def list_files(tree: Tree) -> list[str]:
    """Return the JSON lists of the root (from the first list folder that holds any)."""
    for folder in LIST_FOLDERS:
        found = [join(folder, n) for n in tree.files(folder) if n.lower().endswith(".json")]
        found = [rel for rel in found if folder or looks_like_list(tree, rel)]
        if found:
            return found
    return []


def looks_like_list(tree: Tree, rel: str) -> bool:
    with open(tree.absolute(rel), errors="replace") as handle:  # noqa: PTH123 - plain string
        head = handle.read(3000)
    return '"frames"' in head and '"label"' in head


def place_of(folder: str, root_name: str) -> tuple[str, str, str]:
    """Return (dataset, subset, compression) from the path of a video's folder of frames.

    ``FaceForensics++/manipulated_sequences/Deepfakes/c23/frames/000_003`` gives (FaceForensics++,
    Deepfakes, c23). Folders above the dataset's folder are ignored; without a dataset folder, the
    root's name is the dataset. DeepFakeDetection, within FaceForensics++, counts as a separate
    dataset.
    """
    parts = folder.split("/")[:-1]  # without the video
    while parts and parts[0] in ("datasets", "rgb"):
        parts = parts[1:]
    dataset = root_name
    inner = next((i for i, part in enumerate(parts) if part.lower() in _INNER_FOLDERS), 0)
    parts = parts[max(inner - 1, 0) :]
    if parts and parts[0].lower() not in REAL_FOLDERS | FAKE_FOLDERS | {"frames", "test"}:
        dataset, parts = parts[0], parts[1:]
    levels = ("frames", "manipulated_videos")
    middle = [part for part in parts if part not in levels and not part.endswith("_sequences")]
    # Below FaceForensics++'s own folders `raw` is a compression; elsewhere, as data/raw, it is not.
    own = any(part.endswith("_sequences") for part in parts)
    known = {name for name in COMPRESSIONS if own or name not in ("raw", "c0")}
    compression = next((COMPRESSIONS[p] for p in middle if p in known), "")
    subset = "/".join(part for part in middle if part not in known)
    if dataset.lower() == "dfdcp":
        subset = subset.partition("/")[0]  # the folders below are actors and recordings
    if subset in ("actors", "DeepFakeDetection"):
        return "DeepFakeDetection", subset, compression
    return _DATASETS.get(dataset.lower(), dataset), subset, compression


def read_videos(
    tree: Tree, reading: Reading, lists: list[str], prefix: str
) -> list[tuple[str, Video]]:
    """Return (name, video) of each video that the lists name and the disk has.

    Args:
        tree: the root
        reading: gets the missing files, conflicts and warnings
        lists: paths of the JSON files
        prefix: path prefix to cut off; ``""``: find it

    Raises:
        ForensicsError: malformed JSON, an entry of another form, a label that is neither real nor
            fake, or a path with ``..``
    """
    videos: dict[tuple[str, str], Video] = {}
    finder = Finder(tree, prefix)
    empty: list[str] = []
    torn: set[tuple[str, str]] = set()
    for rel in lists:
        for dataset, labels in read_json(tree, rel, dict).items():
            for label, by_split in _items(labels, f"{rel}, {dataset}"):
                where = f"{rel}, {dataset}, {label}"
                for split, content in _items(by_split, where):
                    named = split_named(split)
                    if named is None:
                        raise bad_entry(where, f"{split!r} is not a split.")
                    for compression, name, entry in _entries(content, f"{where}, {split}"):
                        here = f"{where}, {split}, {name}"
                        video = _read_entry(reading, finder, rel, here, label, entry)
                        if not entry["frames"]:
                            empty.append(here)
                        if video is None:
                            continue
                        video.compression = compression
                        if not _merge(reading, videos, name, video, named, where):
                            torn.add((video.folder, name))
    if empty:
        reading.warnings.append(
            f"{len(empty)} listed videos have no frames (no face was found in them), for example "
            f"{empty[0]}: they are left out."
        )
    for folder, name in torn:
        videos.pop((folder, name), None)
    if finder.prefixes:
        shown = ", ".join(repr(p) for p in sorted(finder.prefixes)[:3])
        reading.warnings.append(f"The lists' path prefix {shown} was replaced by the root.")
    _settle_splits(tree, reading, videos)
    return [(name, video) for (_, name), video in videos.items()]


def _merge(
    reading: Reading,
    videos: dict[tuple[str, str], Video],
    name: str,
    video: Video,
    split: str,
    where: str,
) -> bool:
    """Add a video, or merge it into a known one; return False if their labels differ."""
    known = videos.setdefault((video.folder, name), video)
    if known.label != video.label:
        reading.conflicts.append(
            f"{where}: {video.folder} is also listed as {known.listed_label}; it is left out."
        )
        return False
    known.splits.add(split)
    known.masks = known.masks or video.masks
    return True


def _items(value: Any, where: str) -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise bad_entry(where, f"expected an object, found {type(value).__name__}.")
    return list(value.items())


def _entries(content: Any, where: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Return (compression, video, entry) rows, with or without the level of compressions."""
    rows = []
    for key, value in _items(content, where):
        if key in COMPRESSIONS and isinstance(value, dict) and "frames" not in value:
            rows.extend((COMPRESSIONS[key], v, e) for v, e in _items(value, f"{where}, {key}"))
        else:
            rows.append(("", key, value))
    for _, video, entry in rows:
        if not isinstance(entry, dict) or not isinstance(entry.get("frames"), list):
            raise bad_entry(f"{where}, {video}", "expected {'label', 'frames': [...]}.")
    return rows


def label_of(name: str) -> int | None:
    """Return 0 or 1 for a list's label (``FF-real``, ``DFDC_Fake``); None if it is neither."""
    lower = name.lower()
    if lower.endswith("real"):
        return 0
    if name in METHODS or "fake" in lower:
        return 1
    return None


def _read_entry(
    reading: Reading, finder: Finder, rel: str, where: str, listed: str, entry: dict[str, Any]
) -> Video | None:
    """Return the video of an entry, or None if none of its frames is present."""
    label = label_of(listed)
    if label is None:
        raise bad_entry(where, f"the label {listed!r} says neither real nor fake.")
    inner = entry.get("label")
    if isinstance(inner, str) and label_of(inner) not in (None, label):
        reading.conflicts.append(f"{where}: its entry says {inner}; {listed} is used.")
    by_folder: dict[str, list[str]] = defaultdict(list)
    for frame in entry["frames"]:
        if not isinstance(frame, str):
            raise bad_entry(where, f"a frame is not a path: {frame!r}.")
        found = finder.find(frame, where)
        if found is None:
            reading.missing.append(Missing(finder.clean(frame, where), rel))
        else:
            folder, _, name = found.rpartition("/")
            by_folder[folder].append(name)
    if not by_folder:
        return None
    folder, names = max(by_folder.items(), key=lambda item: len(item[1]))
    if len(by_folder) > 1:
        others = ", ".join(sorted(set(by_folder) - {folder}))
        reading.conflicts.append(f"{where}: its frames are in several folders; left out: {others}.")
    video = Video(listed, label, "", folder, sorted(set(names)))
    masks = [mask for mask in entry.get("masks") or [] if isinstance(mask, str)]
    mask = finder.find(masks[0], where) if masks else None
    video.masks = mask.rpartition("/")[0] if mask else None
    return video


class Finder:
    """A finder of the lists' frames under the root, with any path prefix."""

    def __init__(self, tree: Tree, prefix: str) -> None:
        self.tree = tree
        self.prefix = prefix.replace("\\", "/")
        self.prefixes: set[str] = set()
        self._folders: dict[str, str | None] = {}

    def clean(self, path: str, where: str) -> str:
        """Return the path with POSIX separators, without ``.`` parts and the given prefix.

        Raises:
            ForensicsError: ``..`` in the path
        """
        text = path.replace("\\", "/")
        if self.prefix and text.startswith(self.prefix):
            text = text[len(self.prefix) :]
        parts = [part for part in _DRIVE.sub("", text).split("/") if part not in ("", ".")]
        if ".." in parts:
            raise ForensicsError(
                f"{where}: {path!r} leaves the chosen folder.",
                "Lists may only name files below the chosen folder.",
                "root",
            )
        return "/".join(parts)

    def find(self, path: str, where: str) -> str | None:
        """Return the file under the root, by the longest ending of the path that exists."""
        text = self.clean(path, where)
        folder, _, name = text.rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = self._resolve(folder)
        resolved = self._folders[folder]
        return self.tree.find(join(resolved, name)) if resolved is not None else None

    def _resolve(self, folder: str) -> str | None:
        """Return the folder by its longest existing ending, below the root or its data folders."""
        parts = folder.split("/")
        for start in range(len(parts)):
            tail = "/".join(parts[start:])
            if len(parts) - start < 2:
                break  # a single folder name would match too much
            for base in ("", "datasets", "datasets/rgb", "rgb"):
                if self.tree.is_folder(join(base, tail)):
                    cut = "/".join(parts[:start])
                    if cut != base:
                        self.prefixes.add(cut)
                    return join(base, tail)
        return None


def _settle_splits(tree: Tree, reading: Reading, videos: dict[tuple[str, str], Video]) -> None:
    """Settle one split per video; none if a dataset puts every video into every split."""
    of_dataset: dict[str, list[Video]] = defaultdict(list)
    for video in videos.values():
        of_dataset[place_of(video.folder, tree.root.name)[0]].append(video)
    for dataset, members in of_dataset.items():
        repeated = [video for video in members if len(video.splits) > 1]
        if not repeated:
            continue
        if all(len(video.splits) == 3 for video in members):
            reading.warnings.append(
                f"The lists put every video of {dataset} into train, val and test: there is no "
                "official split."
            )
            for video in members:
                video.splits = set()
            reading.unsplit.add(dataset)
            continue
        reading.warnings.append(
            f"The lists put {len(repeated)} videos of {dataset} into more than one split; what is "
            "in test counts as test, else as val."
        )
        for video in repeated:
            video.splits = {"test" if "test" in video.splits else "val"}
