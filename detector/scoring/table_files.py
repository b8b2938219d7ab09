"""Reads tables in any dialect that tools write: encodings, separators, decimal commas, formats.

Every cell is returned as its text in the file, so that an id like ``007`` or ``NA`` is preserved.
The caller decides which columns are numbers. Parquet and Excel have typed cells, which are
converted to text without loss.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ForensicsError
from ..files import packages

TEXT = (".csv", ".tsv", ".txt")
LINES = (".jsonl", ".ndjson", ".json")
FORMATS = (*TEXT, *LINES, ".parquet", ".xlsx")
_SEPARATORS = (",", ";", "\t", "|")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LARGEST_FIELD = 1 << 20


def read_table(path: Path) -> dict[str, list[str]]:
    """Return the columns of a table, in the order of the file; an empty cell is "".

    Args:
        path: one of :data:`FORMATS`, by its suffix

    Raises:
        ForensicsError: missing or unreadable file, another format, a row of different length
            (gives its line), a duplicate column name, or no rows
    """
    if path.suffix.lower() not in FORMATS:
        raise ForensicsError(
            f"{path.name!r} is not a table format that can be read.",
            f"Use {', '.join(FORMATS)}.",
            "path",
        )
    if not path.is_file():
        raise ForensicsError(f"There is no file {path}.", "Check the path.", "path")
    header, rows = _read(path)
    header = [name.strip() for name in header]
    low = [name.lower() for name in header]
    twice = sorted({name for name in low if low.count(name) > 1 and name})
    if twice:
        raise ForensicsError(
            f"{path.name} has the column {twice[0]!r} more than once.", "Rename one.", "path"
        )
    if not rows:
        raise ForensicsError(f"{path.name} holds no rows.", "Check the export.", "path")
    named = [at for at, name in enumerate(header) if name]  # pandas writes its index unnamed
    return {header[at]: [row[at] for row in rows] for at in named}


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    suffix = path.suffix.lower()
    try:
        if suffix in TEXT:
            return _rows_of_text(_decoded(path.read_bytes()), path.name)
        if suffix in LINES:
            return _rows_of_json(_decoded(path.read_bytes()), path.name)
        return _rows_of_frame(path)
    except (OSError, ValueError, csv.Error, ImportError) as error:
        if isinstance(error, ForensicsError):
            raise
        raise ForensicsError(
            f"{path.name} cannot be read ({type(error).__name__}: {error}).",
            "It may be truncated, or not a table.",
            "path",
        ) from error


def _decoded(data: bytes) -> str:
    """Return the text: by byte order mark, else UTF-16 (many zeros), UTF-8 or Windows-1252."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data.decode(name)
    head = data[:400]
    if head.count(0) > len(head) // 4:
        return data.decode("utf-16-le" if head[1:2] == b"\0" else "utf-16-be")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252")


def _rows_of_text(text: str, name: str) -> tuple[list[str], list[list[str]]]:
    csv.field_size_limit(_LARGEST_FIELD)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").splitlines(keepends=True)
    notes = next((at for at, line in enumerate(lines) if not line.startswith("#")), 0)
    del lines[:notes]
    first = 1 if lines and lines[0].lower().startswith("sep=") else 0  # Excel's separator line
    separator = lines[0].strip()[4:] or "," if first else _separator(lines[:20])
    reader = csv.reader(io.StringIO("".join(lines[first:])), delimiter=separator, strict=True)
    header: list[str] = []
    rows: list[list[str]] = []
    for row in reader:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if not header:
            header = cells
            continue
        if len(cells) != len(header):
            raise ForensicsError(
                f"{name}, line {reader.line_num + first + notes}: {len(cells)} cells, the header "
                f"has {len(header)}.",
                f"Cells are separated by {separator!r}; put quotes round a cell that holds one.",
                "path",
            )
        rows.append(cells)
    return header, rows


def _separator(lines: list[str]) -> str:
    """Return the separator that gives most cells per line, the same number in every line."""
    best, most = ",", 1
    for sign in _SEPARATORS:
        counts = {len(row) for row in csv.reader(lines, delimiter=sign) if row}
        if len(counts) == 1 and (count := counts.pop()) > most:
            best, most = sign, count
    if most == 1:  # no separator fits every line: take the most frequent one in the header
        best = max(_SEPARATORS, key=lambda sign: lines[0].count(sign) if lines else 0)
    return best


def _rows_of_json(text: str, name: str) -> tuple[list[str], list[list[str]]]:
    """Read objects by line, a list of objects, columns, or an object of ids and scores."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):  # json would keep the last one without a word
            names = [key for key, _ in pairs]
            twice = next(key for key in names if names.count(key) > 1)
            raise ForensicsError(f"{name}: {twice!r} occurs twice.", "Keep one of them.", "path")
        return found

    try:
        content = json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError:
        lines = [line for line in text.splitlines() if line.strip()]
        content = [json.loads(line, object_pairs_hook=once) for line in lines]
    if isinstance(content, Mapping):
        if all(isinstance(value, int | float) for value in content.values()):
            return ["filepath", "p_fake"], [[str(k), _text(v)] for k, v in content.items()]
        content = _rows_of_object(content)
    if not isinstance(content, list) or not all(isinstance(row, Mapping) for row in content):
        raise ForensicsError(f"{name} holds no table of objects.", "", "path")
    header = list(dict.fromkeys(str(key) for row in content for key in row))
    return header, [[_text(row.get(key)) for key in header] for row in content]


def _rows_of_object(content: Mapping[str, Any]) -> Any:
    """Return the rows of an object: of columns, of one list of objects, or of objects by file."""
    values = list(content.values())
    tables = [v for v in values if isinstance(v, list) and v and isinstance(v[0], Mapping)]
    if len(tables) == 1:
        return tables[0]
    if all(isinstance(value, list) for value in values) and len({len(v) for v in values}) == 1:
        return [dict(zip(content, row, strict=True)) for row in zip(*values, strict=True)]
    rows = [list(value) for value in values if isinstance(value, Mapping)]
    alike = len(rows) == len(values) and all(row == rows[0] for row in rows)
    if alike and all(str(key).isdigit() for key in rows[0]):  # pandas: cells by row number
        return [{name: content[name][key] for name in content} for key in rows[0]]
    return [{"filepath": k, **v} if isinstance(v, Mapping) else v for k, v in content.items()]


def _rows_of_frame(path: Path) -> tuple[list[str], list[list[str]]]:
    import pandas as pd

    if path.suffix.lower() == ".parquet":
        packages.require(packages.PARQUET, "path")
        frame = pd.read_parquet(path)
        frame = frame.reset_index() if frame.index.name else frame
    else:
        packages.require(packages.EXCEL, "path")
        sheets = pd.read_excel(
            path, sheet_name=None, dtype=object, keep_default_na=False, na_values=[""]
        )
        filled = [sheet for sheet, frame in sheets.items() if len(frame)]
        if len(filled) > 1:
            raise ForensicsError(
                f"{path.name} has {len(filled)} sheets with rows: {', '.join(filled[:8])}.",
                "Save the one with the scores as a file of its own.",
                "path",
            )
        frame = sheets[filled[0]] if filled else next(iter(sheets.values()))
    frame = frame.astype(object).where(frame.notna(), None)
    rows = [[_text(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    return [str(name) for name in frame.columns], rows


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value) if isinstance(value, float) else str(value)
