"""Finds out which frames of a damaged video decode correctly.

A decoder conceals damage and goes on. Neither the damaged picture nor the pictures predicted from
it carry a mark; only the decoder's log reports the error. A file that shows a sign of damage is
therefore decoded once more, packet by packet. Damage spreads from a packet to all that follow it,
up to the next key frame. Decoders of HEVC, VP9 and AV1 often notice damage late or not at all. For
them the whole group of pictures counts as damaged as soon as one of its packets shows a sign.
Damage that the decoder does not notice in a group without a sign stays undetected.

FFmpeg has one log for the whole process. Reading it while decoder threads end can deadlock, because
PyAV takes the interpreter's lock for each message. The log is therefore read in a separate process.
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
from .pyav import FFmpegError, codec_of, errors_of_decoding
from .second_reading import SILENT, disagreeing
from .unread_ends import WITH_ENDS

log = logging.getLogger(__name__)

#: Codecs whose decoders report damage at the damaged packet.
_TOLD_AT_ONCE = frozenset({"h264", "mpeg1video", "mpeg2video", "mpeg4", "mjpeg", "prores"})
# Messages about streams that decode correctly: marks of pictures that are no longer needed.
_HARMLESS = ("mmco", "number of reference frames", "deprecated pixel format")
_START = (
    "import json, sys; given = json.load(sys.stdin); sys.path[:] = given['search']; "
    "from media_forensics.detector.frames.damage import tell; tell(given['path'])"
)


@dataclass(frozen=True, slots=True)
class DamageMap:
    """The damaged frames of a video.

    Attributes:
        times: presentation times, in stream units, of damaged packets and of those predicted from
            them
        positions: 0-based positions of damaged frames in the order in which the decoder returns
            them; for streams in which times do not identify frames
    """

    times: frozenset[int]
    positions: frozenset[int]


def damage_map(path: Path) -> DamageMap:
    """Decode ``path`` in a separate process and return which frames are damaged.

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
    """Write the damage of ``path`` to stdout as JSON; the process of :func:`damage_map` runs it."""
    with opened(Path(path), 1) as (container, stream):
        codec = codec_of(stream)
    silent = codec in SILENT | WITH_ENDS
    hidden = disagreeing(Path(path)) if silent else set()  # before the log is caught
    with opened(Path(path), 1) as (container, stream):
        rows = list(_packets(container, stream, hidden))
    damaged = _spread(rows, codec in _TOLD_AT_ONCE)
    times = {row[0] for row, bad in zip(rows, damaged, strict=True) if bad and row[0] is not None}
    came_out = [
        time in times or (time is None and bad)
        for (_, _, _, frames), bad in zip(rows, damaged, strict=True)
        for time in frames
    ]
    positions = [place for place, bad in enumerate(came_out) if bad]
    sys.stdout.write(json.dumps({"times": sorted(times), "positions": positions}))


def _packets(
    container: Any, stream: Any, hidden: set[int | None]
) -> Iterator[tuple[int | None, bool, bool, list[Any]]]:
    """Yield (time, key frame, damaged, times of the frames that came out) of each packet."""
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
        bad = packet.is_corrupt or packet.pts in hidden
        bad = bad or any(not _is_harmless(text) for text in said)
        corrupt = {frame.pts for frame in frames if frame.is_corrupt}
        yield packet.pts, packet.is_keyframe, bad, [frame.pts for frame in frames]
        for time in corrupt:
            yield time, False, True, []


def _is_harmless(text: str) -> bool:
    return any(word in text for word in _HARMLESS)


def _spread(rows: list[tuple[int | None, bool, bool, list[Any]]], exact: bool) -> list[bool]:
    """Return for each packet whether it, or a packet it is predicted from, is damaged."""
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
            # Pictures shown before their key frame are predicted from the previous group.
            leading = before and _is_before(row[0], key_time)
            seen = seen or own
            out.append(seen or leading)
    return out


def _is_before(time: int | None, other: int | None) -> bool:
    return time is not None and other is not None and time < other


def _groups(rows: list[tuple[int | None, bool, bool, list[Any]]]) -> Iterator[tuple[int, int]]:
    """Yield (first, last) of each run that begins with a key frame; the first run may lack one."""
    starts = [0, *(at for at, row in enumerate(rows) if row[1] and at)]
    yield from zip(starts, [*starts[1:], len(rows)], strict=True)
