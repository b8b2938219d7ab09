"""Checks the installed FiftyOne against the bound of ``fiftyone.yml`` before it is needed.

FiftyOne checks the bound only in ``plugins requirements``. Without this check, an operator would
fail somewhere inside another version of FiftyOne.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

from packaging.specifiers import SpecifierSet

from ...detector.errors import ForensicsError


def promised() -> str:
    """Return the version specifier of ``fiftyone.yml``, for example ``>=1.22.1,<2``."""
    text = (Path(__file__).parents[2] / "fiftyone.yml").read_text(encoding="utf-8")
    found = re.search(r'^fiftyone:\n  version: "([^"]+)"', text, flags=re.M)
    if found is None:
        raise ValueError("fiftyone.yml promises no version")
    return found[1]


def require_fiftyone() -> None:
    """Check that the installed FiftyOne is a version that the plugin was tested with.

    Raises:
        ForensicsError: it is older or newer
    """
    bound, here = promised(), version("fiftyone")
    if not SpecifierSet(bound).contains(here, prereleases=True):
        raise ForensicsError(
            f"This plugin needs fiftyone{bound}, but FiftyOne {here} is installed.",
            f"Run: pip install 'fiftyone{bound}'",
        )
