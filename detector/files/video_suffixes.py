"""Lists the endings of video files, for every place that looks for videos in a folder."""

from __future__ import annotations

# fmt: off
#: Lower-case endings, those of camcorders (AVCHD, MXF, DVD) and old phones included.
VIDEO_SUFFIXES = frozenset({
    ".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".ts",
    ".mts", ".m2ts", ".mxf", ".ogv", ".3g2", ".asf", ".vob", ".mpe", ".qt", ".f4v", ".m2v", ".divx",
})
# fmt: on
