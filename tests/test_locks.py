"""The locks are whole: every requirement at an allowed version, every package with its hashes."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]


def locked(name: str) -> dict[str, tuple[str, int]]:
    """Package -> (version, number of hashes)."""
    found = {}
    for part in re.split(r"^(?=[A-Za-z0-9])", (ROOT / name).read_text(), flags=re.M):
        pin = re.match(r"([A-Za-z0-9._-]+)==(\S+)", part)
        if pin:
            hashes = re.findall(r"--hash=sha256:[0-9a-f]{64}\b", part)
            found[canonicalize_name(pin[1])] = (pin[2], len(hashes))
    return found


def test_every_package_has_hashes_and_stands_in_one_lock():
    base, tests = locked("requirements.lock"), locked("requirements-test.lock")
    assert len(base) > 100 and len(tests) > 20
    assert all(hashes for _, hashes in (base | tests).values())
    assert not base.keys() & tests.keys()
    assert "opencv-python-headless" in base
    assert not (base | tests).keys() & {"opencv-python", "opencv-contrib-python"}


def test_every_requirement_is_locked_at_a_version_that_it_allows():
    base, tests = locked("requirements.lock"), locked("requirements-test.lock")
    for file, known in (("requirements.txt", base), ("requirements-test.txt", base | tests)):
        for line in (ROOT / file).read_text().splitlines():
            if line and not line.startswith("#"):
                wanted = Requirement(line)
                version, _ = known[canonicalize_name(wanted.name)]
                assert wanted.specifier.contains(version), line


def test_torch_and_torchvision_are_of_one_release():
    base = locked("requirements.lock")
    torch, vision = base["torch"][0].split("."), base["torchvision"][0].split(".")
    # torch 2.N goes with torchvision 0.(N + 15)
    assert torch[0] == "2" and int(vision[1]) == int(torch[1]) + 15
