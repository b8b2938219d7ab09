"""Imports DF40 (Yan et al., NeurIPS 2024 Datasets, arXiv 2406.13495): 40 methods, processed crops.

``<method>/{ff,cdf}/[frames/]<t>_<s>/<frame>.png`` holds only fakes, made from FaceForensics++ or
Celeb-DF videos. Nine methods ship reals beside their fakes. The release's JSON lists have the form
of DeepfakeBench's lists; the format ``deepfakebench`` reads them.
"""

from __future__ import annotations

import re

from ....detector.records import VideoRecord
from ..contract import Evidence, Importer, ImportOptions, Reading, make_id
from ..names import family_of
from ..suffixes import join, stem_of
from ..tree import Tree
from .deepfakebench_lists import list_files, looks_like_list

DATASET = "DF40"
LICENSE = "DF40: CC BY-NC 4.0; the terms of FaceForensics++ and Celeb-DF apply to their frames."
_METHOD_NAMES = (
    "fsgan faceswap simswap inswap inswapper blendface uniface mobileswap e4s facedancer "
    "deepfacelab fomm fs_vid2vid facevid2vid wav2lip mraa one_shot_free oneshot pirender tpsm "
    "tpsmm lia dagan sadtalker mcnet hyperreenact heygen danet vqgan stylegan2 stylegan3 "
    "styleganxl sd2.1 ddim ddpm rddm pixart dit sit midjourney whichisreal collabdiff e4e stargan "
    "starganv2 styleclip"
)
METHODS = frozenset(_METHOD_NAMES.split())
DOMAINS = {"ff": "ff", "cdf": "cdf", "ff++": "ff", "celeb-df": "cdf"}
SPLITS = ("train", "test")
_FF = re.compile(r"^(\d{3})(?:_(\d{3}))?$")
_CDF = re.compile(r"^(id\d+)_(?:(id\d+)_)?(\d+)$")


def _method_folders(tree: Tree) -> list[tuple[str, str | None]]:
    """Return (folder, split) of the method folders in the root, DF40/, train/ or test/."""
    found = []
    bases = [""] + [name for name in tree.folders() if name.lower().startswith(("df40", *SPLITS))]
    bases += [join(b, n) for b in bases[1:] for n in tree.folders(b) if n.lower() in SPLITS]
    for base in bases:
        split = next(
            (s for s in SPLITS for part in base.lower().split("/") if part.endswith(s)), None
        )
        for name in tree.folders(base):
            if name.lower() in METHODS:
                found.append((join(base, name), split))
    return found


def recognise(tree: Tree) -> Evidence | None:
    """Recognise method folders that are divided by domain, or hold real and fake."""
    names = []
    for folder, _ in _method_folders(tree):
        inner = {name.lower() for name in tree.folders(folder)}
        if inner & DOMAINS.keys() or {"fake", "real"} <= inner:
            names.append(folder.rpartition("/")[2])
    if not names:
        return None
    # If the release's JSON lists are present, deepfakebench is better: the lists hold the splits.
    listed = any(looks_like_list(tree, rel) for rel in list_files(tree))
    reason = f"method folders are there: {', '.join(sorted(set(names))[:10])}"
    return Evidence("df40", (reason,), weak=listed)


def read(tree: Tree, options: ImportOptions) -> Reading:
    """Read one record per folder of frames; a loose image is a sequence of one frame."""
    reading = Reading()
    for folder, split in _method_folders(tree):
        for inner, names in tree.walk(folder):
            parts = inner[len(folder) :].strip("/").split("/")
            if "landmarks" in parts or "masks" in parts or not names:
                continue
            images = tree.images(inner)
            if not images:
                continue
            loose = not parts[-1] or parts[-1].lower() in (*DOMAINS, "frames", "real", "fake")
            for names_of_one in [[n] for n in images] if loose else [images]:
                frames = (
                    [(0, join(inner, names_of_one[0]))]
                    if loose
                    else reading.numbered(tree, inner, names_of_one)
                )
                if frames:
                    reading.records.append(
                        _record(tree, folder, inner, parts, frames, loose, split)
                    )
    if not any(record.label == 0 for record in reading.records):
        reading.warnings.append(
            "DF40 ships fakes only; its reals are the crops of FaceForensics++ and Celeb-DF."
        )
    return reading


def _record(
    tree: Tree,
    folder: str,
    inner: str,
    parts: list[str],
    frames: list[tuple[int, str]],
    loose: bool,
    split: str | None,
) -> VideoRecord:
    method = folder.rpartition("/")[2]
    lower = [part.lower() for part in parts]
    domain = next((DOMAINS[part] for part in lower if part in DOMAINS), "")
    real = "real" in lower
    if split is None:
        split = next((s for s in SPLITS if s in lower), None)
    video = stem_of(frames[0][1]) if loose else parts[-1]
    kept = [p for p in (parts if loose else parts[:-1]) if p and p.lower() != "frames"]
    target, source, pair, parents = origin_of(domain, video) if not real else (None, None, None, ())
    tree.claim(*(rel for _, rel in frames))
    return VideoRecord(
        video_id=make_id(DATASET, "/".join((method, *kept)), "", video),
        path=tree.absolute(inner),
        label=0 if real else 1,
        source_dataset=DATASET,
        method="original" if real else method,
        family="none" if real else family_of(method),
        split=split,
        split_source="official" if split else None,
        target_id=target,
        source_id=source,
        pair_id=pair,
        parents=parents,
        license_note=LICENSE,
        frames=tuple((n, tree.absolute(rel)) for n, rel in frames),
        aligned=True,
        attributes={"domain": domain} if domain else {},
    )


def origin_of(
    domain: str, video: str
) -> tuple[str | None, str | None, str | None, tuple[str, ...]]:
    """Return (target, source, pair, parents) from the name of a fake.

    Args:
        domain: ``ff`` or ``cdf``; ``""`` if it is unknown
        video: name of the fake
    """
    match = _FF.match(video) if domain == "ff" else None
    if match:
        ends = [end for end in match.groups() if end]
        parents = tuple(make_id("FaceForensics++", "youtube", "", end) for end in ends)
        pair = make_id("FaceForensics++", "youtube", "c23", ends[0])
        return ends[0], ends[1] if len(ends) > 1 else None, pair, parents
    match = _CDF.match(video) if domain == "cdf" else None
    if match:
        target, source, recording = match.groups()
        pair = make_id("Celeb-DF-v2", "Celeb-real", "", f"{target}_{recording}")
        return target, source, pair, (pair,)
    return None, None, None, ()


IMPORTERS = (
    Importer(
        name="df40",
        title=DATASET,
        license_note=LICENSE,
        expects=(
            "<method>/{ff,cdf}/frames/<t>_<s>/<frame>.png   (fakes)\n"
            "<method>/{real,fake}/<image>.png   (the nine methods with reals of their own)\n"
            "in the root, or in train/ and test/"
        ),
        recognise=recognise,
        read=read,
        official_split=False,
        gotchas=(
            "Fakes only, except for nine methods: reals are the crops of FF++ and Celeb-DF.",
            "Crops of 256 pixels made by DeepfakeBench's recipe: they are scored as they are.",
        ),
        url="https://github.com/YZY-stack/DF40",
    ),
)
