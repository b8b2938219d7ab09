"""A unit of extraction that tells what its process has loaded."""

from __future__ import annotations

import sys
from dataclasses import replace

from media_forensics.detector.runners import extract

_do = extract._do


def with_modules(task):
    found = _do(task)
    return found and replace(found, info={"torch": "torch" in sys.modules})
