"""Opens and reads every file of a folder, one JSON line each; run in a process apart.

    python try_media.py FOLDER SECONDS

A file that takes longer ends the process with the alarm signal, one that crashes it with another:
the parent knows the culprit by the lines that are there.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import time
from pathlib import Path

import hostile_media
import numpy as np
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.frames.frame import FrameError
from media_forensics.detector.frames.sources import open_source
from media_forensics.detector.records import Reason
from media_forensics.detector.scoring.crop_files import read_crop


def frames_of(path: Path) -> dict:
    """What the reader of videos and pictures says about a file."""
    try:
        source = open_source(path, threads=1)
    except FrameError as error:
        return {"reason": Reason(error.reason).value, "message": str(error)}
    numbers = source.numbers
    count = len(numbers)
    wanted = sorted({0, count // 3, count // 2, count - 1}) if count < 10**6 else [0, count - 1]
    read = {}
    for frame in source.read(wanted):
        assert (frame.image is None) != (frame.reason is None), "a frame or a reason, not both"
        if frame.image is None:
            read[frame.index] = Reason(frame.reason).value
        else:
            assert frame.image.dtype == np.uint8 and frame.image.shape[2] == 3
            read[frame.index] = {
                "shows": hostile_media.shown(frame.image),
                "size": frame.image.shape[:2],
                "mean": float(frame.image.mean()),
            }
    assert set(read) == set(wanted), "every wanted frame is answered"
    info = source.info
    return {"count": count, "read": read, "size": (info.height, info.width)}


def crop_of(path: Path) -> dict:
    """What the reader of crops says about a file."""
    found = read_crop(path, "")
    if isinstance(found, Reason):
        return {"reason": found.value}
    assert found.mode == "RGB"
    return {"mean": float(np.asarray(found).mean()), "size": found.size[::-1]}


def peak_mb() -> float:
    """Largest resident memory of this program; ``ru_maxrss`` counts the one that started it too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main(folder: Path, seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for path in sorted(folder.iterdir()):
        print(json.dumps({"start": path.name}), flush=True)
        line: dict = {"file": path.name}
        signal.alarm(seconds)
        began = time.process_time()
        for name, reader in (("frames", frames_of), ("crop", crop_of)):
            try:
                line[name] = reader(path)
            except ForensicsError as error:
                line[name] = {"error": str(error)}
            except Exception as error:  # what must not happen: the test fails with it
                line[name] = {"crash": f"{type(error).__name__}: {error}"}
        signal.alarm(0)
        line["seconds"] = time.process_time() - began
        line["peak_mb"] = peak_mb()
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
