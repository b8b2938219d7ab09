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
import re
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
from .table_columns import (
    CLASS_PAIRS,
    EITHER_COLUMNS,
    KEY_COLUMNS,
    LABEL_COLUMNS,
    LOGIT_COLUMNS,
    LOGIT_PAIRS,
    OF_A_LABEL,
    PROBABILITY_COLUMNS,
    REAL_WORDS,
    SCORE_COLUMNS,
)
from .table_files import read_table

#: Formats for writing; for reading see :mod:`.table_files`.
FORMATS = (".csv", ".parquet", ".tsv", ".jsonl", ".xlsx")
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
    """

    level: str
    keys: tuple[tuple[Any, ...], ...]
    key_columns: tuple[str, ...]
    p_fake: np.ndarray
    reasons: tuple[str, ...]
    margin: np.ndarray | None = None
    score_column: str = ""


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
    path: str | Path, scale: str = "probability", column: str | None = None
) -> ScoreTable:
    """Return the checked scores of a file.

    Args:
        path: a table, see :mod:`.table_files`
        scale: ``probability`` (in [0, 1]) or ``logit`` (any finite number; its sigmoid is taken)
        column: the column with the scores; by default the first known one. A column of hard
            labels (only 0 and 1) is taken only if there is no other

    Raises:
        ForensicsError: missing or unreadable file, missing column, no rows, duplicate row, a score
            that is not a number or outside [0, 1] (gives the row), or an unknown scale
    """
    path = given(path, "path")
    if scale not in ("probability", "logit"):
        raise ForensicsError(
            f"There is no scale {scale!r}.", "Known: probability, logit.", field="scale"
        )
    cells = read_table(path)
    by_name = {_plain_name(name): name for name in cells}
    named = column if column in cells else by_name.get(_plain_name(column or ""))
    if column is not None and named is None:
        raise ForensicsError(
            f"{path.name} has no column {column!r}.", f"It has {', '.join(cells)}.", "column"
        )
    found = named or _score_column(cells, by_name, scale, path)
    key_columns = _key_columns(by_name, found, path)
    keys = _keys({k: cells[by_name[n]] for k, n in key_columns.items()}, path)
    reasons = cells[by_name["reason"]] if "reason" in by_name else [""] * len(keys)
    values = _numbers(cells[found], path, found)
    if column is None and scale == "probability":
        _require_of_fake(values, cells, by_name, found, path)
    margin = None
    if scale == "logit":
        for real, fake in LOGIT_PAIRS:
            if fake == _plain_name(found) and real in by_name:
                values = values - _numbers(cells[by_name[real]], path, by_name[real])
        margin, values = values, ranks.sigmoid(values)
    elif "margin" in by_name and _plain_name(found) != "margin":
        margin = _numbers(cells[by_name["margin"]], path, by_name["margin"])
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
        margin = _margin_of_pair(cells, by_name, _plain_name(found), values, path)
    level = "video" if tuple(key_columns) == ("video_id",) else "face"
    return ScoreTable(
        level,
        keys,
        tuple(key_columns),
        _probabilities(values, path, found),
        tuple(from_cell(text) for text in reasons),
        margin,
        found,
    )


def _require_of_fake(
    values: np.ndarray,
    cells: Mapping[str, list[str]],
    by_name: Mapping[str, str],
    found: str,
    path: Path,
) -> None:
    """Raise :class:`ForensicsError` if scores seem to be those of the label beside them.

    They do if some rows are labelled real, and no score is below a half.
    """
    beside = next((by_name[n] for n in LABEL_COLUMNS if n in by_name), None)
    if beside is None or beside == found or _plain_name(found) not in OF_A_LABEL:
        return
    real = [text.strip().lower() in REAL_WORDS for text in cells[beside]]
    if any(real) and (values[np.isfinite(values)] >= 0.5).all():
        raise ForensicsError(
            f"{path.name}: {found!r} is at least 0.5 in every row, also where {beside!r} says "
            f"{cells[beside][real.index(True)]!r}: it may be the confidence in that label.",
            "Write the probability of 'fake' as p_fake, or name the column if it is that.",
            "column",
        )


def _margin_of_pair(
    cells: Mapping[str, list[str]],
    by_name: Mapping[str, str],
    found: str,
    p_fake: np.ndarray,
    path: Path,
) -> np.ndarray | None:
    """Return (N,) the log ratio of two class probabilities, NaN if one is 0; None without both."""
    for real, fake in CLASS_PAIRS:
        if fake == found and real in by_name:
            other = _numbers(cells[by_name[real]], path, by_name[real])
            with np.errstate(divide="ignore", invalid="ignore"):
                margin = np.log(p_fake) - np.log(other)
            margin[~np.isfinite(margin)] = np.nan
            return None if ranks.contradict(p_fake, margin) else margin
    return None


def _plain_name(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_") if name != "_id" else name


def _score_column(
    cells: Mapping[str, list[str]], by_name: Mapping[str, str], scale: str, path: Path
) -> str:
    """Return the column with the scores, by its name; hard labels only if there is no other."""
    order = SCORE_COLUMNS
    if scale == "logit":
        order = (*LOGIT_COLUMNS, *PROBABILITY_COLUMNS, *EITHER_COLUMNS)
    there = [by_name[name] for name in order if name in by_name]
    if scale == "probability":  # logit columns are only used on request
        there = [name for name in there if _plain_name(name) not in LOGIT_COLUMNS]
    graded = [name for name in there if not set(cells[name]) <= {"0", "1", "0.0", "1.0", ""}]
    if not there:
        raise ForensicsError(
            f"{path.name} has no column with scores.",
            f"Name it p_fake (known: {', '.join(SCORE_COLUMNS)}), or say which: it has "
            f"{', '.join(cells)}.",
            "path",
        )
    if not graded and _plain_name(there[0]) in EITHER_COLUMNS:
        raise ForensicsError(
            f"{path.name}: {there[0]!r} holds nothing but 0 and 1, so it may be the truth "
            "or a decision, not a score.",
            "Name the column with the scores, or this one if you mean it.",
            "column",
        )
    return graded[0] if graded else there[0]


def _key_columns(by_name: Mapping[str, str], scores: str, path: Path) -> dict[str, str]:
    """Return key column of the dataset -> (plain) name of the table's column for it."""
    found = {}
    for key, names in KEY_COLUMNS.items():
        there = [n for n in names if n in by_name and by_name[n] != scores]
        if there:
            found[key] = there[0]
    if "sample_id" in found:
        return {"sample_id": found["sample_id"]}
    if "video_id" in found and "frame_number" in found:
        return {k: found[k] for k in ("video_id", "frame_number", "face_index") if k in found}
    for key in ("filepath", "video_id"):
        if key in found and (key == "video_id" or found[key] not in ("name", "id")):
            return {key: found[key]}
    if "filepath" in found:
        return {"filepath": found["filepath"]}
    raise ForensicsError(
        f"{path.name} does not say which video or face a row is of.",
        "Add video_id (and frame_number for faces), sample_id or filepath.",
        "path",
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
            read.append([int(float(c)) if numeric else from_cell(c).strip() for c in cells])
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


def _numbers(cells: list[str], path: Path, column: str) -> np.ndarray:
    """Return numbers (N,) float64, NaN if empty; commas are decimal if no cell has a point."""
    cells = [text.replace("\u2212", "-") for text in cells]
    commas = any("," in text for text in cells) and not any("." in text for text in cells)
    out = np.full(len(cells), np.nan)
    for row, given_text in enumerate(cells):
        text = given_text.replace(",", ".") if commas else given_text
        if text.lower() in ("", "nan", "na", "n/a", "none", "null"):
            continue
        try:
            out[row] = float(text)
        except ValueError:
            out[row] = np.inf
        if not np.isfinite(out[row]):
            raise ForensicsError(
                f"{path.name}, line {row + 2}: {column} is {given_text!r}, which is not a number.",
                "Leave the cell empty where there is no score.",
                "path",
            )
    return out


def _probabilities(values: np.ndarray, path: Path, column: str) -> np.ndarray:
    outside = (values < -_NOISE) | (values > 1 + _NOISE)
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        raise ForensicsError(
            f"{path.name}, line {row + 2}: {column} is {values[row]:g}, outside [0, 1].",
            "If these are logits, say so (scale='logit').",
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
