"""What ``make demo-detector`` prints and where it works: its folder, its steps, its downloads."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEMO = Path(os.environ.get("DEMO_FOLDER") or ROOT / ".demo")
TOWER = "vit-s14-dinov2-saliency"


@contextmanager
def step(number: str, name: str) -> Iterator[list[str]]:
    """Print one line for a step: its name, what it appended to the list, and its seconds."""
    began = time.monotonic()
    finding: list[str] = []
    yield finding
    print(
        f"{number:>5}  {name:<22} {'; '.join(finding)} ({time.monotonic() - began:.0f} s)",
        flush=True,
    )


def fetch() -> str:
    """Fetch offline weights and footage, each checked by sha256."""
    from media_forensics.detector.weights.offline_assets import fetch_footage, fetch_weights

    weights = fetch_weights()
    footage = fetch_footage()
    return f"{len(weights)} networks, {len(footage)} photographs and videos"
