"""Opens a video file for decoding, without letting it open other files or addresses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import is_shortage
from ..records import Reason
from .frame import FrameError
from .pyav import FFmpegError, open_media, picture_stream

# A playlist could make the library open other files or addresses. So only containers and raw
# streams are probed, and only the file itself is read.
_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,"
    "live_flv,ogg,asf,gif,h264,hevc,m4v,ivf,obu,mjpeg,mjpeg_2000,mxf,nut,yuv4mpegpipe,wtv,dv,rm,"
    "swf,mp3,wav,flac,aac,webp_pipe,jpeg_pipe,png_pipe,apng,av1",
}


# Makes the decoder report damage that it would otherwise conceal.
_STRICT = {"err_detect": "crccheck+bitstream+buffer+explode"}


@contextmanager
def opened(
    path: Path, threads: int, strict: bool = False, hardware: str | None = None
) -> Iterator[tuple[Any, Any]]:
    """Yield (container, picture stream) and turn errors into :class:`FrameError`.

    Args:
        hardware: see :func:`.pyav.open_media`
    """
    try:
        container = open_media(path, _OPTIONS, hardware)
    except FileNotFoundError as error:
        raise FrameError(Reason.MISSING_FILE, f"{path} is not there.") from error
    except MemoryError:
        raise
    except (FFmpegError, OSError, ValueError) as error:
        if isinstance(error, OSError) and is_shortage(error):
            raise MemoryError(str(error)) from error
        raise FrameError(
            Reason.DECODE_ERROR, f"{path} cannot be opened as a video: {error}."
        ) from error
    try:
        stream = picture_stream(container)
        if stream is None:
            raise FrameError(Reason.NO_VIDEO_STREAM, f"{path} holds no picture stream.")
        if stream.codec_context is None or not stream.codec_context.codec:
            raise FrameError(Reason.DECODE_ERROR, f"{path}: no decoder for its picture stream.")
        if threads != 1:
            stream.codec_context.thread_type = "AUTO"
        stream.codec_context.thread_count = threads
        if strict:
            stream.codec_context.options = _STRICT
        yield container, stream
    finally:
        container.close()
