"""Finds the columns of a score table by their names, and reads their cells as numbers and words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..errors import ForensicsError
from ..metrics import ranks
from .table_columns import (
    CLASS_PAIRS,
    EITHER_COLUMNS,
    FAKE_WORDS,
    GRADE,
    KEY_COLUMNS,
    LABEL_COLUMNS,
    LOGIT_COLUMNS,
    LOGIT_PAIRS,
    OF_A_LABEL,
    OF_FAKE,
    PERCENT,
    PROBABILITY_COLUMNS,
    REAL_CLASS,
    REAL_WORDS,
    SCORE_COLUMNS,
    TRUTH_COLUMNS,
)

_HARD = re.compile(r"|[01](?:[.,]0*)?|true|false", re.IGNORECASE)  # a cell of a hard label


def plain_name(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_") if name != "_id" else name


def without_percent(plain: str) -> str:
    return "_".join(word for word in plain.split("_") if word not in PERCENT) or plain


def says_percent(column: str) -> bool:
    """Return whether the header says hundredths: ``Fake (%)``, ``fake_percent``."""
    sign = re.search(r"\(\s*%\s*\)|^\s*%|%\s*$", column)  # not of (95% CI) or 1%FPR
    return bool(sign) or not PERCENT.isdisjoint(plain_name(column).split("_"))


def label_of(text: str) -> int | None:
    """Return 0 for a word that means real, 1 for fake (``Real``, ``fake_face``, ``1.0``), or None.

    Words of both kinds in one text give None.
    """
    said = text.strip().lower()
    words = {said[:-2] if said in ("0.0", "1.0") else said, *re.split(r"[^a-z]+", said)}
    real, fake = not words.isdisjoint(REAL_WORDS), not words.isdisjoint(FAKE_WORDS)
    return None if real == fake else int(fake)


def truth_of(
    cells: Mapping[str, list[str]], by_name: Mapping[str, str], scores: str
) -> tuple[int | None, ...]:
    """Return the true label of each row (0 real, 1 fake, None unknown); () without a column."""
    name = next((n for n in TRUTH_COLUMNS if by_name.get(n, scores) != scores), None)
    if name is None:
        return ()
    said = [label_of(text) for text in cells[by_name[name]]]
    return tuple(1 - n if n is not None and name == "is_real" else n for n in said)


def is_of_real(column: str) -> bool:
    """Return whether the header says that its numbers rise with "real": ``p_real``, ``Real (%)``.

    ``is_real`` does not: it is a truth or a decision.
    """
    words = set(without_percent(plain_name(column)).split("_"))
    rest = words - REAL_CLASS
    return words != rest and len(rest) < 3 and rest <= GRADE | {"class"}


def score_column(
    cells: Mapping[str, list[str]], by_name: Mapping[str, str], scale: str, path: Path
) -> str:
    """Return the column with the scores, by its name; hard labels only if there is no other."""
    order = SCORE_COLUMNS
    if scale == "logit":
        order = (*LOGIT_COLUMNS, *PROBABILITY_COLUMNS, *EITHER_COLUMNS)
    there = [by_name[name] for name in order if name in by_name]
    if scale == "probability":  # logit columns are only used on request
        there = [name for name in there if plain_name(name) not in LOGIT_COLUMNS]
    graded = [name for name in there if any(not _HARD.fullmatch(cell) for cell in cells[name])]
    certain = [n for n in there if "fake" in plain_name(n) or plain_name(n) in OF_FAKE]
    certain = [n for n in certain if n in graded or plain_name(n) not in EITHER_COLUMNS]
    if not certain and (real := _of_real(cells, by_name, scale)):
        return real
    if not there:
        raise ForensicsError(
            f"{path.name} has no column with scores.",
            f"Name it p_fake (known: {', '.join(SCORE_COLUMNS)}), or say which: it has "
            f"{', '.join(cells)}.",
            "path",
        )
    if not graded and plain_name(there[0]) in EITHER_COLUMNS:
        raise ForensicsError(
            f"{path.name}: {there[0]!r} holds nothing but 0 and 1, so it may be the truth "
            "or a decision, not a score.",
            "Name the column with the scores, or this one if you mean it.",
            "column",
        )
    return graded[0] if graded else there[0]


def _of_real(cells: Mapping[str, list[str]], by_name: Mapping[str, str], scale: str) -> str | None:
    """Return the one column of graded scores of "real", or None."""
    found = [
        name
        for plain, name in by_name.items()
        if is_of_real(name)
        and ("logit" in plain) == (scale == "logit")
        and any(not _HARD.fullmatch(cell) for cell in cells[name])
    ]
    return found[0] if len(set(found)) == 1 else None


def key_columns(
    cells: Mapping[str, list[str]], by_name: Mapping[str, str], scores: str, path: Path
) -> dict[str, str]:
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
    videos = cells[by_name[found["filepath"]]] if "filepath" in found else []
    if "frame_number" in found and len(set(videos)) < len(videos):  # one path per video
        more = {k: found[k] for k in ("frame_number", "face_index") if k in found}
        return {"video_id": found["filepath"], **more}
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


def require_of_fake(
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
    if beside is None or beside == found or plain_name(found) not in OF_A_LABEL:
        return
    real = [label_of(text) == 0 for text in cells[beside]]
    if any(real) and (values[np.isfinite(values)] >= 0.5).all():
        raise ForensicsError(
            f"{path.name}: {found!r} is at least 0.5 in every row, also where {beside!r} says "
            f"{cells[beside][real.index(True)]!r}: it may be the confidence in that label.",
            "Write the probability of 'fake' as p_fake, or name the column if it is that.",
            "column",
        )


def margin_beside(
    cells: Mapping[str, list[str]], by_name: Mapping[str, str], p_fake: np.ndarray, path: Path
) -> np.ndarray | None:
    """Return (N,) the logits beside probabilities, if they are those of ``p_fake``; else None."""
    pairs = [pair for pair in LOGIT_PAIRS if pair not in CLASS_PAIRS and set(pair) <= set(by_name)]
    singles = [(None, name) for name in LOGIT_COLUMNS if name in by_name]
    for real, fake in (*pairs, *singles):
        try:
            margin = numbers(cells[by_name[fake]], path, by_name[fake])
            if real is not None:
                margin = margin - numbers(cells[by_name[real]], path, by_name[real])
        except ForensicsError:  # lists or infinities: the probabilities are what is asked for
            continue
        if np.isfinite(margin).any() and not ranks.contradict(p_fake, margin):
            return margin
    return None


def margin_of_pair(
    cells: Mapping[str, list[str]],
    by_name: Mapping[str, str],
    found: str,
    p_fake: np.ndarray,
    path: Path,
) -> np.ndarray | None:
    """Return (N,) the log ratio of two class probabilities; None without both."""
    for real, fake in CLASS_PAIRS:
        if fake == found and real in by_name:
            other = numbers(cells[by_name[real]], path, by_name[real])
            margin = log_ratio(p_fake, other)
            return None if ranks.contradict(p_fake, margin) else margin
    return None


def log_ratio(p_fake: np.ndarray, p_real: np.ndarray) -> np.ndarray:
    """Return (N,) the margin of two class probabilities, NaN without one.

    Where one is 0, it was rounded: the margin is that of the farthest row, or 37 if none is.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        margin = np.log(p_fake) - np.log(p_real)
    finite = np.abs(margin[np.isfinite(margin)])
    far = max(37.0, finite.max(initial=0.0))
    return np.where(np.isinf(margin), np.copysign(far, margin), margin)


def whole(text: str) -> int:
    """Return the whole number in a cell (``12`` or ``12.0``).

    Raises:
        ValueError: none, as 12.5, which may be a time
    """
    value = float(text)
    if not value.is_integer():
        raise ValueError(f"{text!r}: a time?")
    return int(value)


def numbers(cells: list[str], path: Path, column: str) -> np.ndarray:
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
