"""Imports the layout of the detector's official code: ``<dataset>/<source>/<video>/<frame>``.

yermandy/deepfake-detection (arXiv 2503.19683) and GenD (arXiv 2508.06248) use it for aligned face
crops. A source whose name holds ``real`` is real, every other one is fake.
"""

from __future__ import annotations

import re
from collections import defaultdict

from ....detector.records import VideoRecord
from ..contract import Evidence, Importer, ImportOptions, Missing, Reading, make_id
from ..faceforensics_split import official_split_of
from ..lists import inside, read_lines
from ..names import family_of, parts_of_fake, parts_of_real, split_named
from ..suffixes import is_image, join
from ..tree import Tree

LICENSE = "The terms of the dataset that the frames were taken from apply to the frames."
# The official code looks for the substring "real" only, and would call a folder with one of these
# words fake, which is surely not meant. RV and RealVideo are FakeAVCeleb's words; its
# FakeVideo-RealAudio is fake.
_REAL_WORDS = {"real", "reals", "original", "originals", "pristine", "rv", "realvideo"}
_SOUND_WORDS = {"ra": "real", "realaudio": "real", "fa": "fake", "fakeaudio": "fake"}
_VIDEO_WORDS = {"rv", "fv", "realvideo", "fakevideo"}
_FF_NAMES = {"ff", "ffpp", "faceforensics", "faceforensicspp", "ffc", "faceforensicsc"}
_FF_METHODS_IN_FULL = {"Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter"}
_FF_METHODS = {"DF", "F2F", "FS", "NT", "FSh"} | _FF_METHODS_IN_FULL
_FAKE_WORDS = {"fake", "fakes", "fakevideo", "fv", "not", "non", "unreal", "synthesis", "synthetic"}


def is_real_source(name: str) -> bool:
    """Return whether a source is real: ``real`` in its name, and neither a method nor a fake word.

    The official code looks for ``real`` only, and would call ``fakevideo-realaudio`` real.
    """
    words = _words(name)
    if family_of(name) != "unknown" or not _FAKE_WORDS.isdisjoint(words):
        return False
    return "real" in name or not _REAL_WORDS.isdisjoint(words)


def _doubt(source: str) -> str:
    """Return what the official code, or a reader, may understand otherwise; "" for plain names."""
    real = is_real_source(source)
    if real != ("real" in source):
        other = "fake" if real else "real"
        return f"is read as {'real' if real else 'fake'}; the official code would call it {other}."
    if real and not re.search(r"(?<![a-z])reals?(?![a-z])|realvideo|youtubereal", source):
        return "is read as real, because `real` is a part of its name."
    return ""


def _words(name: str) -> list[str]:
    return re.split(r"[^a-z0-9]+", name.lower())


def _sound_of(name: str) -> str | None:
    """Return the label of the sound if the folder is named like FakeAVCeleb's (``RV-FA``)."""
    words = _words(name)
    if _VIDEO_WORDS.isdisjoint(words):
        return None
    return next((_SOUND_WORDS[word] for word in words if word in _SOUND_WORDS), None)


def _datasets(tree: Tree) -> list[tuple[str, str]]:
    """Return (folder, dataset name) of every dataset in the root, or of the root as a dataset."""
    for base in ("", "datasets"):
        if base and not tree.is_folder(base):
            continue
        found = [
            (join(base, name), name)
            for name in tree.folders(base)
            if _is_dataset(tree, join(base, name))
        ]
        if found:
            return found
    if _is_dataset(tree, ""):
        return [("", tree.root.name)]
    return []


def _is_dataset(tree: Tree, folder: str) -> bool:
    """Return whether there are two levels of folders between ``folder`` and image files."""
    return any(_has_frames(tree, join(folder, source)) for source in tree.folders(folder)[:20])


def _frames_folder(tree: Tree, video: str) -> str:
    """Return the folder of a video's frames: its own, or ``frames`` below (GenD's cropper)."""
    inner = join(video, "frames")
    return inner if not tree.images(video) and tree.images(inner) else video


def recognise(tree: Tree) -> Evidence | None:
    """Recognise images exactly three (or, for a single dataset, two) folders below the root."""
    found = _datasets(tree)
    named = {s for folder, _ in found for s in tree.folders(folder)}
    if not any(is_real_source(s) or family_of(s) != "unknown" for s in named):
        return None  # folders of pictures, but no name says real or a method
    reasons = []
    for folder, name in found[:5]:
        sources = [s for s in tree.folders(folder) if _has_frames(tree, join(folder, s))]
        real = [s for s in sources if is_real_source(s)]
        fake = [s for s in sources if not is_real_source(s)]
        reasons.append(
            f"{name} holds frames as <source>/<video>/<frame>: real in "
            f"{', '.join(real) or 'none'}, fake in {', '.join(fake) or 'none'}"
        )
    return Evidence("frames", tuple(reasons), weak=True)


def _has_frames(tree: Tree, source: str) -> bool:
    videos = (join(source, video) for video in tree.folders(source)[:5])
    return any(tree.images(_frames_folder(tree, video)) for video in videos)


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read one record per video folder, with its frames in numeric order."""
    reading = Reading()
    splits, listed = _read_splits(tree, reading)
    seen: set[str] = set()
    for folder, dataset in _datasets(tree):
        _read_dataset(tree, reading, folder, dataset, splits, listed, seen)
    for rel, where in sorted(listed.items()):
        if rel not in seen:
            reading.missing.append(Missing(rel, where))
    return reading


def _read_dataset(
    tree: Tree,
    reading: Reading,
    folder: str,
    dataset: str,
    splits: dict[str, str],
    listed: dict[str, str],
    seen: set[str],
) -> None:
    sources = tree.folders(folder)
    reals: dict[str, list[str]] = defaultdict(list)
    for source in sources:
        if is_real_source(source):
            for video in tree.folders(join(folder, source)):
                reals[video].append(make_id(dataset, source, "", video))
    # Folder of an absent real. Celeb-DF's fakes are never made from YouTube-real.
    homes = ["Celeb-real" if s == "YouTube-real" else s for s in sources if is_real_source(s)]
    missing = make_id(dataset, homes[0] if len(set(homes)) == 1 else "real", "", "")
    has_lists = any(rel.startswith(f"{folder}/" if folder else "") for rel in splits)
    beside: list[tuple[int, str]] = []
    for source in sources:
        if doubt := _doubt(source):
            reading.warnings.append(f"{join(folder, source)} {doubt}")
        for video in tree.folders(join(folder, source)):
            base = _frames_folder(tree, join(folder, source, video))
            names = [name for name in tree.files(base) if is_image(name)]
            if not names:
                continue
            frames = reading.numbered(tree, base, names)
            rels = [rel for _, rel in frames]
            seen.update(rels or (join(base, name) for name in names))
            if not frames:
                continue
            split = splits.get(base)
            if not has_lists:  # a split list of the dataset takes precedence
                split = _of_faceforensics(dataset, sources, video)
            elif split and (more := sum(rel not in listed for rel in rels)):
                beside.append((more, base))
            reading.records.append(
                _record(tree, dataset, source, video, base, frames, split, reals, missing)
            )
    if beside:
        reading.warnings.append(
            f"{sum(more for more, _ in beside)} frames of {len(beside)} videos of {dataset} are in "
            f"no list beside frames that are, for example in {beside[0][1]}: they count as well."
        )


def _of_faceforensics(dataset: str, sources: list[str], video: str) -> str | None:
    """Return the official split of a video that is named by FaceForensics++'s numbers, or None."""
    named = re.sub(r"[^a-z]", "", dataset.lower()) in _FF_NAMES
    if not (_FF_METHODS if named else _FF_METHODS_IN_FULL).intersection(sources):
        return None
    return official_split_of(video)


def _record(
    tree: Tree,
    dataset: str,
    source: str,
    video: str,
    base: str,
    frames: list[tuple[int, str]],
    split: str | None,
    reals: dict[str, list[str]],
    missing: str,
) -> VideoRecord:
    real = is_real_source(source)
    pair_id, status, parents = None, "none", ()
    said = parts_of_real(video) if real else parts_of_fake(video)
    if not real:
        pair_id, status, parents = _resolve_pair(video, reals, missing)
    return VideoRecord(
        video_id=make_id(dataset, source, "", video),
        path=tree.absolute(base),
        label=0 if real else 1,
        source_dataset=dataset,
        method="original" if real else source,
        family="none" if real else family_of(source),
        split=split,
        split_source="official" if split else None,
        target_id=said.target or None,
        source_id=said.source or None,
        pair_id=pair_id,
        pair_status=status,
        parents=parents,
        audio_label=_sound_of(source),
        license_note=LICENSE,
        frames=tuple((n, tree.absolute(rel)) for n, rel in frames),
        aligned=True,
        attributes={"subset": source, **said.identities},
    )


def _resolve_pair(
    video: str, reals: dict[str, list[str]], missing: str
) -> tuple[str | None, str, tuple[str, ...]]:
    """Return (pair id, status, parents) of a fake by its name, among the reals of its dataset.

    A parent that the name gives counts even if its real is absent, so that two fakes of one absent
    real are in one group.

    Args:
        video: name of the fake's folder
        reals: name of a real's folder -> ids
        missing: id of an absent real, without its name
    """
    said = parts_of_fake(video)
    name = video if video in reals else said.pair
    if not name:
        return None, "none", ()
    found = reals.get(name, [f"{missing}/{name}"])
    if len(found) > 1:
        return None, "ambiguous", tuple(found)
    donor = said.donor if name == said.pair else ""
    donors = reals.get(donor, [f"{missing}/{donor}"]) if donor else []
    return found[0], "missing", tuple(dict.fromkeys((*found, *donors)))


def _read_splits(tree: Tree, reading: Reading) -> tuple[dict[str, str], dict[str, str]]:
    """Read ``config/datasets/**/*.txt``: video folder -> split, and listed frame -> list."""
    splits: dict[str, str] = {}
    listed: dict[str, str] = {}
    for folder, files in tree.walk("config/datasets"):
        for name in files:
            if not name.lower().endswith(".txt"):
                continue
            rel = join(folder, name)
            parts = [*folder.split("/")[2:], name.rpartition(".")[0]]
            marks = [split for part in parts if (split := split_named(part.partition("-")[0]))]
            if not marks:
                reading.warnings.append(f"{rel} names no split: its videos get none from it.")
            for number, line in read_lines(tree, rel):
                frame = inside(line, f"{rel}, line {number}")
                listed[frame] = rel
                if marks:
                    video = frame.rpartition("/")[0]
                    if splits.setdefault(video, marks[0]) != marks[0]:
                        reading.conflicts.append(
                            f"{rel}, line {number}: {video} is in {splits[video]} and "
                            f"{marks[0]}; {splits[video]} is kept."
                        )
    return splits, listed


IMPORTERS = (
    Importer(
        name="frames",
        title="Frame folders",
        license_note=LICENSE,
        expects=(
            "<dataset>/<source>/<video>/<frame>.png   as CDFv2/Celeb-real/id0_0000/000.png\n"
            "(or <video>/frames/<frame>.png, as GenD's cropper writes them)\n"
            "(the root may be one dataset, hold several, or hold them in datasets/)\n"
            "config/datasets/<dataset>/{train,val,test}/<source>.txt   (optional split lists)\n"
            "(folders with FaceForensics++'s numbers have its official split without a list)"
        ),
        recognise=recognise,
        read=read,
        official_split=False,
        gotchas=(
            "A source is real if its name holds `real` in lower case, or the word Real, original, "
            "pristine or RV; not if it is a method (Real3DPortrait) or says fake, FV, not or "
            "unreal.",
            "Frames are taken as aligned crops and are never cropped again.",
        ),
        aliases=("gend", "official-code", "frame-folders"),
        url="https://github.com/yermandy/GenD",
    ),
)
