"""What the demo's scripts print and where they work: folders, steps with their time, downloads."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from own_database import use_own_database

ROOT = Path(__file__).resolve().parents[1]
DEMO = Path(os.environ.get("DEMO_FOLDER") or ROOT / ".demo")
TOWER = "vit-s14-dinov2-saliency"
PLUGIN = "@mediaforensics/deepfake"
_LEAST_SECONDS = 3  # that a pace is measured for before a time left is shown


def prepare_environment() -> None:
    """Point FiftyOne at the demo's own folders, before it is imported."""
    plugins = DEMO / "plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    link = plugins / "deepfake"
    if not link.is_symlink():
        link.symlink_to(ROOT, target_is_directory=True)
    use_own_database(DEMO / "database")
    os.environ["FIFTYONE_PLUGINS_DIR"] = str(plugins)
    os.environ["FIFTYONE_DEFAULT_DATASET_DIR"] = str(DEMO / "datasets")
    os.environ.setdefault("FIFTYONE_ALLOW_LEGACY_ORCHESTRATORS", "true")  # 'Schedule' in the forms
    os.environ.setdefault("FIFTYONE_DATABASE_VALIDATION", "false")
    os.environ.setdefault("FIFTYONE_DO_NOT_TRACK", "true")
    os.environ.setdefault("FIFTYONE_SHOW_PROGRESS_BARS", "false")


class Pace:
    """The pace of a step after its first report, which also paid for loading and compiling."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None

    def left(self, done: int, total: int, now: float) -> float | None:
        """Return the seconds left, None while they are unknown."""
        if done <= 0:
            return None
        if self._first is None or done < self._first[0]:  # the next part of the step
            self._first = (done, now)
        steps, seconds = done - self._first[0], now - self._first[1]
        return seconds / steps * (total - done) if steps and seconds >= _LEAST_SECONDS else None


class Said(list[str]):
    """The findings of a step, and its progress: one line on a terminal, nothing elsewhere."""

    def __init__(self, head: str) -> None:
        super().__init__()
        self._head, self._pace, self._shown = head, Pace(), 0.0
        self.began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self.began

    def progress(self, done: int, total: int, text: str) -> None:
        """Show how far the step is."""
        now = time.monotonic()
        left = self._pace.left(done, total, now)
        if not sys.stdout.isatty() or now - self._shown < 0.3:
            return
        self._shown = now
        about = "" if left is None else f", about {left:.0f} s left of this step"
        print(f"\r\x1b[K{self._head} {done} of {total} {text}{about}", end="", flush=True)


@contextmanager
def step(number: str, name: str) -> Iterator[Said]:
    """Print one line for a step: its name, what it appended to the list, and its seconds."""
    head = f"{number:>5}  {name:<22}"
    said = Said(head)
    yield said
    clear = "\r\x1b[K" if sys.stdout.isatty() else ""
    print(f"{clear}{head} {'; '.join(said)} ({said.seconds:.0f} s)", flush=True)


def fetch() -> str:
    """Fetch offline weights and footage, each checked by sha256."""
    from media_forensics.detector.weights.offline_assets import fetch_footage, fetch_weights

    weights = fetch_weights()
    footage = fetch_footage()
    return f"{len(weights)} networks, {len(footage)} photographs and videos"


def fetch_detector(name: str) -> None:
    """Download a published detector that is not here; a person at a terminal is asked first.

    Raises:
        ForensicsError: unknown, not wanted, or it cannot be downloaded
    """
    from media_forensics.detector.errors import ForensicsError
    from media_forensics.detector.weights.known_detectors import PUBLISHED, find_detector

    try:
        find_detector(name)
    except ForensicsError as missing:
        if name not in PUBLISHED or PUBLISHED[name].path.is_file():
            raise
        print(missing.message, flush=True)
        if sys.stdin.isatty() and input("Download it now? [y/N] ").strip().lower() != "y":
            raise
        print("It is downloaded now; an interrupted download continues.", flush=True)
        find_detector(name, allow_download=True)


def fetch_tower(name: str) -> None:
    """Load a tower's weights, downloading them if needed; naming the tower is the consent.

    Raises:
        ForensicsError: they are missing and cannot be downloaded; says which file, where from, size
    """
    from media_forensics.detector.errors import ForensicsError
    from media_forensics.detector.model.backbone import load_backbone

    try:
        load_backbone(name, device="cpu")
    except ForensicsError as missing:
        print(f"{missing.message}\nTrying to download it ...", flush=True)
        try:
            load_backbone(name, device="cpu", allow_download=True)
        except Exception as error:  # the hub's client raises many types without a connection
            raise ForensicsError(
                f"{missing.message} The download failed ({type(error).__name__}).", missing.hint
            ) from error
