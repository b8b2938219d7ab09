"""Opens, decodes and encodes media with the installed PyAV.

Only this module and :mod:`.preview` import ``av``. Here the differences between its releases are
handled. Tested with 17.0 to 19.0:

- before 17.0, pictures tagged as BT.709 get the colours of BT.601, unlike in any other reader, and
  the conversion uses one thread: not supported;
- in 17.0, ``open(options=)`` crashes the process on FLV and MPEG program streams, whose streams
  appear during reading; ``container_options=`` does not;
- up to 18.1, undecodable metadata stops the opening unless ``metadata_errors`` is set; from 19.0 on
  it never does, and the argument no longer exists;
- from 19.0 on, rates and time bases are FFmpeg's own rationals: unset is falsy, no longer None.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import av
import av.codec.context
import av.container
import av.error
import av.logging
import numpy as np
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.stream import Disposition
from av.video.frame import PictureType
from av.video.reformatter import VideoReformatter

from ..errors import is_shortage

# With more than one thread, the bytes depend on the number of threads. Without ``cpu-independent``
# they depend on the processor, and with AVX-512 they differ even between two runs: the macroblock
# tree reads memory that was never written.
_X264 = {"preset": "medium", "threads": "1", "x264-params": "cpu-independent=1"}

FFmpegError: Any = av.error.FFmpegError
VERSION: str = av.__version__


def open_media(
    source: str | Path | IO[bytes],
    options: Mapping[str, str] | None = None,
    hardware: str | None = None,
) -> Any:
    """Open ``source`` for reading and return its container, even if its metadata is broken.

    Args:
        source: a file, or an object to read from
        options: FFmpeg's options of the container
        hardware: FFmpeg's name of the kind of device that decodes, such as ``cuda``; None: software

    Raises:
        FFmpegError, OSError, ValueError: the source cannot be opened
    """
    lenient: dict[str, Any] = {"metadata_errors": "ignore"} if _metadata_is_strict() else {}
    if hardware is not None:
        lenient["hwaccel"] = HWAccel(hardware, allow_software_fallback=False)
    file = str(source) if isinstance(source, str | Path) else source
    return av.open(file, container_options=dict(options or {}), **lenient)


def decodes_on(hardware: str) -> bool:
    """Return whether this FFmpeg can decode on such devices, be there one or not."""
    return hardware in hwdevices_available()


def in_planes(frame: Any) -> Any:
    """Return a frame as a device gives it (``nv12``) in planes, with the same samples."""
    return frame.reformat(format="yuv420p") if frame.format.name == "nv12" else frame


def picture_stream(container: Any) -> Any | None:
    """Return the video stream that players show; None if there is none.

    This is FFmpeg's best stream (the default one, then the one with most pixels), but never an
    attached picture (cover art) or a strip of thumbnails.
    """
    still = Disposition.attached_pic | Disposition.timed_thumbnails
    shown = [s for s in container.streams.video if not s.disposition & still]
    best = container.streams.best("video")
    return next((s for s in shown if best is not None and s.index == best.index), None) or max(
        shown,
        key=lambda s: (bool(s.disposition & Disposition.default), s.width * s.height),
        default=None,
    )


def display_matrix(frame: Any) -> tuple[int, ...] | None:
    """Return the nine numbers of a frame's display matrix; None if it has none."""
    data = frame.side_data.get("DISPLAYMATRIX")
    return None if data is None else struct.unpack("=9i", bytes(data))


def pixel_aspect(stream: Any) -> Fraction | None:
    """Return width / height of a stored pixel from the container, or else from the codec."""
    return positive(stream.sample_aspect_ratio) or positive(
        stream.codec_context.sample_aspect_ratio
    )


def picture_type(frame: Any) -> str:
    """Return the letter of a decoded frame's picture type (I, P, B), ``?`` without one."""
    name = PictureType(int(frame.pict_type)).name
    return name if len(name) == 1 else "?"


def codec_of(stream: Any) -> str:
    """Return the name of a stream's format (``av1``), not of its decoder (``libdav1d``)."""
    return stream.codec_context.codec.canonical_name


def with_bytes(packet: Any, change: Callable[[bytes], bytes]) -> Any:
    """Return a packet with the changed bytes of ``packet``.

    Packets that also carry what cannot be copied (marks of an edit list, side data) are returned
    as they are.
    """
    if not packet.size or packet.is_discard or any(True for _ in packet.iter_sidedata()):
        return packet
    made = av.Packet(change(bytes(packet)))
    made.pts, made.dts, made.time_base = packet.pts, packet.dts, packet.time_base
    made.is_keyframe = packet.is_keyframe
    return made


def picture_digest(frame: Any) -> int:
    """Return a checksum of the pixels of a decoded frame."""
    found = 0
    for plane, part in zip(frame.planes, frame.format.components, strict=False):
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height]
        used = plane.width * (2 if part.bits > 8 else 1)
        found = zlib.crc32(rows[:, :used].tobytes(), found)
    return found


def pictures_of(codec: str, extradata: bytes | None, packets: list[bytes]) -> tuple[int, ...]:
    """Return the checksums of what a new decoder makes of some packets; () if it refuses one.

    Of pictures that they refer to and that are missing, the decoder makes grey ones.
    """
    decoder: Any = av.CodecContext.create(codec, "r")
    decoder.extradata, decoder.thread_count = extradata, 1
    decoder.flags |= av.codec.context.Flags.output_corrupt
    decoder.options = {"ec": "0"}  # what it cannot decode stays black
    frames: list[Any] = []
    try:
        for time, data in enumerate(packets):
            packet = av.Packet(data)
            packet.pts = packet.dts = time
            frames += decoder.decode(packet)
        frames += decoder.decode(None)
    except FFmpegError as error:
        if isinstance(error, OSError) and is_shortage(error):
            raise MemoryError(str(error)) from error
        return ()
    return tuple(map(picture_digest, frames))


def errors_of_decoding(packet: Any) -> tuple[list[Any], list[str]]:
    """Return the frames of a packet and the decoder's messages of level "error" about it.

    Use this only in a process that decodes with one thread and does nothing else: FFmpeg has one
    log per process, and PyAV takes the interpreter's lock for each message.
    """
    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)
    with av.logging.Capture() as said:
        try:
            frames = packet.decode()
        except FFmpegError as error:
            return [], [str(error)]
    return frames, [text for level, _, text in said if level <= av.logging.ERROR]


def positive(value: Any) -> Fraction | None:
    """Return a rate or time base of PyAV as a fraction; None if it is unset, zero or infinite."""
    if not value or not value.denominator:
        return None
    return Fraction(value.numerator, value.denominator)


def container_seconds(container: Any) -> float | None:
    """Return the duration that the container declares, in seconds; None if it declares none."""
    return container.duration / av.time_base if container.duration else None


class RgbConverter:
    """Converts decoded frames to RGB. Keep one per source, because it reuses its tables."""

    def __init__(self, threads: int) -> None:
        self._reformatter = VideoReformatter()
        self._threads = threads

    def convert(self, frame: Any, size: tuple[int, int], deep: bool = False) -> np.ndarray:
        """Return the pixels of a decoded frame as uint8, or uint16 if ``deep``, (H, W, 3).

        Args:
            frame: a decoded frame
            size: (width, height) of the result; scaled bilinearly if the frame's differs
            deep: True for 16 bits per channel
        """
        layout = "rgb48le" if deep else "rgb24"
        rgb = self._reformatter.reformat(
            frame, width=size[0], height=size[1], format=layout, threads=self._threads
        )
        return rgb.to_ndarray()


class H264Writer:
    """Encodes pictures to 8-bit 4:2:0 H.264 at a constant rate factor, as a context manager.

    Args:
        target: a file, or a seekable object to write to
        container: FFmpeg's name of the container
        size: (height, width) of every picture, even
        rate: frames per second
        crf: x264's constant rate factor, 0 (lossless) to 51
        options: FFmpeg's options of the container
        comment: metadata of the container

    Raises:
        FFmpegError, OSError: this PyAV lacks x264, or the target cannot be written
    """

    def __init__(
        self,
        target: str | Path | IO[bytes],
        container: str,
        size: tuple[int, int],
        rate: Fraction | int,
        crf: int,
        options: Mapping[str, str] | None = None,
        comment: str | None = None,
    ) -> None:
        file = str(target) if isinstance(target, str | Path) else target
        self._output = av.open(file, "w", format=container, options=dict(options or {}))
        if comment is not None:
            self._output.metadata["comment"] = comment
        stream = self._new_stream(rate, crf)
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        self._stream = stream
        self._ended = False

    def _new_stream(self, rate: Fraction | int, crf: int) -> Any:
        options = _X264 | {"crf": str(crf)}
        return self._output.add_stream("libx264", rate=rate, options=options)

    def add(self, picture: np.ndarray) -> None:
        """Encode one picture: RGB uint8 (H, W, 3) or grey (H, W)."""
        layout = "rgb24" if picture.ndim == 3 else "gray"
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=layout)
        self._output.mux(self._stream.encode(frame))

    def end(self) -> None:
        """Flush the encoder and write the container's index; further calls do nothing."""
        if not self._ended:
            self._ended = True
            try:
                self._output.mux(self._stream.encode(None))
            finally:
                self._output.close()

    def close(self) -> None:
        """Free the encoder without finishing the stream."""
        self._ended = True
        self._output.close()

    def __enter__(self) -> H264Writer:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.end() if kind is None else self.close()


class Mpeg4Writer(H264Writer):
    """Encodes to MPEG-4 part 2, as phones and webcams did before H.264.

    ``crf`` is its constant quantiser, 2 (best) to 31.
    """

    def _new_stream(self, rate: Fraction | int, crf: int) -> Any:
        stream: Any = self._output.add_stream("mpeg4", rate=rate)
        stream.codec_context.qmin = stream.codec_context.qmax = crf
        return stream


@lru_cache(maxsize=1)
def _metadata_is_strict() -> bool:
    """Return whether undecodable metadata is an error by default."""
    return hasattr(av.container.Container, "metadata_errors")
