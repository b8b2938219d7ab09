"""Miniature trees with real, tiny media, and a comparison with records written out by hand."""

from __future__ import annotations

import io
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def clip() -> bytes:
    """A real mp4: five frames of 64 x 64 pixels."""
    import av
    import numpy as np

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for i in range(5):
            image = np.full((64, 64, 3), 40 * i, dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def picture() -> bytes:
    """A real png of 16 x 16 pixels."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (90, 60, 30)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def plant(tmp_path, clip, picture):
    """Make a tree: ``plant(root name, paths, {path: text})`` gives the root.

    Paths are given one a line; ``{a,b}`` and ``{0..3}`` are expanded as a shell does.
    """

    def make(name: str, paths: str = "", texts: dict[str, str | bytes] | None = None) -> Path:
        root = tmp_path / name
        root.mkdir(parents=True, exist_ok=True)
        for line in paths.split("\n"):
            for path in braces(line.strip()):
                if not path:
                    continue
                target = root / path
                if path.endswith("/"):
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                still = target.suffix.lower() in (".png", ".jpg", ".jpeg", ".bmp")
                target.write_bytes(picture if still else clip + _own_bytes(path))
        for path, text in (texts or {}).items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text if isinstance(text, bytes) else text.encode())
        return root

    return make


def _own_bytes(name: str) -> bytes:
    """A box that no reader looks into: each clip is a file of its own, as each real video is."""
    return (8 + len(name.encode())).to_bytes(4, "big") + b"free" + name.encode()


def braces(text: str) -> list[str]:
    """Brace expansion, one level deep, left to right."""
    start = text.find("{")
    if start < 0:
        return [text]
    end = text.index("}", start)
    return [
        text[:start] + choice + rest
        for choice in text[start + 1 : end].split(",")
        for rest in braces(text[end + 1 :])
    ]


@pytest.fixture
def agree():
    """Compare records with a table: a header of field names, then a row per record.

    ``path`` is relative to the root, ``-`` is None (or no parents, no attribute), ``group`` a
    letter that the records of one group share, ``frames`` the frame numbers, ``name=`` columns
    are attributes (``@identity``).
    """

    def compare(plan, text: str) -> None:
        lines = [line.split() for line in text.strip().splitlines()]
        header, expected = lines[0], lines[1:]
        assert all(len(row) == len(header) for row in expected), "a row has another length"
        got = sorted(_row(plan, record, header) for record in plan.records)
        groups = {}
        for row, record in zip(
            got, sorted(plan.records, key=lambda r: _row(plan, r, header)), strict=True
        ):
            del row
            groups.setdefault(record.group_id, len(groups))
        where = header.index("group") if "group" in header else None
        want = sorted(tuple(c for i, c in enumerate(r) if i != where) for r in expected)
        have = sorted(tuple(c for i, c in enumerate(r) if i != where) for r in got)
        assert have == want
        if where is not None:
            assert _partition(got, where) == _partition([tuple(r) for r in expected], where)

    return compare


def _partition(rows, where):
    """Groups as a set of sets of the other columns, whatever they are called."""
    parts = {}
    for row in rows:
        parts.setdefault(row[where], []).append(tuple(c for i, c in enumerate(row) if i != where))
    return sorted(tuple(sorted(part)) for part in parts.values())


def _row(plan, record, header):
    cells = []
    for name in header:
        if name == "path":
            value = Path(record.path).relative_to(plan.root).as_posix()
        elif name == "group":
            value = record.group_id
        elif name == "frames":
            value = ",".join(str(number) for number, _ in record.frames)
        elif name == "mask":
            value = (
                None
                if record.mask_path is None
                else Path(record.mask_path).relative_to(plan.root).as_posix()
            )
        elif name.startswith("@"):
            value = record.attributes.get(name[1:])
        else:
            value = getattr(record, name)
        if value is None or value == "" or value == ():
            value = "-"
        cells.append(str(value).replace(" ", "~"))
    return tuple(cells)
