"""Places the clips of the demo's collection as FaceForensics++, Celeb-DF, DFDC and GenD do."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...detector.files.atomic import write_bytes
from ...detector.files.paths import inside
from ..importers.about_videos import TABLE
from .clips import PEOPLE, ClipPlan
from .collection_plan import METHODS, SPLIT_OF, DatasetPlan, FakePlan
from .portraits import PORTRAIT_PEOPLE

LICENSE = "Made on this machine from the licensed footage in LICENSES.md; not to be passed on."
_IDS = {name: number for number, name in enumerate((*PEOPLE, *PORTRAIT_PEOPLE))}


@dataclass(frozen=True, slots=True)
class Item:
    """One clip of a dataset.

    Attributes:
        clip: the real clip that is seen, or that was manipulated
        fake: the manipulation, or None for the real clip
        video: path below the dataset's folder: a file, or the folder of a sequence of frames
        mask: path of the video of masks, or None
    """

    clip: ClipPlan
    fake: FakePlan | None
    video: str
    mask: str | None = None


def items_of(
    dataset: DatasetPlan, clips: Sequence[ClipPlan], fakes: Sequence[FakePlan]
) -> list[Item]:
    """Return every clip of a dataset with its place."""
    place = {
        "faceforensics": _faceforensics,
        "celeb-df": _celeb_df,
        "dfdc": _dfdc,
        "frames": _frames,
    }[dataset.layout]
    found = [Item(clip, None, place(dataset, clip, None)[0]) for clip in clips]
    return found + [Item(fake.clip, fake, *place(dataset, fake.clip, fake)) for fake in fakes]


def _faceforensics(
    dataset: DatasetPlan, clip: ClipPlan, fake: FakePlan | None
) -> tuple[str, str | None]:
    if fake is None:
        return f"original_sequences/youtube/c23/videos/{clip.stem}.mp4", None
    donor = clip.number if fake.donor is None else fake.donor
    name = f"{clip.stem}_{donor:03d}.mp4"
    folder = f"manipulated_sequences/{fake.method}"
    return f"{folder}/c23/videos/{name}", f"{folder}/masks/videos/{name}"


def _celeb_df(
    dataset: DatasetPlan, clip: ClipPlan, fake: FakePlan | None
) -> tuple[str, str | None]:
    person, number = _IDS[clip.person], f"{clip.number:04d}"
    if fake is None:
        return f"Celeb-real/id{person}_{number}.mp4", None
    # Celeb-DF names a fake by two people; the second is nobody here but says the method.
    source = 100 * (person + 1) + METHODS.index(fake.method)
    name = f"id{person}_id{source}_{number}.mp4"
    return f"Celeb-synthesis/{name}", f"masks/videos/{name}"


def _dfdc(dataset: DatasetPlan, clip: ClipPlan, fake: FakePlan | None) -> tuple[str, str | None]:
    folders = {"train": "dfdc_train_part_0", "val": "validation", "test": "test"}
    place = 0 if fake is None else 1 + METHODS.index(fake.method)
    letters = np.random.default_rng([clip.number, place]).integers(0, 26, 10)
    name = "".join(chr(97 + letter) for letter in letters) + ".mp4"
    mask = None if fake is None else f"masks/videos/{name}"
    return f"{folders[SPLIT_OF[clip.person]]}/{name}", mask


def _frames(dataset: DatasetPlan, clip: ClipPlan, fake: FakePlan | None) -> tuple[str, None]:
    source = "real" if fake is None else fake.method
    return f"{dataset.name}/{source}/clip{clip.stem}", None


def write_lists(root: Path, dataset: DatasetPlan, items: Sequence[Item]) -> None:
    """Write the lists of a dataset: its own splits and labels, and ``about_videos.csv``."""
    write = {
        "faceforensics": _lists_of_faceforensics,
        "celeb-df": _lists_of_celeb_df,
        "dfdc": _lists_of_dfdc,
        "frames": _lists_of_frames,
    }[dataset.layout]
    texts = {TABLE: _table(dataset, items), **write(dataset, items)}
    for name, text in texts.items():
        write_bytes(inside(root, name), text.encode())


def _split(item: Item) -> str:
    return SPLIT_OF[item.clip.person]


def _table(dataset: DatasetPlan, items: Sequence[Item]) -> str:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    columns = ("manipulation", "setting", "mask", "source_dataset", "license_note")
    rows.writerow(["video", "identity", *columns])
    for item in items:
        fake = item.fake
        made = ("none", "none") if fake is None else (fake.method, fake.setting)
        row = (item.video, item.clip.person, *made, item.mask or "", dataset.name, LICENSE)
        rows.writerow(row)
    return out.getvalue()


def _lists_of_faceforensics(dataset: DatasetPlan, items: Sequence[Item]) -> dict[str, str]:
    reals = [item for item in items if item.fake is None]
    lists = {split: [] for split in ("train", "val", "test")}
    for item in reals:
        lists[_split(item)].append([item.clip.stem, item.clip.stem])
    return {
        f"dataset/splits/{split}.json": json.dumps(pairs, indent=1) + "\n"
        for split, pairs in lists.items()
    }


def _lists_of_celeb_df(dataset: DatasetPlan, items: Sequence[Item]) -> dict[str, str]:
    listed = [item for item in items if _split(item) == "test"]
    lines = (f"{int(item.fake is None)} {item.video}\n" for item in listed)
    return {"List_of_testing_videos.txt": "".join(lines)}


def _lists_of_dfdc(dataset: DatasetPlan, items: Sequence[Item]) -> dict[str, str]:
    original = {item.clip.number: Path(item.video).name for item in items if item.fake is None}
    train: dict[str, dict[str, str]] = {}
    labels = {"validation": ["filename,label"], "test": ["filename,label"]}
    for item in items:
        folder, _, name = item.video.rpartition("/")
        if folder in labels:
            labels[folder].append(f"{name},{int(item.fake is not None)}")
        elif item.fake is None:
            train[name] = {"label": "REAL", "split": "train"}
        else:
            train[name] = {
                "label": "FAKE",
                "split": "train",
                "original": original[item.clip.number],
            }
    return {
        "dfdc_train_part_0/metadata.json": json.dumps(train, indent=1) + "\n",
        **{f"{f}/labels.csv": "\n".join(lines) + "\n" for f, lines in labels.items()},
    }


def frame_names(dataset: DatasetPlan, item: Item) -> list[str]:
    """Return the paths of the frames of a sequence, below the dataset's folder."""
    return [f"{item.video}/{number:03d}.jpg" for number in range(0, item.clip.frames, 4)]


def _lists_of_frames(dataset: DatasetPlan, items: Sequence[Item]) -> dict[str, str]:
    lists: dict[str, list[str]] = {}
    for item in items:
        source = item.video.split("/")[1]
        name = f"config/datasets/{dataset.name}/{_split(item)}/{source}.txt"
        lists.setdefault(name, []).extend(frame_names(dataset, item))
    return {name: "\n".join(lines) + "\n" for name, lines in lists.items()}
