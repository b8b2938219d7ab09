"""What files say of themselves is read as written, and hostile ones give sentences, not errors."""

from __future__ import annotations

import io
import os
import struct
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.file_facts import boxes, c2pa_facts, jpeg_tables
from media_forensics.detector.file_facts.encoder_marks import encoder_facts
from media_forensics.detector.file_facts.fact import MOST_FACTS, MOST_TEXT, fact, limited
from media_forensics.detector.file_facts.file_reading import facts_of
from media_forensics.detector.file_facts.xmp_facts import xmp_facts
from media_forensics.detector.frames.pyav import H264Writer, Mpeg4Writer
from PIL import Image

HOSTILE = "a <b>b</b>\x1b[31m\u202e\ncomment"


def said(path) -> dict[str, str]:
    """group: name -> value; the last of a name."""
    return {f"{row.group}: {row.name}": row.value for row in facts_of(path)}


def frame(number: int, side: int = 96) -> np.ndarray:
    y, x = np.mgrid[0:side, 0:side]
    parts = (x * 2 + number * 5, y * 2 + number, x + y + number * 3)
    return (np.stack(parts, 2) % 256).astype(np.uint8)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("said")
    for writer, name in ((H264Writer, "a.mp4"), (H264Writer, "a.matroska"), (Mpeg4Writer, "a.avi")):
        kind = name.split(".")[1]
        with writer(folder / name, kind, (96, 96), 25, 23, comment=HOSTILE) as out:
            for number in range(60):
                out.add(frame(number))
    return folder


@pytest.mark.parametrize("name", ["a.mp4", "a.matroska"])
def test_a_video_states_its_streams_its_encoder_and_its_pattern(videos, name):
    found = said(videos / name)
    assert found["picture stream: codec"] == "h264"
    assert found["picture stream: size"] == "96 x 96 pixels"
    assert found["picture stream: frame rate"] == "25 (25)"
    assert found["encoder: in the stream"].startswith("x264 - core")
    assert "crf=23.0" in found["encoder: in the stream"]
    assert found["key frames: distances"] == "1 key frame"
    types = found["key frames: picture types"].split(" ")[0]
    assert len(types) == 60 and types[0] == "I" and set(types) == set("IPB")
    assert found["key frames: distance of frames"] == "constant, 40.000 ms"
    comment = next(value for key, value in found.items() if key.lower() == "tags: comment")
    assert comment == "a <b>b</b>\\x1b[31m\\u202e comment"


def test_mpeg4_of_libavcodec_names_itself_and_its_group_is_twelve(videos):
    found = said(videos / "a.avi")
    assert found["encoder: in the stream"].startswith("Lavc")
    assert found["key frames: distances"] == "5 key frames, 12 to 12 apart; most often 12 (4x)"
    assert found["key frames: picture types"].startswith("IPPPPPPPPPPPIPPP")


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def test_boxes_tell_times_edits_handlers_and_user_boxes(tmp_path, videos):
    made = datetime(2024, 2, 29, 12, 0, tzinfo=timezone.utc)
    seconds = int((made - boxes._EPOCH).total_seconds())
    times = struct.pack(">IIII", 0, seconds, seconds + 60, 1000)
    edits = struct.pack(">II", 0, 2) + struct.pack(">Iihh", 500, -1, 1, 0)
    edits += struct.pack(">Iihh", 1500, 1024, 2, 0)
    handler = bytes(8) + b"vide" + bytes(12) + b"Core Media Video\0"
    track = box(b"tkhd", times) + box(b"edts", box(b"elst", edits))
    track += box(b"mdia", box(b"mdhd", times) + box(b"hdlr", handler))
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><a b='c'>d</a></x:xmpmeta>"
    data = box(b"ftyp", b"qt  \0\0\2\0qt  mp42") + box(
        b"moov", box(b"mvhd", times) + box(b"trak", track)
    )
    data += box(b"uuid", boxes._XMP + xmp) + box(b"mdat", bytes(9))
    path = tmp_path / "a.mov"
    path.write_bytes(data)
    rows, packet = boxes.box_facts(path)
    found = {row.name: row.value for row in rows}
    assert packet == xmp and [f.value for f in xmp_facts(packet)] == ["c", "d"]
    assert found["order"] == "ftyp, moov, uuid, mdat"
    assert (found["major brand"], found["compatible brands"]) == ("qt", "qt, mp42")
    assert found["movie created"] == "2024-02-29 12:00:00 UTC"
    assert found["track 1, media modified"] == "2024-02-29 12:01:00 UTC"
    assert found["track 1, handler"] == "vide Core Media Video"
    edit = "0.500 s nothing; 1.500 s from media unit 1024 at rate 2"
    assert found["track 1, edit list"] == edit
    assert "not stated (0)" in said(videos / "a.mp4")["boxes: movie created"]
    assert timedelta(0) < made - boxes._EPOCH


@pytest.mark.parametrize("change", ["cut", "huge", "deep", "many", "noise"])
def test_hostile_boxes_end_and_take_little(tmp_path, change):
    deep = b""
    for _ in range(200):
        deep = box(b"moov", deep)
    data = {
        "cut": box(b"moov", box(b"mvhd", b"\0" * 4))[:-3],
        "huge": box(b"ftyp", b"isom") + struct.pack(">I4sQ", 1, b"moov", 1 << 62),
        "deep": deep,
        "many": box(b"free", b"") * 20_000,
        "noise": os.urandom(4096),
    }[change]
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    assert sum(1 for _ in boxes.boxes(path)) <= 5_000
    found = facts_of(path)
    assert any(row.name == "not read" for row in found)  # no video
    assert len(found) < 3 * MOST_FACTS


def test_a_picture_states_exif_xmp_text_and_tables(tmp_path):
    exif = Image.Exif()
    exif[0x010F], exif[0x0131] = "Maker", HOSTILE
    exif.get_ifd(0x8769)[0x9003] = "2024:01:02 03:04:05"
    exif.get_ifd(0x8825)[1] = "N"
    xmp = (
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/' "
        b"xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' "
        b"xmlns:xmp='http://ns.adobe.com/xap/1.0/'><rdf:RDF><rdf:Description rdf:about='' "
        b"xmp:CreatorTool='Editor 9'/></rdf:RDF></x:xmpmeta>"
    )
    path = tmp_path / "a.jpg"
    Image.fromarray(frame(0)).save(path, quality=83, exif=exif, xmp=xmp, comment=b"hello")
    found = said(path)
    assert found["EXIF: Make"] == "Maker" and found["EXIF: GPS GPSLatitudeRef"] == "N"
    assert found["EXIF: Exif DateTimeOriginal"] == "2024:01:02 03:04:05"
    assert found["EXIF: Software"] == "a <b>b</b>\\x1b[31m? comment"
    assert found["XMP: CreatorTool"] == "Editor 9"
    assert found["text fields: comment"] == "hello"
    assert found["JPEG: quantisation"] == "the standard tables at quality 83"
    assert found["JPEG: markers"].startswith("APP0 JFIF, APP1")
    info = io.BytesIO()
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("parameters", "a face, Steps: 20, Sampler: x")
    Image.fromarray(frame(1)).save(info, "PNG", pnginfo=text)
    (tmp_path / "a.png").write_bytes(info.getvalue())
    assert said(tmp_path / "a.png")["text fields: parameters"].startswith("a face, Steps")


def test_every_quality_of_libjpeg_is_recognised_and_others_are_not():
    for quality in (1, 10, 49, 50, 51, 75, 92, 100):
        stream = io.BytesIO()
        Image.fromarray(frame(2)).save(stream, "JPEG", quality=quality)
        assert jpeg_tables.estimate(Image.open(stream).quantization) == (quality, 0.0)
    own = [[3 + n // 5 for n in range(64)], [4 + n // 3 for n in range(64)]]
    stream = io.BytesIO()
    Image.fromarray(frame(2)).save(stream, "JPEG", qtables=own)
    quality, gap = jpeg_tables.estimate(Image.open(stream).quantization)
    assert gap > 0.5 and 80 < quality < 100


@pytest.mark.parametrize(
    ("packet", "says"),
    [
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", "declares entities"),
        ("<x/>".encode("utf-16"), "not in UTF-8"),
        (b"<x><y></x>", "mismatched tag"),
        (b"<x>" * 300_000, "no element found"),
        (b"x" * (2 << 20), "2,097,152 bytes"),
    ],
)
def test_hostile_xmp_is_not_read(packet, says):
    (row,) = xmp_facts(packet)
    assert says in row.value


def test_texts_are_short_and_rows_are_few():
    row = fact("g", "n" * 1000, "v" * 100_000)
    assert len(row.value) < MOST_TEXT + 30 and len(row.name) < 120
    assert limited([row] * 1000, "g")[-1].value == "600 more"


def test_user_data_that_is_cut_or_no_text_is_measured():
    sei = b"\x06\x05\x14" + bytes(16) + b"\xff\xfe\xfd\xfc\x80"
    (row,) = encoder_facts("h264", b"", [b"\0\0\x01" + sei, b"\0\0\x01\x06\x05\xff\xff"])
    assert row.value.endswith("4 bytes that are no text")
    assert encoder_facts("h264", b"\x01" + b"\xff" * 8, [b"\xff" * 50]) == []


def test_a_file_that_is_missing_or_empty_says_so(tmp_path):
    with pytest.raises(ForensicsError, match="There is no file"):
        facts_of(tmp_path / "none.mp4")
    (tmp_path / "empty.mp4").touch()
    assert said(tmp_path / "empty.mp4")["file: size"] == "0 bytes"


def test_content_credentials_are_read_and_validated(tmp_path):
    """A manifest made here: valid, broken by one byte, and none."""
    pytest.importorskip("c2pa", reason="c2pa-python is optional; make test installs it")
    from signed_picture import signed_jpeg

    data = signed_jpeg(frame(3))
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    found = {row.name: row.value for row in c2pa_facts.c2pa_facts(path)}
    assert found["validation"].startswith("valid: the file is as the signer left it")
    assert found["made by"].startswith("a test") and found["signature, issuer"] == "Test Org"
    assert found["action"] == "c2pa.created, trainedAlgorithmicMedia"
    path.write_bytes(data[:-40] + bytes([data[-40] ^ 1]) + data[-39:])
    rows = c2pa_facts.c2pa_facts(path)
    assert rows[0].value.startswith("NOT valid")
    assert any("dataHash.mismatch" in row.value for row in rows)
    Image.fromarray(frame(4)).save(path)
    (row,) = c2pa_facts.c2pa_facts(path)
    assert row.value == "none in the file"
    path.write_bytes(b"\xff\xd8\xff" + os.urandom(5000))
    assert c2pa_facts.c2pa_facts(path)[0].group == "C2PA"
