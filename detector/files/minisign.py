"""Signs and verifies in the format of minisign, so that its tool verifies our signatures.

A file is hashed with BLAKE2b-512 and the hash is signed with Ed25519 (algorithm ``ED``); a second
signature covers the first one and the trusted comment. Keys are those of ``minisign -G``; the
format is at https://jedisct1.github.io/minisign/.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ForensicsError
from . import packages

PASSWORD = "MEDIA_FORENSICS_KEY_PASSWORD"  # environment variable, for keys with a password
MADE_BY_MINISIGN = "Make a pair of keys with: minisign -G"
_MODULE = "cryptography.hazmat.primitives.asymmetric.ed25519"
_LEGACY, _HASHED = b"Ed", b"ED"
_MOST_BYTES = 1 << 16  # of a key or signature file
_MOST_MEMORY = (1 << 31) - 1  # bytes; a key with minisign's own settings needs half of it
_SECRET = struct.Struct("<2s2s2s32sQQ8s64s32s")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key: its number (8 bytes, shown as hexadecimal) and its 32 bytes."""

    number: bytes
    raw: bytes

    @property
    def name(self) -> str:
        """The number as minisign shows it."""
        return self.number[::-1].hex().upper()


@dataclass(frozen=True, slots=True, repr=False)
class SecretKey:
    """A secret key that is ready to sign: the number of its pair, and the 32 bytes of its seed."""

    number: bytes
    seed: bytes

    @property
    def public(self) -> PublicKey:
        private = _ed25519().Ed25519PrivateKey.from_private_bytes(self.seed)
        return PublicKey(self.number, private.public_key().public_bytes_raw())


def read_public_key(key: str | Path) -> PublicKey:
    """Return a public key, from its file or from its one line of text.

    Raises:
        ForensicsError: there is no such file, or it holds no public key
    """
    text = str(key)
    if not (len(text) == 56 and text.startswith("RW")):
        text = _lines(Path(key), "public key")[1]
    data = _decoded(text, "public key", key)
    if len(data) != 42 or data[:2] != _LEGACY:
        raise ForensicsError(f"{key} holds no public key of minisign.", MADE_BY_MINISIGN, "key")
    return PublicKey(data[2:10], data[10:])


def read_secret_key(path: str | Path, ask: Callable[[], str] | None = None) -> SecretKey:
    """Return a secret key, decrypted with its password if it has one (``minisign -G -W``: none).

    Args:
        path: file that ``minisign -G`` wrote
        ask: returns the password if it is not in the environment variable :data:`PASSWORD`

    Raises:
        ForensicsError: the file is missing or no secret key, or the password is missing or wrong
    """
    data = _decoded(_lines(Path(path), "secret key")[1], "secret key", path)
    if len(data) != _SECRET.size:
        raise ForensicsError(f"{path} holds no secret key of minisign.", MADE_BY_MINISIGN, "key")
    kind, kdf, check, salt, operations, memory, number, pair, digest = _SECRET.unpack(data)
    if kind != _LEGACY or check != b"B2" or kdf not in (b"Sc", b"\0\0"):
        raise ForensicsError(f"{path} holds a key of another format.", MADE_BY_MINISIGN, "key")
    if kdf == b"Sc":
        password = os.environ.get(PASSWORD) or (ask() if ask is not None else "")
        if not password:
            raise ForensicsError(
                f"The key {path} has a password, which was not given.",
                f"Put it into the environment variable {PASSWORD}, or sign with "
                "'media-forensics sign', which asks for it.",
                "key",
            )
        stream = _scrypt(password, salt, operations, memory, len(number + pair + digest))
        plain = bytes(a ^ b for a, b in zip(number + pair + digest, stream, strict=True))
        number, pair, digest = plain[:8], plain[8:72], plain[72:]
        if hashlib.blake2b(kind + number + pair, digest_size=32).digest() != digest:
            raise ForensicsError(f"The password of the key {path} is wrong.", "Try again.", "key")
    found = SecretKey(number, pair[:32])
    if found.public.raw != pair[32:]:
        raise ForensicsError(f"The key {path} is damaged.", "Use a copy of it.", "key")
    return found


def sign(data: bytes, key: SecretKey, name: str) -> str:
    """Return the text of a signature file for ``data``.

    Args:
        data: content of the signed file
        key: the secret key
        name: of the signed file; the trusted comment has it, and the time in seconds since 1970
    """
    private = _ed25519().Ed25519PrivateKey.from_private_bytes(key.seed)
    signature = private.sign(hashlib.blake2b(data, digest_size=64).digest())
    comment = f"timestamp:{int(time.time())}\tfile:{name}\thashed"
    over_all = private.sign(signature + comment.encode())
    return (
        f"untrusted comment: signature of a report; verify with minisign, key {key.public.name}\n"
        f"{base64.b64encode(_HASHED + key.number + signature).decode()}\n"
        f"trusted comment: {comment}\n{base64.b64encode(over_all).decode()}\n"
    )


def verify(data: bytes, signature: Path, key: PublicKey) -> str:
    """Return the trusted comment of a signature file that is valid for ``data``.

    Raises:
        ForensicsError: the file is missing or no signature, another key made it, or the data or
            the comment is not what was signed
    """
    lines = _lines(signature, "signature")
    if len(lines) < 4 or not lines[2].startswith("trusted comment: "):
        raise ForensicsError(f"{signature} holds no signature of minisign.", "Sign again.", "key")
    row = _decoded(lines[1], "signature", signature)
    over_all = _decoded(lines[3], "signature", signature)
    if len(row) != 74 or len(over_all) != 64 or row[:2] not in (_LEGACY, _HASHED):
        raise ForensicsError(f"{signature} holds no signature of minisign.", "Sign again.", "key")
    if row[2:10] != key.number:
        made = PublicKey(row[2:10], b"").name
        raise ForensicsError(
            f"The signature was made with the key {made}, not with {key.name}.",
            "Ask who signed for the right public key.",
            "key",
        )
    signed = hashlib.blake2b(data, digest_size=64).digest() if row[:2] == _HASHED else data
    comment = lines[2].removeprefix("trusted comment: ")
    invalid = packages.load(packages.SIGNING, "cryptography.exceptions").InvalidSignature
    public = _ed25519().Ed25519PublicKey.from_public_bytes(key.raw)
    for part, text, what in (
        (row[10:], signed, "the signed file was changed, or another one was signed"),
        (over_all, row[10:] + comment.encode(), "the trusted comment was changed"),
    ):
        try:
            public.verify(part, text)
        except invalid as error:
            raise ForensicsError(
                f"The signature {signature.name} is not valid: {what}.", "Do not rely on it.", "key"
            ) from error
    return comment


def _ed25519() -> Any:
    return packages.load(packages.SIGNING, _MODULE, "key")


def _scrypt(password: str, salt: bytes, operations: int, memory: int, size: int) -> bytes:
    """Return ``size`` bytes from a password, with the parameters that libsodium derives."""
    operations = max(operations, 32768)
    small = operations < memory // 32
    most = operations // 32 if small else memory // 1024
    log_n = next((n for n in range(1, 63) if (1 << n) > most // 2), 63)
    rounds = 1 if small else min((operations // 4) >> log_n, 0x3FFFFFFF) // 8
    if (1 << log_n) * 1024 > _MOST_MEMORY // 2 + 1 or rounds > 64:
        raise ForensicsError(
            "The key asks for more memory or time than any key of minisign.",
            "Use another key.",
            "key",
        )
    return hashlib.scrypt(
        password.encode(), salt=salt, n=1 << log_n, r=8, p=max(rounds, 1), maxmem=_MOST_MEMORY,
        dklen=size,
    )  # fmt: skip


def _lines(path: Path, what: str) -> list[str]:
    """Return the lines of a small text file, at least two.

    Raises:
        ForensicsError: it is missing, unreadable, too large or has one line
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
        lines = data.decode().splitlines()
    except FileNotFoundError as error:
        raise ForensicsError(
            f"The {what} {path} is not there.", "Check the path.", "key"
        ) from error
    except OSError as error:
        raise ForensicsError(
            f"The {what} {path} cannot be read: {error.strerror or error}.", "", "key"
        ) from error
    except UnicodeDecodeError:
        lines = []
    if len(data) > _MOST_BYTES or len(lines) < 2:
        raise ForensicsError(f"{path} holds no {what} of minisign.", MADE_BY_MINISIGN, "key")
    return lines


def _decoded(text: str, what: str, where: str | Path) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ForensicsError(
            f"{where} holds no {what} of minisign.", MADE_BY_MINISIGN, "key"
        ) from error
