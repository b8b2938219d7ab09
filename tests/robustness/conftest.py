"""Hostile inputs, and a process apart in which they are tried: a crash there is a finding here.

``MEDIA_FORENSICS_FULL=1`` (``make robustness``) tries many more of everything.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # the corpus builders beside this file

FULL = bool(os.environ.get("MEDIA_FORENSICS_FULL"))


@pytest.fixture(scope="session")
def full() -> bool:
    """Whether the long form was asked for."""
    return FULL


@pytest.fixture(scope="session")
def numbered_clips(tmp_path_factory) -> dict[str, bytes]:
    """Small clips whose pictures show their numbers, by container."""
    import hostile_media

    return hostile_media.base_clips(tmp_path_factory.mktemp("base"))
