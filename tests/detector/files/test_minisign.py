"""Signatures agree with those of minisign's own tool (0.11), and what is wrong is told in words."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.files import minisign
from stock_keys import LOCKED, OF_LOCKED, PUBLIC, SECRET, SIGNED, SUMS


@pytest.fixture
def files(tmp_path):
    (tmp_path / "me.key").write_text(SECRET)
    (tmp_path / "me.pub").write_text(f"untrusted comment: x\n{PUBLIC}\n")
    (tmp_path / "SHA256SUMS.minisig").write_text(SIGNED)
    return tmp_path


def locked(password: str) -> str:
    """The key of SECRET under a password, with fewer rounds than minisign's."""
    plain = base64.b64decode(SECRET.splitlines()[1])
    salt, low = bytes(range(32)), 32768
    digest = hashlib.blake2b(plain[:2] + plain[54:126], digest_size=32).digest()
    stream = minisign._scrypt(password, salt, low, 1 << 24, 104)
    hidden = bytes(a ^ b for a, b in zip(plain[54:126] + digest, stream, strict=True))
    numbers = low.to_bytes(8, "little") + (1 << 24).to_bytes(8, "little")
    text = base64.b64encode(b"EdScB2" + salt + numbers + hidden).decode()
    return f"untrusted comment: y\n{text}\n"


def test_the_tools_own_signature_holds_and_ours_is_the_same(files):
    public = minisign.read_public_key(files / "me.pub")
    assert public == minisign.read_public_key(PUBLIC) and public.name == "B83396972659CE4A"
    said = minisign.verify(SUMS, files / "SHA256SUMS.minisig", public)
    assert said == "case 7: signed by the stock tool"
    key = minisign.read_secret_key(files / "me.key")
    assert key.public == public
    ours = minisign.sign(SUMS, key, "SHA256SUMS")
    assert ours.splitlines()[1] == SIGNED.splitlines()[1]  # Ed25519 has no chance in it
    (files / "SHA256SUMS").write_bytes(SUMS)
    (files / "SHA256SUMS.minisig").write_text(ours)
    assert "file:SHA256SUMS\thashed" in minisign.verify(SUMS, files / "SHA256SUMS.minisig", public)
    if shutil.which("minisign") is None:
        return  # the vectors above are its own; with the tool it also reads ours
    tool = ["minisign", "-V", "-m", str(files / "SHA256SUMS"), "-P", PUBLIC]
    done = subprocess.run(tool, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_password_opens_a_key(files, monkeypatch):
    (files / "me.key").write_text(locked("right"))
    want = minisign.read_public_key(PUBLIC)
    assert minisign.read_secret_key(files / "me.key", lambda: "right").public == want
    monkeypatch.setenv(minisign.PASSWORD, "right")
    assert minisign.read_secret_key(files / "me.key").public == want
    monkeypatch.setenv(minisign.PASSWORD, "wrong")
    with pytest.raises(ForensicsError, match=r"password of the key .* is wrong"):
        minisign.read_secret_key(files / "me.key")
    monkeypatch.delenv(minisign.PASSWORD)
    with pytest.raises(ForensicsError, match="has a password, which was not given"):
        minisign.read_secret_key(files / "me.key")


@pytest.mark.long("it takes 1 GiB of memory")
def test_a_key_that_the_tool_locked_opens(files):
    (files / "me.key").write_text(LOCKED)
    key = minisign.read_secret_key(files / "me.key", lambda: "pw1")
    assert key.public == minisign.read_public_key(OF_LOCKED)


@pytest.mark.parametrize(
    ("data", "change", "says"),
    [
        (b"other", ("", ""), "signed file was changed"),
        (SUMS, ("case 7", "case 8"), "trusted comment was changed"),
        (SUMS, ("RURKzlkm", "RURKzlkn"), "made with the key"),
        (SUMS, ("trusted comment: case", "comment: case"), "no signature of minisign"),
        (SUMS, ("Rm++", "R!++"), "no signature of minisign"),
    ],
)
def test_what_is_wrong_with_a_signature_is_told(files, data, change, says):
    public = minisign.read_public_key(PUBLIC)
    place = files / "SHA256SUMS.minisig"
    place.write_text(SIGNED.replace(*change))
    with pytest.raises(ForensicsError, match=says):
        minisign.verify(data, place, public)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "is not there"),
        ("one line", "holds no secret key"),
        ("a\nnot base64!\n", "holds no secret key"),
        (SECRET.replace("RWQAAEIy", "RWQAAEIx"), "another format"),
        (SECRET.replace("gGrox2k9C", "gGrox2k9D"), "is damaged"),
        ("x" * 70_000 + "\n\n", "holds no secret key"),
    ],
)
def test_what_is_wrong_with_a_key_is_told(files, text, says):
    path = files / "other.key"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ForensicsError, match=says):
        minisign.read_secret_key(path)


def test_a_key_cannot_ask_for_all_memory(files):
    row = bytearray(base64.b64decode(locked("x").splitlines()[1]))
    row[38:46] = row[46:54] = (1 << 50).to_bytes(8, "little")
    (files / "me.key").write_text(f"y\n{base64.b64encode(bytes(row)).decode()}\n")
    with pytest.raises(ForensicsError, match="more memory or time"):
        minisign.read_secret_key(files / "me.key", lambda: "x")
