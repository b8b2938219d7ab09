"""Collects what the report of a case says: its stored records, pictures, and places in the App."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import fiftyone as fo

from ...detector.errors import ForensicsError
from ...detector.file_facts.file_reading import OUT_OF_SCOPE
from ...detector.file_facts.frame_hashes import near
from ...detector.files.allowed_roots import is_allowed
from ...detector.files.hashes import file_sha256
from ...detector.records import Reason
from ..cases import case_records
from ..dataset import fields
from .figures import person_number
from .limits import ALWAYS
from .thumbnails import Thumbnail, thumbnail


@dataclass(frozen=True)
class Driver:
    """A face that weighs much: its frame (from 1), time, score, picture and place in the App."""

    frame: int
    seconds: float | None
    p_fake: float | None
    picture: Thumbnail
    link: str


@dataclass(frozen=True)
class PersonFound:
    """A person as one detector sees it; ``comparable`` is a sentence on error rates."""

    number: str
    score: float | None
    verdict: str
    scored: int
    faces: int
    drivers: tuple[Driver, ...]
    comparable: str
    link: str


@dataclass(frozen=True)
class Finding:
    """What one detector found in a file; ``analysis`` is its stored record."""

    analysis: dict[str, Any]
    persons: tuple[PersonFound, ...]
    when: str


@dataclass(frozen=True)
class Place:
    """Where a file was found; ``state`` is what is there now: one of the constants below."""

    path: str
    state: str
    sha256: str = ""


#: States of a place: the very file, nothing, another one, not allowed, unreadable or not read.
THERE, GONE, CHANGED, OUTSIDE, UNREAD = "there", "moved", "changed", "outside", "unread"


@dataclass(frozen=True)
class FileFound:
    """One file of a case.

    Attributes:
        number: its place, from 1
        name, path, sha256: the file; ``path`` is where it was found last
        places: every path at which it was found
        findings: of each detector
        groups: what the file says of itself: (group, rows of name and value)
        copies: the same or similar files, in words
        unread: what it could not be compared with, in words
        near: (number of the file in this case, in words)
        link: place of its first face in the App, "" without one
    """

    number: int
    name: str
    path: str
    sha256: str
    places: tuple[Place, ...]
    findings: tuple[Finding, ...]
    groups: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    copies: tuple[str, ...]
    unread: tuple[str, ...]
    near: tuple[tuple[int, str], ...]
    link: str


@dataclass(frozen=True)
class CaseFacts:
    """Everything that the report of a case says."""

    name: str
    files: tuple[FileFound, ...]
    limits: tuple[str, ...]


def is_case(dataset: fo.Dataset) -> bool:
    """Return whether a dataset is one that 'Analyze file' makes."""
    return fields.describe(dataset).get("kind") == "analyses"


def app_address() -> str:
    """Return the address of this machine's App, as FiftyOne is configured."""
    host = fo.config.default_app_address or "localhost"
    return f"http://{host}:{fo.config.default_app_port}"


def collect_case(case: fo.Dataset, app: str, blur: bool, hash_files: bool) -> CaseFacts:
    """Read the records of a case, and the pictures of the faces that weigh most.

    Args:
        case: its dataset
        app: address of the App, for links
        blur: whether to hide the persons in the pictures
        hash_files: whether to read each file, to tell whether it is still the same

    Raises:
        ForensicsError: ``app`` is no address, or nothing was analyzed into this dataset
    """
    if not re.fullmatch(r"https?://[^\s\"'<>/?#]+(/[^\s\"'<>?#]*)?", app):
        raise ForensicsError(f"{app!r} is no address.", "Begin with http:// or https://.", "app")
    records = case_records.all_of(case)
    place = f"{app.rstrip('/')}/datasets/{quote(case.name, safe='')}"
    columns = case.values(["filepath", "id", fields.CROP_SHA256])
    samples = {path: (i, sha256 or "") for path, i, sha256 in zip(*columns, strict=True)}
    by_file: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        by_file.setdefault(record["analysis"]["sha256"], []).append(record)
    hashes = {sha: _hashes(rows[-1]) for sha, rows in by_file.items()}
    order = {sha: number for number, sha in enumerate(by_file, 1)}
    files = []
    for sha256, rows in by_file.items():
        path, places = _places(rows, sha256, hash_files)
        others = {sha: value for sha, value in hashes.items() if sha != sha256}
        alike = tuple(
            (order[one.name], f"{one.frames} of {one.of} frames, {one.bits:g} of 64 bits apart")
            for one in near(hashes[sha256], others)
        )
        findings = tuple(_finding(row, samples, place, blur) for row in rows)
        links = [person.link for one in findings for person in one.persons if person.link]
        files.append(
            FileFound(
                number=order[sha256],
                name=Path(path).name,
                path=path,
                sha256=sha256,
                places=places,
                findings=findings,
                groups=_groups(rows[-1]["facts"]),
                copies=tuple(dict.fromkeys(text for row in rows for text in row["copies"])),
                unread=tuple(rows[-1]["unread"].values()),
                near=alike,
                link=links[0] if links else "",
            )
        )
    return CaseFacts(case.name, tuple(files), (*OUT_OF_SCOPE, *ALWAYS))


def _places(
    rows: Sequence[dict[str, Any]], sha256: str, hash_files: bool
) -> tuple[str, tuple[Place, ...]]:
    """Return where a file was found last, and what is now at each of its places."""
    paths = [path for row in rows for path in row["paths"]]
    places = tuple(_place(path, sha256, hash_files) for path in dict.fromkeys(paths))
    there = [place.path for place in places if place.state == THERE]
    return (there or paths)[-1], places


def _place(path: str, sha256: str, hash_files: bool) -> Place:
    if not is_allowed(path):
        return Place(path, OUTSIDE)
    if not Path(path).is_file():
        return Place(path, GONE)
    if not hash_files:
        return Place(path, UNREAD)
    try:
        found = file_sha256(Path(path))
    except OSError:
        return Place(path, UNREAD)
    return Place(path, THERE if found == sha256 else CHANGED, found)


def _finding(
    record: dict[str, Any], samples: dict[str, tuple[str, str]], place: str, blur: bool
) -> Finding:
    analysis = record["analysis"]
    rates = analysis.get("comparable") or []
    persons = []
    for i, person in enumerate(analysis["persons"]):
        rows = {row["frame"]: row for row in person["timeline"]}
        drivers = tuple(
            _driver(rows[frame], samples, place, blur)
            for frame in person["drivers"]
            if frame in rows
        )
        linked = [samples[row["crop"]][0] for row in rows.values() if row["crop"] in samples]
        persons.append(
            PersonFound(
                number=person_number(person["track"]),
                score=person["score"],
                verdict=person.get("verdict") or "",
                scored=person["scored"],
                faces=len(person["timeline"]),
                drivers=drivers,
                comparable=rates[i] if i < len(rates) else "",
                link=f"{place}?id={linked[0]}" if linked else "",
            )
        )
    return Finding(analysis, tuple(persons), f"{record['when'][:19]} UTC")


def _driver(
    row: dict[str, Any], samples: dict[str, tuple[str, str]], place: str, blur: bool
) -> Driver:
    path = row["crop"]
    sample, sha256 = samples.get(path, ("", ""))
    if path is None or not is_allowed(path):
        picture = Thumbnail(None, None, Reason.MISSING_FILE.value)
    else:
        picture = thumbnail(path, sha256, blur)
    return Driver(
        frame=fields.frame_number(row["frame"]),
        seconds=row["seconds"],
        p_fake=row["p_fake"],
        picture=picture,
        link=f"{place}?id={sample}" if sample else "",
    )


def _hashes(record: dict[str, Any]) -> tuple[int, ...]:
    return tuple(int(value, 16) for value in record["hashes"])


def _groups(
    rows: Sequence[dict[str, str]],
) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    found: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        found.setdefault(row["group"], []).append((row["name"], row["value"]))
    return tuple((group, tuple(pairs)) for group, pairs in found.items())
