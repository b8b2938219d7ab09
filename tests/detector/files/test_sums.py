"""A sealed folder is what coreutils checks, and each file that differs has its sentence."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.files import minisign, sums
from media_forensics.operators.console import main
from stock_keys import PUBLIC, SECRET

FILES = {"report.html": b"<p>", "a b.csv": b"x\n", "files/ä.html": b"2", "Z": b""}


@pytest.fixture
def folder(tmp_path):
    """A sealed and signed folder, and the key beside it."""
    (tmp_path / "me.key").write_text(SECRET)
    key = minisign.read_secret_key(tmp_path / "me.key")
    for name, data in sums.sealed(FILES, key).items():
        place = tmp_path / "report" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return tmp_path / "report"


def test_coreutils_read_the_sums(folder):
    names = [line.split("  ", 1)[1] for line in (folder / sums.SUMS).read_text().splitlines()]
    assert names == sorted(FILES, key=os.fsencode)
    if shutil.which("sha256sum"):
        done = subprocess.run(
            ["sha256sum", "--check", "--strict", sums.SUMS], cwd=folder, capture_output=True
        )
        assert done.returncode == 0, done.stderr
    found = sums.check(folder, minisign.read_public_key(PUBLIC))
    assert found.problems == () and found.signed and found.files == len(FILES)


def test_each_file_that_is_not_as_sealed_has_one_sentence(folder, tmp_path, capsys):
    assert main(["verify", str(folder), "--key", PUBLIC]) == 0
    capsys.readouterr()
    (tmp_path / "elsewhere").write_bytes(b"<p>")
    (folder / "report.html").unlink()
    (folder / "report.html").symlink_to(tmp_path / "elsewhere")  # the same bytes, but a link
    (folder / "out").symlink_to(tmp_path, target_is_directory=True)
    (folder / "a b.csv").write_bytes(b"y\n")
    (folder / "files" / "ä.html").unlink()
    (folder / "more.txt").write_bytes(b"")
    os.mkfifo(folder / "pipe")
    assert main(["verify", str(folder), "--key", PUBLIC]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[:6] == [
        "a b.csv differs from what was sealed.",
        "files/ä.html is missing.",
        "more.txt is extra: it was not there when the report was sealed.",
        "out is a link, which is not followed.",
        "pipe is no ordinary file.",
        "report.html is a link, which is not followed.",
    ]
    assert said[6].startswith("Signed with the key") and "6 entries" in said[7]


def test_changed_sums_break_the_signature(folder, capsys):
    text = (folder / sums.SUMS).read_text().splitlines(keepends=True)
    (folder / sums.SUMS).write_text("".join(text[1:]))
    (folder / "Z").unlink()
    assert main(["verify", str(folder)]) == 0  # whoever writes files can write their sums
    assert main(["verify", str(folder), "--key", PUBLIC]) == 1
    assert "is not valid: the signed file was changed" in capsys.readouterr().out
    (folder / sums.SIGNATURE).unlink()
    assert main(["verify", str(folder), "--key", PUBLIC]) == 1
    assert "is not there" in capsys.readouterr().out


def test_a_folder_is_signed_later_and_only_if_it_agrees(folder, capsys, caplog):
    key = str(folder.parent / "me.key")
    (folder / sums.SIGNATURE).unlink()
    assert main(["sign", str(folder), "--key", key]) == 0
    assert main(["verify", str(folder), "--key", PUBLIC]) == 0
    (folder / "Z").write_bytes(b"z")
    assert main(["sign", str(folder), "--key", key]) == 2
    assert "is not signed: Z differs" in caplog.text + capsys.readouterr().err


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../b", "a//b", ""])
def test_sums_that_name_something_outside_are_refused(folder, name):
    (folder / sums.SUMS).write_text(f"{'0' * 64}  {name}\n")
    with pytest.raises(ForensicsError, match="is not a sum of a file in this folder"):
        sums.check(folder)


def test_a_moved_folder_says_so(folder):
    moved = folder.rename(folder.with_name("moved"))
    assert sums.check(moved).problems == ()
    with pytest.raises(ForensicsError, match="was moved, renamed or deleted"):
        sums.check(folder)
    (moved / sums.SUMS).unlink()
    (moved / sums.SUMS).symlink_to("/etc/hostname")
    with pytest.raises(ForensicsError, match="no SHA256SUMS that can be read"):
        sums.check(moved)
