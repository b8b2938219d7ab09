"""States the container, the streams, their tags, and the pattern of key frames of a video file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from ..frames.frame import MAX_FRAME_PIXELS
from ..frames.opening import opened
from ..frames.packet_table import STOPPED, frames_of
from ..frames.pyav import codec_of, container_seconds, picture_type, pixel_aspect, positive
from .encoder_marks import encoder_facts
from .fact import Fact, fact

CONTAINER, STREAM, TAGS, PATTERN = "container", "picture stream", "tags", "key frames"
MOST_PACKETS = 100_000  # packets of the picture stream that are counted
MOST_DECODED = 120  # frames whose picture type is asked for
_FIRST = 4  # packets that are searched for the encoder's own words
_MOST_STREAMS = 20


def stream_facts(path: Path) -> list[Fact]:
    """Return what a video file's container and streams say.

    Raises:
        FrameError: it cannot be opened as a video, or holds no picture stream
        MemoryError: too little memory for the decoder
    """
    with opened(path, 1) as (container, stream):
        found = [*_container(container), *_streams(container, stream), *_tags(container)]
        found += _packets(container, stream)
    return found


def _container(container: Any) -> list[Fact]:
    seconds = container_seconds(container)
    rows = [
        ("format", f"{container.format.name} ({container.format.long_name})"),
        ("duration", "not stated" if seconds is None else f"{seconds:.3f} s"),
        ("bit rate", f"{container.bit_rate:,} bit/s" if container.bit_rate else "not stated"),
    ]
    if container.start_time:
        rows.append(("first time", f"{container.start_time / 1e6:.3f} s"))
    return [fact(CONTAINER, name, value) for name, value in rows]


def _streams(container: Any, stream: Any) -> list[Fact]:
    """Return the streams of other kinds by name, and the properties of the picture stream."""
    found = []
    for other in list(container.streams)[:_MOST_STREAMS]:
        context = getattr(other, "codec_context", None)
        name = getattr(getattr(context, "codec", None), "name", None) or "unknown codec"
        said = f"{other.type}, {name}"
        if other.index == stream.index:
            said += ", examined"
        elif other.type == "audio":
            said += ", not examined: sound is out of scope"
        found.append(fact(CONTAINER, f"stream {other.index}", said))
    context, rate = stream.codec_context, positive(stream.average_rate)
    aspect = pixel_aspect(stream)
    rows = [
        ("codec", codec_of(stream)),
        ("profile", stream.profile or "not stated"),
        ("level", getattr(context, "level", None)),
        ("size", f"{context.width} x {context.height} pixels"),
        ("pixel format", context.pix_fmt),
        ("pixel aspect", None if aspect in (None, 1) else aspect),
        ("frame rate", None if rate is None else f"{float(rate):.6g} ({rate})"),
        ("frames stated", stream.frames or None),
        ("bit rate", f"{context.bit_rate:,} bit/s" if context.bit_rate else None),
        ("reordered frames", getattr(context, "has_b_frames", None)),
    ]
    return found + [fact(STREAM, name, value) for name, value in rows if value is not None]


def _tags(container: Any) -> list[Fact]:
    """Return the tags of the container and its streams: encoder, times, devices, places."""
    found = [fact(TAGS, name, value) for name, value in container.metadata.items()]
    for stream in list(container.streams)[:_MOST_STREAMS]:
        for name, value in stream.metadata.items():
            found.append(fact(TAGS, f"stream {stream.index}: {name}", value))
    return found


def _packets(container: Any, stream: Any) -> list[Fact]:
    """Return the pattern of key frames, picture types and times, and the encoder's own words."""
    keys: list[int] = []
    times: list[int] = []
    first: list[bytes] = []
    types: list[str] = []
    count, size, stopped = 0, 0, ""
    small = stream.codec_context.width * stream.codec_context.height <= MAX_FRAME_PIXELS
    try:
        for packet in container.demux(stream):
            if (
                small and len(types) < MOST_DECODED
            ):  # the last packet is empty: it gives what is left
                types += [picture_type(frame) for frame in frames_of(packet) or ()]
            if packet.size == 0:
                continue
            if count == MOST_PACKETS:
                stopped = f"only the first {MOST_PACKETS:,} packets are counted"
                break
            if packet.is_keyframe:
                keys.append(count)
            if packet.pts is not None:
                times.append(packet.pts)
            if len(first) < _FIRST:
                first.append(bytes(packet)[: 1 << 20])
            count, size = count + 1, size + packet.size
    except STOPPED as error:
        stopped = f"reading stopped after {count:,} packets: {error}"
    extradata = bytes(stream.codec_context.extradata or b"")
    found = encoder_facts(codec_of(stream), extradata, first)
    found.append(fact(PATTERN, "packets", f"{count:,}, {size:,} bytes"))
    if len(keys) > 1:
        gaps = np.diff(keys)
        common = Counter(gaps.tolist()).most_common(3)
        shown = ", ".join(f"{gap} ({n}x)" for gap, n in common)
        text = f"{len(keys):,} key frames, {gaps.min()} to {gaps.max()} apart; most often {shown}"
    else:
        text = f"{len(keys)} key frame" + ("" if len(keys) == 1 else "s")
    found.append(fact(PATTERN, "distances", text))
    if types:
        # frames leave the decoder in the order in which they are shown
        order = "".join(types)
        counts = Counter(order)
        text = ", ".join(f"{counts[name]} {name}" for name in sorted(counts))
        found.append(fact(PATTERN, "picture types", f"{order} ({text})"))
    found += _rate(times, stream)
    return [*found, fact(PATTERN, "not complete", stopped)] if stopped else found


def _rate(times: list[int], stream: Any) -> list[Fact]:
    """Say whether the distances between shown frames are equal."""
    steps = np.diff(np.unique(np.array(times, np.int64)))
    base = positive(stream.time_base)
    if not steps.size or base is None:
        return []
    usual = Counter(steps.tolist()).most_common(1)[0][0]
    odd = int((np.abs(steps - usual) > max(1, usual // 100)).sum())
    if not odd:
        text = f"constant, {float(usual * base) * 1000:.3f} ms"
    else:
        low, high = (float(v * base) * 1000 for v in (steps.min(), steps.max()))
        text = f"varying: {odd:,} of {steps.size:,} are not the usual; {low:.3f} to {high:.3f} ms"
    return [fact(PATTERN, "distance of frames", text)]
