"""Defines the corpus's tree (as in FaceForensics++) and writes splits, people, licences, README."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ...detector.errors import ForensicsError
from ...detector.files.atomic import holds_nothing, write_bytes
from ...detector.files.outputs import claim_folder
from ...detector.files.paths import inside
from ...detector.weights.asset_catalogue import FOOTAGE, PACKAGES
from ...detector.weights.portrait_catalogue import PORTRAIT_PACKAGES, PORTRAITS
from .clips import FPS, FRAMES, PEOPLE, SIZE, ClipPlan, choose_swaps, split_pairs
from .encode import CRF

SELF_BLEND, FACE_SWAP = "SelfBlend", "FaceSwap"
METHODS = (SELF_BLEND, FACE_SWAP)
_MARKER = "dataset/corpus.json"
DEMO, COLLECTION = "demo", "collection"
"""Kinds of corpora: one dataset, or several."""


def real_path(root: Path, compression: str, stem: str) -> Path:
    """Return the path of a real clip."""
    return root / "original_sequences/youtube" / compression / "videos" / f"{stem}.mp4"


def fake_path(root: Path, method: str, compression: str, stem: str) -> Path:
    """Return the path of a fake; ``stem`` is target_source."""
    return root / "manipulated_sequences" / method / compression / "videos" / f"{stem}.mp4"


def mask_path(root: Path, method: str, stem: str) -> Path:
    """Return the path of a fake's mask, one for all compressions."""
    return root / "manipulated_sequences" / method / "masks" / "videos" / f"{stem}.mp4"


def check_root(root: Path, seed: int, kind: str = DEMO) -> bool:
    """Return True if ``root`` holds a corpus of this recipe, False if it is new or empty.

    Raises:
        ForensicsError: it is a file, cannot be read or is not allowed, or holds something else
    """
    claim_folder(root, "root", lambda _: True)  # its content is checked below
    marker = root / _MARKER
    try:
        if marker.is_file():
            found = json.loads(marker.read_text(encoding="utf-8"))
        elif root.is_dir() and not holds_nothing(root):
            raise ForensicsError(
                f"{root} is not empty and not a demo corpus.", "Choose an empty folder.", "root"
            )
        elif root.exists() and not root.is_dir():
            raise ForensicsError(f"{root} is a file.", "Choose a folder.", "root")
        else:
            return False
    except (OSError, json.JSONDecodeError) as error:
        raise ForensicsError(
            f"{root} cannot be read: {error}.", "Choose another folder.", "root"
        ) from error
    if found != _recipe(seed, kind):
        other = found.get("seed") if isinstance(found, dict) else None
        what = f"seed {other}, not {seed}" if other != seed else "made by another version"
        raise ForensicsError(
            f"{root} holds a demo corpus of another recipe ({what}).",
            "Choose an empty folder, or remove that corpus.",
            "root",
        )
    return True


def _recipe(seed: int, kind: str) -> dict[str, Any]:
    return {
        "name": kind,
        "format": 1,
        "seed": seed,
        "size": SIZE,
        "frames": FRAMES,
        "fps": FPS,
        "crf": CRF,
        "about": "Fakes made on this machine from licensed footage, see README.md",
    }


def claim(root: Path, seed: int, kind: str = DEMO) -> None:
    """Mark ``root`` as a corpus, or check that it is one of the same recipe to continue.

    Raises:
        ForensicsError: as :func:`check_root`, or it cannot be written
    """
    if check_root(root, seed, kind):
        return
    try:
        write_bytes(root / _MARKER, (json.dumps(_recipe(seed, kind), indent=1) + "\n").encode())
    except OSError as error:
        raise ForensicsError(
            f"{root} cannot be written: {error}.", "Choose another folder.", "root"
        ) from error


def write_side_files(root: Path, clips: Sequence[ClipPlan]) -> None:
    """Write split lists, people, licences and README for ``clips``."""
    for split, pairs in split_pairs(clips).items():
        lines = ",\n".join(" " + json.dumps(pair) for pair in pairs)
        _write(root, f"dataset/splits/{split}.json", f"[\n{lines}\n]\n")
    _write(root, "dataset/identities.csv", _identities(clips))
    _write(root, "LICENSES.md", licence_list({clip.footage for clip in clips}))
    _write(root, "README.md", _readme(clips))


def _write(root: Path, name: str, text: str) -> None:
    write_bytes(inside(root, name), text.encode())


def _identities(clips: Iterable[ClipPlan]) -> str:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["video", "identity", "footage", "kind"])
    for clip in clips:
        kind = "photograph" if clip.start is None else "video"
        rows.writerow([clip.stem, clip.person, clip.footage, kind])
    return out.getvalue()


def licence_list(keys: Iterable[str]) -> str:
    """Return a Markdown table with package and licence of each footage key in ``keys``."""
    lines = [
        "# Licences of the footage",
        "",
        "The clips of this folder were made on this machine from the files below. Not all of them",
        "may be passed on: do not share the corpus; anyone can make it with `create_demo`.",
        "",
        "| file | package | licence |",
        "|---|---|---|",
    ]
    for key in sorted(keys):
        item = (FOOTAGE | PORTRAITS)[key]
        package = (PACKAGES | PORTRAIT_PACKAGES).get(item.package)
        where = "installed module " + item.package
        if package is not None:
            where = f"{package.name} {package.version} ({package.client})"
        lines.append(f"| {Path(item.member).name} | {where} | {item.license} |")
    return "\n".join(lines) + "\n"


def _readme(clips: Sequence[ClipPlan]) -> str:
    people = {clip.person for clip in clips}
    counts = {name: sum(clip.person == name for clip in clips) for name in people}
    lines = [
        "# Demo corpus: real clips and synthetic manipulations",
        "",
        f"{len(clips)} real clips of {len(people)} people ({FRAMES} frames of {SIZE} x {SIZE} "
        f"pixels, {FPS} per second), a self-blended copy of each (SelfBlend, names TTT_TTT) and "
        f"{2 * len(choose_swaps(clips))} face swaps (FaceSwap, names TTT_SSS: frames of TTT, face "
        "of SSS), with masks, in the layout of FaceForensics++.",
        "",
        "**This is not FaceForensics++ and no benchmark.** Each fake says SYNTHETIC in its file "
        "metadata. No politician and nobody from a group photograph was swapped. The terms of the "
        "footage are in LICENSES.md.",
        "",
        "| person | split | clips | what |",
        "|---|---|---:|---|",
    ]
    for name, person in PEOPLE.items():
        if name in people:
            lines.append(f"| {name} | {person.split} | {counts[name]} | {person.about} |")
    return "\n".join(lines) + "\n"
