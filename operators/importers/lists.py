"""Reads the lists that datasets ship (JSON, CSV, plain text); errors name the line.

A path in a list is untrusted input: :func:`inside` accepts only places under the root.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ...detector.errors import ForensicsError
from .tree import Tree

_DRIVE = re.compile(r"^[A-Za-z]:")


def read_text(tree: Tree, rel: str) -> str:
    """Return the text of a list, decoded by :func:`decoded`.

    Raises:
        ForensicsError: unreadable, or not UTF-8 (with the line of the first bad byte)
    """
    try:
        data = Path(tree.absolute(rel)).read_bytes()
    except OSError as error:
        raise ForensicsError(
            f"{rel} cannot be read: {error.strerror or error}.", "Check its permissions.", "root"
        ) from error
    tree.claim(rel)
    try:
        return unicodedata.normalize("NFC", decoded(data))  # as in Tree's names
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ForensicsError(
            f"{rel}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8.",
            "Save the list as UTF-8 text.",
            "root",
        ) from error


def decoded(data: bytes, errors: str = "strict") -> str:
    """Return text that is UTF-8, or UTF-16 with a byte order mark as Excel writes it.

    Raises:
        UnicodeDecodeError: neither
    """
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if marked else "utf-8-sig", errors)


def separator_of(header: str) -> str:
    """Return the separator of a CSV header: a comma, else a semicolon or a tab that is there."""
    return next((sign for sign in ",;\t" if sign in header), ",")


def read_json(tree: Tree, rel: str, kind: type | tuple[type, ...] = (dict, list)) -> Any:
    """Return the value in a JSON file.

    Args:
        tree: the root
        rel: path of the file
        kind: type(s) that its top level must have

    Raises:
        ForensicsError: malformed (with line and column), nested too deeply, an object that has a
            key twice, NaN or infinity, or a top level of another type
    """
    text = read_text(tree, rel)
    again = "Download the list again, or repair that line."

    def with_each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):  # json would keep the last one silently
            raise _key_twice(rel, text, [key for key, _ in pairs])
        return value

    def no_number(word: str) -> Any:
        raise ForensicsError(f"{rel}: {word} is no JSON number.", again, "root")

    try:
        value = json.loads(text, object_pairs_hook=with_each_key_once, parse_constant=no_number)
    except json.JSONDecodeError as error:
        raise ForensicsError(
            f"{rel}, line {error.lineno}, column {error.colno}: not valid JSON ({error.msg}).",
            again,
            "root",
        ) from error
    except RecursionError as error:
        raise ForensicsError(f"{rel} is nested too deeply.", again, "root") from error
    except ForensicsError:
        raise
    except ValueError as error:  # for example a number with thousands of digits
        raise ForensicsError(f"{rel}: {error}.", again, "root") from error
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        names = " or ".join({"dict": "object", "list": "array"}[k.__name__] for k in kinds)
        raise ForensicsError(
            f"{rel}: the top level must be a JSON {names}, not {type(value).__name__}.",
            "This is not the list that the dataset ships.",
            "root",
        )
    return value


def _key_twice(rel: str, text: str, keys: list[str]) -> ForensicsError:
    """Return the error for an object that has a key twice; the parser would drop one silently."""
    key, _ = Counter(keys).most_common(1)[0]
    found = list(re.finditer(re.escape(json.dumps(key, ensure_ascii=False)) + r"\s*:", text))
    # With more than two matches it is unknown which of them are in the same object.
    line = f", line {text.count(chr(10), 0, found[1].start()) + 1}" if len(found) == 2 else ""
    return ForensicsError(f"{rel}{line}: {key!r} occurs twice.", "Remove one of them.", "root")


def read_lines(tree: Tree, rel: str) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, stripped text) of each line that is not empty."""
    for number, line in enumerate(read_text(tree, rel).splitlines(), start=1):
        text = line.strip()
        if text:
            yield number, text


def read_csv(
    tree: Tree, rel: str, required: Iterable[str] = (), delimiter: str = ""
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, row) of a CSV file; header names are stripped and in lower case.

    The separator is :func:`separator_of` the header, unless ``delimiter`` says it.

    Raises:
        ForensicsError: a required column is missing, a name occurs twice, or a row has more or
            fewer cells than the header
    """
    text = read_text(tree, rel)
    delimiter = delimiter or separator_of(text.partition("\n")[0])
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        header = [name.strip().lower() for name in next(reader)]
    except StopIteration:
        raise ForensicsError(f"{rel} is empty.", "It needs a header line.", "root") from None
    except csv.Error as error:
        raise ForensicsError(f"{rel}, line 1: {error}.", "", "root") from error
    strange = [name for name in header if not name.isprintable()]
    if strange:
        raise ForensicsError(
            f"{rel}, line 1: {strange[0]!r} is not a column name.", "Repair the header.", "root"
        )
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise ForensicsError(f"{rel}, line 1: column {twice[0]!r} occurs twice.", "", "root")
    absent = [name for name in required if name not in header]
    if absent:
        raise ForensicsError(
            f"{rel}, line 1: column {absent[0]!r} is missing.",
            f"The header has: {', '.join(header)}.",
            "root",
        )
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise ForensicsError(
                    f"{rel}, line {reader.line_num}: {len(cells)} cells, "
                    f"but the header has {len(header)}.",
                    "Repair that line.",
                    "root",
                )
            yield (
                reader.line_num,
                {k: v.strip() for k, v in zip(header, cells, strict=True) if k},
            )
    except csv.Error as error:
        raise ForensicsError(f"{rel}, line {reader.line_num}: {error}.", "", "root") from error


def inside(entry: str, where: str) -> str:
    """Return a path from a list as a clean relative POSIX path.

    Args:
        entry: the path as the list writes it; Windows separators are accepted
        where: list and line, for the message

    Raises:
        ForensicsError: empty, absolute, or with ``..``
    """
    text = entry.replace("\\", "/").strip()
    if not text or "\0" in text:
        raise ForensicsError(f"{where}: the path is empty.", "Repair that line.", "root")
    if text.startswith("/") or _DRIVE.match(text):
        raise ForensicsError(
            f"{where}: {entry!r} is an absolute path.",
            "Lists may only name files below the chosen folder.",
            "root",
        )
    if ".." in text.split("/"):
        raise ForensicsError(
            f"{where}: {entry!r} leaves the chosen folder.",
            "Lists may only name files below the chosen folder.",
            "root",
        )
    return posixpath.normpath(text)


def bad_entry(where: str, message: str) -> ForensicsError:
    """Return the error for a malformed entry of a list."""
    return ForensicsError(f"{where}: {message}", "Repair that entry.", "root")
