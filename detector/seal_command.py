"""Signs a report's folder, and verifies one: ``media-forensics sign`` and ``verify``."""

from __future__ import annotations

import argparse
from getpass import getpass

from .errors import ForensicsError
from .files import minisign, sums
from .files.atomic import write_bytes
from .files.paths import given
from .runners.command_line import DONE, FAILED
from .text.terminal import say


def add_sign_options(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``sign``."""
    parser.add_argument("folder", help="folder of a report")
    parser.add_argument("--key", required=True, help="secret key, as 'minisign -G' writes it")


def sign(options: argparse.Namespace) -> int:
    """Sign a folder that agrees with its sums; the password is asked for if there is one."""
    folder = given(options.folder, "folder")
    path = given(options.key, "key")
    found = sums.check(folder)
    if found.problems:
        raise ForensicsError(
            f"{folder} is not signed: {found.problems[0]}", "Verify it first.", "folder"
        )
    key = minisign.read_secret_key(path, lambda: getpass(f"Password of {path.name}: "))
    data, _ = sums.read_sums(folder)
    write_bytes(folder / sums.SIGNATURE, minisign.sign(data, key, sums.SUMS).encode())
    say(f"{folder}: signed with the key {key.public.name}.")
    return DONE


def add_verify_options(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``verify``."""
    parser.add_argument("folder", help="folder of a report")
    parser.add_argument("--key", help="public key of who signed it: a file, or its line of text")


def verify(options: argparse.Namespace) -> int:
    """Say what differs, is missing or is extra; return 1 if anything is, or no signature holds."""
    folder = given(options.folder, "folder")
    key = None
    if options.key:
        text = options.key.startswith("RW") and len(options.key) == 56
        key = minisign.read_public_key(options.key if text else given(options.key, "key"))
    found = sums.check(folder, key)
    for problem in found.problems:
        say(problem)
    say(found.signature)
    bad = len(found.problems)
    good = "all are as they were sealed" if not bad else f"{bad} entries are not as sealed"
    say(f"{folder}: {found.files} files; {good}.")
    return FAILED if bad or (key is not None and not found.signed) else DONE
