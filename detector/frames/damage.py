"""Finds out which frames of a damaged video are whole.

A decoder conceals what it cannot read and goes on: the picture has no mark, and neither have the
pictures that are predicted from it. Where it went wrong stands in its log, so a file that shows any
sign of damage is decoded once more, packet by packet, and damage travels from a packet to all that
follow up to the next key frame. Decoders of HEVC, VP9 and AV1 often notice damage late or not at
all; a group of pictures with a sign in it is then not used at all, and what no decoder notices in a
group without one remains.

FFmpeg's log is one for the whole process, and reading it while decoder threads end can block for
ever (PyAV takes the interpreter's lock for each message). So it is read in a process of its own.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .opening import opened
from .pyav import FFmpegError, errors_of_decoding

log = logging.getLogger(__name__)

#: Codecs whose decoders say at the damaged packet that it is damaged.
_TOLD_AT_ONCE = frozenset({"h264", "mpeg1video", "mpeg2video", "mpeg4", "mjpeg", "prores"})
# Said of streams that decode right: marks of pictures that are not needed any more.
_HARMLESS = ("mmco", "number of reference frames", "deprecated pixel format")
_START = (
    "import json, sys; given = json.load(sys.stdin); sys.path[:] = given['search']; "
    "from media_forensics.detector.frames.damage import tell; tell(given['path'])"
)


@dataclass(frozen=True, slots=True)
class DamageMap:
    """What is damaged in a video.

    Attributes:
        times: presentation times, in stream units, of damaged packets and what is predicted
            from them
        positions: 0-based positions of the damaged ones among the frames in the order in which the
            decoder gives them; for streams whose times do not tell frames apart
    """

    times: frozenset[int]
    positions: frozenset[int]


def damage_map(path: Path) -> DamageMap:
    """Decode ``path`` in a process of its own and return what is damaged.

    Raises:
        OSError: the process could not be started or failed
    """
    given = json.dumps({"search": sys.path, "path": str(path)})
    done = subprocess.run(
        [sys.executable, "-c", _START], input=given, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OSError(f"the damage of {path} could not be found out: {done.stderr[-500:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    found = DamageMap(frozenset(told["times"]), frozenset(told["positions"]))
    log.info("%s is damaged: %d frames are not used", path.name, len(found.times))
    return found


def tell(path: str) -> None:
    """Write the damage of ``path`` as JSON: what the process of :func:`damage_map` does."""
    with opened(Path(path), 1) as (container, stream):
        rows = list(_packets(container, stream))
    damaged = _spread(rows, stream.codec_context.name in _TOLD_AT_ONCE)
    times = {row[0] for row, bad in zip(rows, damaged, strict=True) if bad and row[0] is not None}
    came_out = [
        time in times or (time is None and bad)
        for (_, _, _, frames), bad in zip(rows, damaged, strict=True)
        for time in frames
    ]
    positions = [place for place, bad in enumerate(came_out) if bad]
    sys.stdout.write(json.dumps({"times": sorted(times), "positions": positions}))


def _packets(container: Any, stream: Any) -> Iterator[tuple[int | None, bool, bool, list[Any]]]:
    """(time, key frame, damaged, times of the frames that came out) of each packet."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except MemoryError:
            raise
        except (FFmpegError, OSError, IndexError):
            return
        frames, said = errors_of_decoding(packet)
        bad = packet.is_corrupt or any(not _is_harmless(text) for text in said)
        corrupt = {frame.pts for frame in frames if frame.is_corrupt}
        yield packet.pts, packet.is_keyframe, bad, [frame.pts for frame in frames]
        for time in corrupt:
            yield time, False, True, []


def _is_harmless(text: str) -> bool:
    return any(word in text for word in _HARMLESS)


def _spread(rows: list[tuple[int | None, bool, bool, list[Any]]], exact: bool) -> list[bool]:
    """Damage of each packet, with what travels to those that are predicted from it."""
    out: list[bool] = []
    for first, last in _groups(rows):
        group = rows[first:last]
        bad = [row[2] for row in group]
        if not exact and any(bad):
            out += [True] * len(group)
            continue
        carried = bool(out) and out[-1] and not group[0][1]
        key_time = group[0][0]
        before = bool(out) and out[-1]
        seen = carried
        for row, own in zip(group, bad, strict=True):
            # Pictures shown before their key frame are predicted from the group before it.
            leading = before and _is_before(row[0], key_time)
            seen = seen or own
            out.append(seen or leading)
    return out


def _is_before(time: int | None, other: int | None) -> bool:
    return time is not None and other is not None and time < other


def _groups(rows: list[tuple[int | None, bool, bool, list[Any]]]) -> Iterator[tuple[int, int]]:
    """Runs of rows that begin with a key frame (the first one wherever it begins)."""
    starts = [0, *(at for at, row in enumerate(rows) if row[1] and at)]
    yield from zip(starts, [*starts[1:], len(rows)], strict=True)
