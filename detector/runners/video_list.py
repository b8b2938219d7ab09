"""Reads and writes a list of videos, one JSON record per line, for work without a database."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from ..errors import ForensicsError
from ..files.atomic import write_bytes
from ..files.outputs import json_lines_with
from ..files.paths import given
from ..records import FAKE, REAL, UNKNOWN, VideoRecord, known_keys

_NEEDED = ("video_id", "path", "label", "source_dataset")
FILES = (json_lines_with(*_NEEDED),)  # allowed files for a list of videos
_DEFAULTS = {f.name: f.default for f in fields(VideoRecord)}


def write_video_list(path: str | Path, records: Iterable[VideoRecord]) -> int:
    """Write ``records`` to ``path``, leaving out values that equal their default.

    Returns:
        number of videos written
    """
    lines = []
    for record in records:
        values = {k: v for k, v in asdict(record).items() if v and v != _DEFAULTS[k]}
        values |= {name: getattr(record, name) for name in _NEEDED}
        lines.append(json.dumps(values, sort_keys=True, ensure_ascii=False))
    write_bytes(Path(path), "".join(f"{line}\n" for line in lines).encode())
    return len(lines)


def read_video_list(path: str | Path) -> list[VideoRecord]:
    """Return the videos of a list; relative paths start at the list's folder.

    Raises:
        ForensicsError: the file does not exist, or a line is not a record (gives its number)
    """
    path = given(path, "videos")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ForensicsError(
            f"The video list {path} cannot be read: {error}.", "Give a file of one record a line."
        ) from error
    records = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                records.append(_record(json.loads(line), path.resolve().parent))
            except (json.JSONDecodeError, ForensicsError, TypeError, ValueError) as error:
                raise ForensicsError(
                    f"{path}, line {number}: {error}",
                    f"Each line is a JSON object with at least {', '.join(_NEEDED)}.",
                ) from error
    if not records:
        raise ForensicsError(f"{path} lists no video.", "Write one record a line.")
    return records


def _record(data: Any, folder: Path) -> VideoRecord:
    if not isinstance(data, dict):
        raise ForensicsError("this is no JSON object.")
    missing = [name for name in _NEEDED if name not in data]
    if missing:
        raise ForensicsError(f"{missing[0]!r} is missing.")
    values = dict(known_keys(VideoRecord, data))
    if values["label"] not in (REAL, FAKE, UNKNOWN) or isinstance(values["label"], bool):
        raise ForensicsError(
            f"the label is {values['label']!r}, not {REAL} (real), {FAKE} or {UNKNOWN} (unknown)."
        )
    values["path"] = str(folder / values["path"])
    if values.get("mask_path"):
        values["mask_path"] = str(folder / values["mask_path"])
    values["parents"] = tuple(values.get("parents", ()))
    if values.get("clip") is not None:
        first, last = values["clip"]
        values["clip"] = (int(first), int(last))
    values["frames"] = tuple((int(n), str(folder / p)) for n, p in values.get("frames", ()))
    return VideoRecord(**values)
