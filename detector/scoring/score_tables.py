"""Reads and writes scores as tables, so that other detectors can be audited beside ours.

One row per face or per video, keyed by ``video_id`` (with ``frame_number``, 1-based, and
``face_index`` for faces), by ``sample_id``, or by ``filepath`` (whole, its end, or its name).
Column names of other tools are recognised: GenD's ``files,labels,prob_class_0,prob_class_1``,
DFDC's ``filename,label``, DeepfakeBench's and Kaggle's. A row without a score has an empty score
and a ``reason``. Other columns are kept on export and ignored on import. Reading checks everything
before anything is written.
"""

from __future__ import annotations

import json
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
from ..metrics import ranks
from ..text.csv_cells import cell, from_cell
from .score_columns import (
    is_of_real,
    key_columns,
    log_ratio,
    margin_beside,
    margin_of_pair,
    numbers,
    plain_name,
    require_of_fake,
    says_percent,
    score_column,
    truth_of,
    whole,
    without_percent,
)
from .table_columns import GRADED, LOGIT_PAIRS
from .table_files import read_table

#: Formats for writing; for reading see :mod:`.table_files`.
FORMATS = (".csv", ".parquet", ".tsv", ".jsonl", ".xlsx")
#: What scores rise with: as the column's name says, else "fake".
AUTO, SCORES_OF = "auto", ("auto", "fake", "real")
_NOISE = 1e-9  # tolerance for rounding beyond 0 and 1


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """The scores read from a file.

    Attributes:
        level: ``face`` or ``video``
        keys: identity of each row: ``(video_id,)``, ``(video_id, frame_number)``,
            ``(video_id, frame_number, face_index)``, ``(sample_id,)`` or ``(filepath,)``
        key_columns: the names of the key's parts
        score_column: the column of the scores, as spelled in the file
        p_fake: (N,) in [0, 1], NaN without a score
        margin: (N,) log odds of "fake" if the table holds them, else None; used for ranking,
            because p_fake is 1 for every logit above 37
        reasons: (N,) why a row has no score, or ""
        truth: (N,) the table's own true labels, 0, 1 or None; empty if it has none
        remarks: how the table was understood, where that is not plain
    """

    level: str
    keys: tuple[tuple[Any, ...], ...]
    key_columns: tuple[str, ...]
    p_fake: np.ndarray
    reasons: tuple[str, ...]
    margin: np.ndarray | None = None
    score_column: str = ""
    truth: tuple[int | None, ...] = ()
    remarks: tuple[str, ...] = ()


def write_scores(path: str | Path, columns: Mapping[str, Sequence[Any]]) -> Path:
    """Write columns of equal length as one of :data:`FORMATS`, by the file's suffix, atomically.

    Numbers keep every digit. Texts that a spreadsheet would run as formulas are quoted.

    Raises:
        ForensicsError: another suffix, Parquet without pyarrow, or Excel without openpyxl
        OSError: the folder cannot be written
    """
    import pandas as pd

    path = _path(path)
    suffix = path.suffix.lower()
    require_package(path)
    frame = pd.DataFrame(dict(columns))
    with replacing(path) as temporary:
        if suffix == ".parquet":
            frame.to_parquet(temporary, index=False)
            return path
        if suffix == ".jsonl":
            rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
            temporary.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
            return path
        for name in frame.select_dtypes(["object", "string"]):
            frame[name] = frame[name].map(cell)
        if suffix == ".xlsx":
            with temporary.open("wb") as stream:
                frame.to_excel(stream, index=False, engine="openpyxl")
        else:
            frame.to_csv(temporary, index=False, sep="\t" if suffix == ".tsv" else ",")
    return path


def require_package(path: Path) -> None:
    """Raise :class:`ForensicsError` if the package that writes such a file is not installed."""
    part = {".parquet": packages.PARQUET, ".xlsx": packages.EXCEL}.get(path.suffix.lower())
    if part is not None:
        packages.require(part, "path")


def read_scores(
    path: str | Path,
    scale: str = "probability",
    column: str | None = None,
    scores_of: str = AUTO,
) -> ScoreTable:
    """Return the checked scores of a file.

    Args:
        path: a table, see :mod:`.table_files`
        scale: ``probability`` (in [0, 1]) or ``logit`` (any finite number; its sigmoid is taken)
        column: the column with the scores; by default the first known one. A column of hard
            labels (only 0 and 1) is taken only if there is no other
        scores_of: what high scores mean, one of :data:`SCORES_OF`; those of "real" are turned

    Raises:
        ForensicsError: missing or unreadable file, missing column, no rows, duplicate row, a score
            that is not a number or outside [0, 1] (gives the row), or an unknown scale or class
    """
    path = given(path, "path")
    if scale not in ("probability", "logit"):
        raise ForensicsError(
            f"There is no scale {scale!r}.", "Known: probability, logit.", field="scale"
        )
    if scores_of not in SCORES_OF:
        raise ForensicsError(
            f"Scores of {scores_of!r} are unknown.",
            f"Known: {', '.join(SCORES_OF)}.",
            field="scores_of",
        )
    cells = read_table(path)
    by_name = {plain_name(name): name for name in cells}
    percent = {without_percent(plain): name for plain, name in by_name.items()}
    by_name = {n: name for n, name in percent.items() if n in GRADED} | by_name
    named = column if column in cells else by_name.get(plain_name(column or ""))
    if column is not None and named is None:
        raise ForensicsError(
            f"{path.name} has no column {column!r}.", f"It has {', '.join(cells)}.", "column"
        )
    found = named or score_column(cells, by_name, scale, path)
    columns = key_columns(cells, by_name, found, path)
    keys = _keys({k: cells[by_name[n]] for k, n in columns.items()}, path)
    remarks: list[str] = []
    if "frame_number" in columns and any(key[1] == 0 for key in keys):
        keys = tuple((key[0], key[1] + 1, *key[2:]) for key in keys)
        remarks.append("The table counts frames from 0.")
    reasons = cells[by_name["reason"]] if "reason" in by_name else [""] * len(keys)
    values = numbers(cells[found], path, found)
    plain = plain_name(found)
    named_real = scores_of == AUTO and is_of_real(found)
    if scale == "probability":
        if says_percent(found):
            if 0 < np.nanmax(values, initial=0) <= 1:
                raise ForensicsError(
                    f"{path.name}: {found!r} says percent, and no value is above 1.",
                    "Name the column p_fake if it holds probabilities; else write them as such.",
                    "column",
                )
            values = values / 100
            remarks.append(f"{found!r} is read as percent.")
        values = _probabilities(values, path, found)
        if column is None:
            require_of_fake(values, cells, by_name, found, path)
    margin = None
    if named_real:
        remarks.append(f"{found!r} is read as the class real, and turned.")
    if scale == "logit":
        for pair in LOGIT_PAIRS:
            if plain in pair and set(pair) <= set(by_name):
                other = by_name[pair[plain == pair[0]]]
                values = values - numbers(cells[other], path, other)
        margin = -values if named_real else values
        values = ranks.sigmoid(margin)
    elif named_real:
        margin, values = log_ratio(1 - values, values), 1 - values
    elif "margin" in by_name and plain != "margin":
        margin = numbers(cells[by_name["margin"]], path, by_name["margin"])
        if ranks.contradict(values, margin):  # not the margin of these probabilities
            if column is None:
                raise ForensicsError(
                    f"{path.name}: the columns {found!r} and {by_name['margin']!r} contradict each "
                    "other; a margin is the logit of the probability beside it.",
                    "Say which column holds the scores; the other is not read then.",
                    "column",
                )
            margin = None
    else:
        margin = margin_beside(cells, by_name, values, path)
        if margin is None:
            margin = margin_of_pair(cells, by_name, plain, values, path)
    if scores_of == "real":
        values, margin = 1 - values, None if margin is None else -margin
    level = "video" if tuple(columns) == ("video_id",) else "face"
    return ScoreTable(
        level,
        keys,
        tuple(columns),
        values,
        tuple(from_cell(text) for text in reasons),
        margin,
        found,
        truth_of(cells, by_name, found),
        tuple(remarks),
    )


def _keys(columns: Mapping[str, list[str]], path: Path) -> tuple[tuple[Any, ...], ...]:
    """Return the identity of each row; none may be missing or duplicate."""
    read = []
    for name, cells in columns.items():
        if "" in cells:
            raise ForensicsError(
                f"{path.name}, line {cells.index('') + 2}: {name} is empty.", "Fill it.", "path"
            )
        numeric = name in ("frame_number", "face_index")
        try:
            read.append([whole(c) if numeric else from_cell(c).strip() for c in cells])
        except ValueError as error:
            raise ForensicsError(
                f"{path.name}: {name} is not a whole number ({error}).", "", "path"
            ) from error
    keys = tuple(zip(*read, strict=True))
    twice = [key for key, count in Counter(keys).items() if count > 1]
    if twice:
        raise ForensicsError(
            f"{path.name} has {len(twice)} rows more than once, for example {twice[0]}.",
            "Keep one score for each, or name the faces by face_index.",
            "path",
        )
    return keys


def _probabilities(values: np.ndarray, path: Path, column: str) -> np.ndarray:
    outside = (values < -_NOISE) | (values > 1 + _NOISE)
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        raise ForensicsError(
            f"{path.name}, line {row + 2}: {column} is {values[row]:g}, outside [0, 1].",
            "Divide percentages by 100. If these are logits, say so (scale='logit')."
            if 1 < np.nanmax(values) <= 100 and np.nanmin(values) >= 0
            else "If these are logits, say so (scale='logit').",
            "path",
        )
    return np.clip(values, 0, 1)


def _path(path: str | Path) -> Path:
    found = given(path, "path")
    if found.suffix.lower() not in FORMATS:
        raise ForensicsError(
            f"{found.name!r} is not a table format that can be written.",
            f"Use {', '.join(FORMATS)}.",
            "path",
        )
    return found
