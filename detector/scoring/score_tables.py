"""Scores in and out as CSV or Parquet, so that other detectors can be audited beside ours.

One row per face or per video. Columns: ``video_id``, ``p_fake``, and for faces ``frame_number``
(1-based) with ``face_index`` where a frame has several, or ``filepath`` instead of both. A row
without a score keeps an empty ``p_fake`` and a ``reason``. Other columns are kept on export and
ignored on import. Reading checks everything before anything is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ForensicsError
from ..files import packages
from ..files.atomic import replacing
from ..files.paths import given
from ..text.cells import cell, from_cell

FORMATS = (".csv", ".parquet")
#: Names under which other tools write the score.
SCORE_COLUMNS = ("p_fake", "score", "prob", "probability", "pred", "prediction", "p")


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Scores read from a file.

    Attributes:
        level: ``face`` or ``video``
        keys: what identifies each row: ``(video_id,)``, ``(video_id, frame_number)``,
            ``(video_id, frame_number, face_index)`` or ``(filepath,)``
        key_columns: the names of those
        p_fake: (N,) in [0, 1], NaN where the row has none
        reasons: (N,) why a row has none, or ""
    """

    level: str
    keys: tuple[tuple[Any, ...], ...]
    key_columns: tuple[str, ...]
    p_fake: np.ndarray
    reasons: tuple[str, ...]


def write_scores(path: str | Path, columns: Mapping[str, Sequence[Any]]) -> Path:
    """Write columns of equal length as CSV or Parquet, by the file's suffix, atomically.

    Raises:
        ForensicsError: another suffix, or Parquet without pyarrow
        OSError: the folder cannot be written
    """
    import pandas as pd

    path = _path(path)
    if path.suffix != ".csv":
        packages.require(packages.PARQUET, "path")
    frame = pd.DataFrame(dict(columns))
    with replacing(path) as temporary:
        if path.suffix == ".csv":
            for name in frame.select_dtypes(["object", "string"]):
                frame[name] = frame[name].map(cell)
            frame.to_csv(temporary, index=False)
        else:
            frame.to_parquet(temporary, index=False)
    return path


def read_scores(path: str | Path, scale: str = "probability") -> ScoreTable:
    """Scores of a file, checked.

    Args:
        path: ``.csv`` or ``.parquet``
        scale: ``probability`` (in [0, 1]) or ``logit`` (any finite number: its sigmoid is taken)

    Raises:
        ForensicsError: not there, not readable, a column missing, no rows, a row twice, a score
            that is not a number or outside [0, 1] (with the line), or an unknown scale
    """
    path = _path(path)
    frame = _read(path)
    frame.columns = [str(name).strip().lower() for name in frame.columns]
    column = next((name for name in SCORE_COLUMNS if name in frame.columns), None)
    if column is None:
        raise ForensicsError(
            f"{path.name} has no column with scores.",
            f"Name it p_fake (known: {', '.join(SCORE_COLUMNS)}); found: "
            f"{', '.join(frame.columns)}.",
            "path",
        )
    if not len(frame):
        raise ForensicsError(f"{path.name} holds no rows.", "Check the export.", "path")
    key_columns = _key_columns(list(frame.columns), path)
    keys = _keys(frame, key_columns, path)
    reasons = tuple(
        str(value) if isinstance(value, str) else ""
        for value in (frame["reason"] if "reason" in frame.columns else [""] * len(frame))
    )
    level = "video" if key_columns == ("video_id",) else "face"
    return ScoreTable(level, keys, key_columns, _scores(frame[column], scale, path), reasons)


def _path(path: str | Path) -> Path:
    found = given(path, "path")
    if found.suffix.lower() not in FORMATS:
        raise ForensicsError(
            f"{found.name!r} is neither CSV nor Parquet.", "Use .csv or .parquet.", "path"
        )
    return found


def _read(path: Path) -> Any:
    import pandas as pd

    if not path.is_file():
        raise ForensicsError(f"There is no file {path}.", "Check the path.", "path")
    if path.suffix.lower() == ".parquet":
        packages.require(packages.PARQUET, "path")
    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        text = {"video_id": str, "filepath": str, "reason": str}
        found = pd.read_csv(path, dtype=text, skipinitialspace=True)
        for name in set(text) & set(found.columns):
            found[name] = found[name].map(from_cell)
        return found
    except (ValueError, OSError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ForensicsError(
            f"{path.name} cannot be read ({type(error).__name__}: {error}).",
            "It may be truncated, or not a table.",
            "path",
        ) from error


def _key_columns(names: list[str], path: Path) -> tuple[str, ...]:
    if "video_id" in names and "frame_number" in names:
        extra = ("face_index",) if "face_index" in names else ()
        return ("video_id", "frame_number", *extra)
    if "filepath" in names:
        return ("filepath",)
    if "video_id" in names:
        return ("video_id",)
    raise ForensicsError(
        f"{path.name} does not say which video or face a row is of.",
        "Add video_id (and frame_number for faces), or filepath.",
        "path",
    )


def _keys(frame: Any, key_columns: tuple[str, ...], path: Path) -> tuple[tuple[Any, ...], ...]:
    """The identity of each row, none missing, none twice."""
    columns = []
    for name in key_columns:
        values = frame[name]
        if values.isna().any():
            line = int(np.flatnonzero(values.isna().to_numpy())[0]) + 2
            raise ForensicsError(f"{path.name}, line {line}: {name} is empty.", "Fill it.", "path")
        numeric = name in ("frame_number", "face_index")
        try:
            columns.append([int(v) if numeric else str(v).strip() for v in values])
        except ValueError as error:
            raise ForensicsError(
                f"{path.name}: {name} is not a whole number ({error}).", "", "path"
            ) from error
    keys = tuple(zip(*columns, strict=True))
    twice = [key for key, count in Counter(keys).items() if count > 1]
    if twice:
        raise ForensicsError(
            f"{path.name} has {len(twice)} rows more than once, for example {twice[0]}.",
            "Keep one score for each, or name the faces by face_index.",
            "path",
        )
    return keys


def _scores(column: Any, scale: str, path: Path) -> np.ndarray:
    """p_fake (N,), NaN for empty cells; anything else that is not a number is an error."""
    import pandas as pd

    empty = column.isna().to_numpy()
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~empty & ~np.isfinite(values)
    if wrong.any():
        line = int(np.flatnonzero(wrong)[0])
        raise ForensicsError(
            f"{path.name}, line {line + 2}: the score {column.iloc[line]!r} is not a number.",
            "Leave the cell empty where there is no score.",
            "path",
        )
    if scale == "logit":
        return 0.5 * (1 + np.tanh(values / 2))
    if scale != "probability":
        raise ForensicsError(
            f"There is no scale {scale!r}.", "Known: probability, logit.", field="scale"
        )
    outside = ~empty & ((values < 0) | (values > 1))
    if outside.any():
        line = int(np.flatnonzero(outside)[0])
        raise ForensicsError(
            f"{path.name}, line {line + 2}: the score {values[line]:g} is outside [0, 1].",
            "If these are logits, say so (scale='logit').",
            "path",
        )
    return values
