"""Encodes pictures to video with the installed PyAV."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import av
import av.error
import numpy as np
from av.video.reformatter import Colorspace, VideoReformatter

# With more than one thread, the bytes depend on the number of threads. Without ``cpu-independent``
# they depend on the processor, and with AVX-512 they differ even between two runs: the macroblock
# tree reads memory that was never written.
_X264 = {"preset": "medium", "threads": "1", "x264-params": "cpu-independent=1"}


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


#: Encoders of previews: name of the format -> FFmpeg's encoder and its options. Fast, every twelfth
#: frame a key frame, no frame predicted from a later one: a player finds each frame soon.
PREVIEWS: dict[str, tuple[str, dict[str, str]]] = {
    "h264": ("libx264", {"preset": "superfast", "crf": "19", "threads": "2"}),
    "vp9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "crf": "24", "b": "0"}),
}
_FINE = 10_000  # units per second of an MP4, at least
_BT709 = 1  # FFmpeg's number of its primaries, its transfer and its matrix


class PreviewWriter:
    """Encodes pictures with given times to an MP4 that browsers play, as a context manager.

    Args:
        target: the file
        codec: key of :data:`PREVIEWS`
        size: (height, width) of every picture, even
        base: seconds per unit of time

    Raises:
        FFmpegError, OSError: this PyAV lacks the encoder, or the target cannot be written
    """

    def __init__(self, target: Path, codec: str, size: tuple[int, int], base: Fraction) -> None:
        encoder, options = PREVIEWS[codec]
        # whole parts of the source's unit, and as fine as FFmpeg makes them; set before the header
        scale, self._step = base.denominator, base.numerator
        while scale < _FINE:
            scale, self._step = 2 * scale, 2 * self._step
        about = {"video_track_timescale": str(scale), "movflags": "+faststart"}
        self._output = av.open(str(target), "w", format="mp4", options=about)
        self._base = Fraction(1, scale)
        stream: Any = self._output.add_stream(encoder, options=dict(options))
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        stream.time_base = self._base
        context = stream.codec_context
        context.time_base, context.gop_size, context.max_b_frames = self._base, 12, 0
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = 1  # limited
        self._stream = stream
        self._reformatter = VideoReformatter()

    def add(self, picture: np.ndarray, pts: int) -> None:
        """Encode one picture, RGB uint8 (H, W, 3), that is shown from ``pts`` units on."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        shown = self._reformatter.reformat(
            frame, format="yuv420p", dst_colorspace=Colorspace.ITU709
        )
        shown.pts, shown.time_base = pts * self._step, self._base
        self._output.mux(self._stream.encode(shown))

    def __enter__(self) -> PreviewWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._output.mux(self._stream.encode(None))
        finally:
            self._output.close()


def encoders() -> list[str]:
    """Return the formats of :data:`PREVIEWS` that this PyAV can write, the fastest first."""
    return [name for name, (encoder, _) in PREVIEWS.items() if _has_encoder(encoder)]


def _has_encoder(name: str) -> bool:
    try:
        av.Codec(name, "w")
    except av.error.FFmpegError:
        return False
    return True
