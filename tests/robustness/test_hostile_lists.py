"""Lists, manifests and trees of strangers: a plan that can be written, or words; never a crash."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest
from bson import BSON
from hypothesis import HealthCheck, given, settings, strategies as st
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.importers.contract import ImportOptions
from media_forensics.operators.importers.plan import ImportPlan, plan_import

UNIT_SECONDS = 30  # expected are milliseconds


def outcome(root: Path, format: str = "auto", **options) -> ImportPlan | str:
    """The plan, checked to be one that a database takes, or what was said."""

    def late(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, late)
    signal.alarm(UNIT_SECONDS)
    try:
        plan = plan_import(root, format, ImportOptions(**options))
    except ForensicsError as error:
        assert error.message
        return str(error)
    finally:
        signal.alarm(0)
    base = os.path.realpath(root) + os.sep
    for record in plan.records:
        files = [path for _, path in record.frames] or [record.path]
        for path in [*files, record.mask_path]:
            assert path is None or (os.path.realpath(path) + os.sep).startswith(base)
        assert record.label in (0, 1)
        row = {"id": record.video_id, "attributes": dict(record.attributes)}
        row |= {"numbers": [number for number, _ in record.frames], "pair": record.pair_id}
        BSON.encode(row)
    json.dumps(plan.report.to_json())
    return plan


def put(path: Path, data: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass"))
    return path


@pytest.fixture
def ffpp(tmp_path) -> Path:
    """FaceForensics++'s tree; the split lists are what the tests replace."""
    for name in ("000", "003"):
        put(tmp_path / f"original_sequences/youtube/c23/videos/{name}.mp4", b"x")
    put(tmp_path / "manipulated_sequences/Deepfakes/c23/videos/000_003.mp4", b"x")
    for split in ("val", "test"):
        put(tmp_path / f"dataset/splits/{split}.json", "[]")
    return tmp_path


@pytest.fixture
def dfdc(tmp_path) -> Path:
    """One DFDC part with three videos and its metadata.json."""
    for name in "abc":
        put(tmp_path / f"dfdc_train_part_0/{name * 10}.mp4", b"x")
    return tmp_path


@pytest.fixture
def listed(tmp_path) -> Path:
    """A folder for a manifest, with two videos and something outside it."""
    root = tmp_path / "root"
    for name in ("a", "b"):
        put(root / f"{name}.mp4", b"x")
    put(tmp_path / "secret.mp4", b"x")
    (root / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    return root


DEEP = "[" * 100_000 + "]" * 100_000
LONG_NUMBER = "9" * 5000
JSON_TEXTS = {
    "empty": "",
    "deep": DEEP,
    "deep object": '{"a":' * 100_000,
    "nan": '[["000", NaN]]',
    "infinity": '[["000", Infinity]]',
    "long number": f"[[{LONG_NUMBER}, 1]]",
    "huge number": "[[1e999, 1]]",
    "half pair": '[["\\ud800", "003"]]',
    "twice": '{"000": "003", "000": "007"}',
    "numbers": "[[0, 3]]",
    "flat": '["000", "003"]',
    "three": '[["000", "003", "007"]]',
    "null": "null",
    "nulls": "[[null, null]]",
    "objects": '[{"a": 1}]',
    "climbs": '[["../../../etc/passwd", "/etc/passwd"]]',
    "utf-16": '[["000", "003"]]'.encode("utf-16"),
    "latin-1": '[["é", "003"]]'.encode("latin-1"),
    "mixed": '[["é", "003"], '.encode() + '["é", "1"]]'.encode("latin-1"),
    "zero bytes": b'[["000\0", "003"]]',
    "comment": '[["000", "003"]] // the pairs',
    "two values": "[] []",
    "bom twice": b"\xef\xbb\xbf\xef\xbb\xbf[]",
    "huge": "[" + '["000", "003"],' * 200_000 + '["000", "003"]]',
}


@pytest.mark.parametrize("name", JSON_TEXTS)
def test_json_lists(name, ffpp, dfdc):
    put(ffpp / "dataset/splits/train.json", JSON_TEXTS[name])
    outcome(ffpp, "faceforensics")
    put(dfdc / "dfdc_train_part_0/metadata.json", JSON_TEXTS[name])
    outcome(dfdc, "dfdc")


def test_a_key_that_is_there_twice_is_said(dfdc):
    a = '"aaaaaaaaaa.mp4": {"label": "REAL", "split": "train"}'
    put(dfdc / "dfdc_train_part_0/metadata.json", "{" + a + "," + a.replace("REAL", "FAKE") + "}")
    said = outcome(dfdc, "dfdc")
    assert isinstance(said, str) and "twice" in said and "aaaaaaaaaa.mp4" in said


def test_a_number_that_is_none_is_said(dfdc):
    put(dfdc / "dfdc_train_part_0/metadata.json", '{"aaaaaaaaaa.mp4": {"label": NaN}}')
    said = outcome(dfdc, "dfdc")
    assert isinstance(said, str) and "NaN" in said


MANIFESTS = {
    "absolute": "path,label\n/etc/passwd,real\n",
    "climbs": "path,label\n../secret.mp4,real\n",
    "climbs in the middle": "path,label\nx/../../secret.mp4,real\n",
    "windows": "path,label\nC:\\secret.mp4,real\n",
    "back slashes": "path,label\n..\\secret.mp4,real\n",
    "link": "path,label\nlink.mp4,real\n",
    "itself": "path,label\nmanifest.csv,real\n",
    "mask climbs": "path,label,mask_path\na.mp4,fake,../secret.mp4\n",
    "pair climbs": "path,label,pair_id\na.mp4,fake,../../../b\n",
    "frame nan": "path,label,frame_number\na.mp4,real,nan\n",
    "frame infinity": "path,label,frame_number\na.mp4,real,inf\n",
    "frame huge": f"path,label,frame_number\na.mp4,real,{10**30}\n",
    "frame long": f"path,label,frame_number\na.mp4,real,{LONG_NUMBER}\n",
    "frame negative": "path,label,frame_number\na.mp4,real,-1\n",
    "id zero byte": "path,label,video_id\na.mp4,real,a\0b\n",
    "id huge": f"path,label,video_id\na.mp4,real,{'x' * 100_000}\n",
    "cell huge": f"path,label,note\na.mp4,real,{'x' * 300_000}\n",
    "header huge": f"path,label,{'x' * 300_000}\na.mp4,real,1\n",
    "header dollar": "path,label,$where\na.mp4,real,1\n",
    "header dots": "path,label,a.b\na.mp4,real,1\n",
    "header _id": "path,label,_id\na.mp4,real,1\n",
    "header zero byte": "path,label,a\0b\na.mp4,real,1\n",
    "header twice": "path,label,label\na.mp4,real,fake\n",
    "header only": "path,label\n",
    "quote open": 'path,label\n"a.mp4,real\nb.mp4,fake\n',
    "formula": "path,label,note\na.mp4,real,=cmd|'/c calc'!A1\n",
    "label both": "path,label\na.mp4,real\na.mp4,fake\n",
    "label word": "path,label\na.mp4,maybe\n",
    "label nan": "path,label\na.mp4,nan\n",
    "utf-16": "path,label\na.mp4,real\n".encode("utf-16"),
    "latin-1": "path,label\né.mp4,real\n".encode("latin-1"),
    "rows short": "path,label,note\na.mp4,real\n",
    "rows long": "path,label\na.mp4,real,1,2,3\n",
    "carriage returns": "path,label\ra.mp4,real\r",
    "binary": bytes(range(256)) * 4,
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifests(name, listed):
    put(listed / "manifest.csv", MANIFESTS[name])
    found = outcome(listed, "manifest")
    if name in ("absolute", "climbs", "climbs in the middle", "windows", "back slashes", "link"):
        assert isinstance(found, str), "nothing outside the root may be imported"
    if name.startswith("frame"):
        assert isinstance(found, str) and "frame_number" in found


PARQUETS = {
    "cut": lambda data: data[: len(data) // 2],
    "tail": lambda data: data[len(data) // 2 :],
    "magic": lambda data: b"PAR1" + bytes(40) + b"PAR1",
    "length": lambda data: data[:-8] + b"\xff\xff\xff\x7f" + b"PAR1",
    "empty": lambda data: b"",
    "flips": lambda data: bytes(b ^ (i % 41 == 7) for i, b in enumerate(data)),
}


@pytest.mark.parametrize("name", PARQUETS)
def test_parquet_manifests(name, listed):
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table({"path": ["a.mp4", "b.mp4"], "label": ["real", "fake"]})
    file = listed / "manifest.parquet"
    parquet.write_table(table, file)
    file.write_bytes(PARQUETS[name](file.read_bytes()))
    assert isinstance(outcome(listed, "manifest"), str)


def test_parquet_of_strange_types(listed):
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    for values in ([[1], [2]], [{"a": 1}, {"a": 2}], [b"\xff", b"a"], [float("nan"), 1.0]):
        table = pa.table({"path": ["a.mp4", "b.mp4"], "label": ["real", "fake"], "more": values})
        parquet.write_table(table, listed / "manifest.parquet")
        outcome(listed, "manifest")


def test_trees_of_strange_names(tmp_path, monkeypatch):
    crops = tmp_path / "set/fake/video"
    names = ["9" * 30, "9" * 200, "-1", "1e9", "٣", "²", "a\nb", " ", "%2e%2e", "x" * 200]
    for name in names:
        put(crops / f"{name}.png", b"x")
    put(tmp_path / "set/real/video/1.png", b"x")
    (crops / "loop").symlink_to(tmp_path)
    (crops / "away.png").symlink_to("/etc/hostname")
    os.mkfifo(crops / "pipe.png")
    plan = outcome(tmp_path, "frames")
    assert isinstance(plan, ImportPlan)
    fake = next(record for record in plan.records if record.label == 1)
    numbered = [name for name in names if re.search(r"\d", name)]
    assert {Path(path).stem for _, path in fake.frames} == set(numbered)
    without = {Path(path).stem for path in plan.report.unexplained}
    assert set(names) - set(numbered) <= without  # no frames, and said so


def test_frame_numbers_that_are_time_stamps_give_the_order(tmp_path):
    stamps = [1_700_000_000_000_000_000_000 + step for step in (7, 1, 4)]
    for stamp in stamps:
        put(tmp_path / f"set/real/video/{stamp}.png", b"x")
    plan = outcome(tmp_path, "frames")
    numbers, paths = zip(*plan.records[0].frames, strict=True)
    assert numbers == (0, 1, 2)
    assert [Path(path).stem for path in paths] == [str(stamp) for stamp in sorted(stamps)]


_TEXT = st.text(st.characters(codec=None, exclude_characters="\r\n"), max_size=12)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
_PLAIN = settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)


@_PLAIN
@given(value=_VALUES)
def test_any_json_as_ffpp_splits(value, ffpp):
    put(ffpp / "dataset/splits/train.json", json.dumps(value))
    outcome(ffpp, "faceforensics")


@_PLAIN
@given(value=st.dictionaries(st.sampled_from(["label", "split", "original", "x"]), _VALUES))
def test_any_json_as_dfdc_metadata(value, dfdc):
    about = {"aaaaaaaaaa.mp4": value, "bbbbbbbbbb.mp4": {"label": "REAL"}}
    put(dfdc / "dfdc_train_part_0/metadata.json", json.dumps(about))
    outcome(dfdc, "dfdc")


@_PLAIN
@given(
    columns=st.lists(st.sampled_from(["video_id", "split", "frame_number", "pair_id", "note"])),
    cells=st.lists(_TEXT, min_size=5, max_size=5),
    path=st.sampled_from(["a.mp4", "b.mp4", "../secret.mp4", "link.mp4"]) | _TEXT,
)
def test_any_cells_as_a_manifest(columns, cells, path, listed):
    import csv
    import io

    names = list(dict.fromkeys(columns))
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["path", "label", *names])
    writer.writerow([path, "fake", *cells[: len(names)]])
    put(listed / "manifest.csv", buffer.getvalue())
    outcome(listed, "manifest")


@_PLAIN
@given(data=st.binary(max_size=300))
def test_any_bytes_as_a_list(data, ffpp, listed):
    put(ffpp / "dataset/splits/train.json", data)
    outcome(ffpp, "faceforensics")
    put(listed / "manifest.csv", b"path,label\n" + data)
    outcome(listed, "manifest")
