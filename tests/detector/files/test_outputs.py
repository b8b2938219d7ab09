"""Named files that the plugin writes: new ones and its own, by their content, and nothing else."""

from __future__ import annotations

import errno
import io
import json
import os
import pickle

import pytest
from media_forensics.detector import extract_command, score_command
from media_forensics.detector.errors import DiskError, ForensicsError
from media_forensics.detector.files import outputs
from media_forensics.detector.files.outputs import (
    claim_folder,
    claim_output,
    json_with,
    write_output,
)
from PIL import Image

KINDS = (json_with("videos", "faces"), outputs.text_beginning(".md", "# ours"))


def refused(path: object, message: str) -> None:
    with pytest.raises(ForensicsError, match=message) as error:
        claim_output(path, KINDS, "out")
    assert error.value.field == "out"


def test_a_file_that_somebody_else_wrote_keeps_its_bytes(tmp_path):
    for name, text in {
        "a.json": "{}",
        "b.json": '{"videos": 1}',
        "c.json": "[1]",
        "d.json": "not json",
        "e.json": "[" * 100_000,
        "f.md": "# mine\n",
        "g.md": "",
    }.items():
        path = tmp_path / name
        path.write_text(text)
        refused(path, "not written by this plugin")
        with pytest.raises(ForensicsError, match="not written by this plugin"):
            write_output(path, KINDS, "out", b"x")
        assert path.read_text() == text


def test_what_it_wrote_itself_is_written_again(tmp_path):
    for number in (1, 2):
        data = json.dumps({"videos": number, "faces": 3}).encode()
        assert write_output(tmp_path / "a.json", KINDS, "out", data).read_bytes() == data
        text = f"# ours\n{number}\n".encode()
        assert write_output(tmp_path / "a.md", KINDS, "out", text).read_bytes() == text
    with pytest.raises(ForensicsError, match="exists"):
        claim_output(tmp_path / "a.json", KINDS, "out", overwrite=False)


@pytest.mark.parametrize(
    "name",
    [".bashrc", "x", "x.sh", "x.json.sh", "x.py", ".json", ".x.json", ".ssh/x.json", "x.desktop"],
)
def test_nothing_that_a_shell_or_program_obeys_is_written(name, tmp_path):
    refused(tmp_path / name, "does not end in|hidden")
    assert not list(tmp_path.iterdir())


def test_links_folders_and_devices_are_no_place(tmp_path):
    own = tmp_path / "own.json"
    own.write_text('{"videos": 1, "faces": 2}')
    (tmp_path / "link.json").symlink_to(own)
    (tmp_path / "dangling.json").symlink_to(tmp_path / "new.json")
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    for name in ("link", "dangling", "folder", "pipe"):
        refused(tmp_path / f"{name}.json", "exists and is")
    assert not (tmp_path / "new.json").exists()


def test_a_file_that_appears_while_it_is_written_stays(tmp_path):
    path = tmp_path / "a.json"
    with (
        pytest.raises(ForensicsError, match="not written by this plugin"),
        outputs.writing_output(path, KINDS, "out") as temporary,
    ):
        temporary.write_text("{}")
        path.write_text("somebody's")
    assert path.read_text() == "somebody's" and [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_is_new_empty_or_ours(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "used").mkdir()
    (tmp_path / "used/x").touch()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    (tmp_path / "file").touch()
    assert claim_folder(tmp_path / "new", "folder") == tmp_path / "new"
    assert claim_folder(tmp_path / "empty", "folder") == tmp_path / "empty"
    assert claim_folder(tmp_path / "used", "folder", lambda p: (p / "x").is_file())
    for name, why in {
        "used": "not empty", "link": "a link", "file": "a file", ".git": "hidden"
    }.items():  # fmt: skip
        with pytest.raises(ForensicsError, match=why) as error:
            claim_folder(tmp_path / name, "folder")
        assert error.value.field == "folder"


def test_the_mark_of_a_picture_is_a_comment_of_jpeg(tmp_path):
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), (10, 20, 30)).save(stream, "JPEG")
    path = tmp_path / "sheet.jpg"
    path.write_bytes(stream.getvalue())
    with pytest.raises(ForensicsError, match="not written"):
        claim_output(path, (outputs.jpeg(),), "out")
    path.write_bytes(outputs.marked_jpeg(stream.getvalue()))
    claim_output(path, (outputs.jpeg(),), "out")
    with Image.open(path) as image:
        image.load()
        assert image.info["comment"] == outputs.JPEG_MARK


def test_a_place_that_cannot_be_is_said_at_its_field(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DiskError, match="cannot be written") as error:
        write_output(tmp_path / "file/a.json", KINDS, "out", b"{}")
    assert error.value.field == "out" and isinstance(error.value, OSError)
    assert error.value.errno in (errno.ENOTDIR, errno.EEXIST)
    again = pickle.loads(pickle.dumps(error.value))
    assert str(again) == str(error.value) and again.errno == error.value.errno


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "{list}", "{root}/crops", "--summary", "{victim}"],
        ["list", "{list}", "{root}/crops", "{victim}"],
    ],
    ids=["summary", "list"],
)
@pytest.mark.parametrize("name", [".bashrc", "notes.json", "notes.jsonl", "script.sh"])
def test_commands_do_not_overwrite(arguments, name, tmp_path):
    victim = tmp_path / name
    victim.write_text("mine\n")
    (tmp_path / "v.jsonl").write_text("{}")
    given = [a.format(list=tmp_path / "v.jsonl", root=tmp_path, victim=victim) for a in arguments]
    command = score_command if arguments[0] == "list" else extract_command
    assert command.main(given) == 2
    assert victim.read_text() == "mine\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([name, "v.jsonl"])
