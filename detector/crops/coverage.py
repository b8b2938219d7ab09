"""Counts the coverage of an extraction by dataset, label and method, with every reason."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..faces.video_faces import VideoFaces
from ..records import Reason, VideoRecord
from ..text.markdown import plain


class Coverage:
    """Counts over many videos; memory does not grow with their number.

    Every tried frame is counted.
    """

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str, str], Counter[str]] = {}
        self._videos: Counter[str] = Counter()
        self._frames: Counter[str] = Counter()
        self._faces: Counter[str] = Counter()
        self._cut: Counter[str] = Counter()
        self._unchecked = 0
        self.videos = 0

    def add(self, record: VideoRecord, result: VideoFaces) -> None:
        """Add one video to the counts."""
        key = (record.source_dataset, record.label_name, record.method)
        row = self._groups.setdefault(key, Counter())
        crops = len(result.crops)
        self.videos += 1
        row["videos"] += 1
        row["without_face"] += crops == 0
        row["faces"] += crops
        row["frames_tried"] += len(result.frames)
        row["frames_usable"] += sum(frame.usable for frame in result.frames)
        if missing := result.info.get("missing_frames"):
            self._cut["videos"] += 1
            self._cut["frames"] += missing
        self._unchecked += before_damage_checks(result)
        if result.reason:
            self._videos[Reason(result.reason).value] += 1
        self._frames.update(Reason(f.reason).value for f in result.frames if f.reason)
        faces = (face for frame in result.frames for face in frame.faces)
        self._faces.update(Reason(face.reason).value for face in faces if face.reason)

    def to_json(self) -> dict[str, Any]:
        """Return the counts as plain values.

        Returns:
            ``{"videos", "without_face", "faces", "groups": [{"source_dataset", "label", "method",
            "videos", "without_face", "faces", "frames_tried", "frames_usable"}, ...],
            "video_reasons", "frame_reasons", "face_reasons", "cut_off": {"videos", "frames"},
            "unchecked"}``; reasons are ``{reason: count}``; cut off counts declared frames missing
            from the files, unchecked the videos of :func:`before_damage_checks`
        """
        rows = [
            {"source_dataset": key[0], "label": key[1], "method": key[2], **row}
            for key, row in sorted(self._groups.items())
        ]
        total = {name: sum(row[name] for row in rows) for name in ("without_face", "faces")}
        return {
            "videos": self.videos,
            **total,
            "groups": rows,
            "video_reasons": dict(self._videos),
            "frame_reasons": dict(self._frames),
            "face_reasons": dict(self._faces),
            "cut_off": {name: self._cut[name] for name in ("videos", "frames")},
            "unchecked": self._unchecked,
        }


def coverage_table(summary: dict[str, Any]) -> str:
    """Return :meth:`Coverage.to_json` as Markdown: one row per group, then the reasons."""
    lines = [
        "| dataset | label | method | videos | without a face | faces | usable frames |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    for row in summary["groups"]:
        tried, usable = row["frames_tried"], row["frames_usable"]
        share = f"{usable} of {tried} ({100 * usable / tried:.1f} %)" if tried else "n/a"
        lines.append(
            f"| {plain(row['source_dataset'])} | {plain(row['label'])} | {plain(row['method'])} "
            f"| {row['videos']} "
            f"| {row['without_face']} | {row['faces']} | {share} |"
        )
    for name, what in (
        ("video_reasons", "Videos without a face"),
        ("frame_reasons", "Frames without a usable face"),
        ("face_reasons", "Faces that were not cropped"),
    ):
        counts = sorted(summary[name].items(), key=lambda item: (-item[1], item[0]))
        if counts:
            lines += [
                "",
                f"{what}: " + ", ".join(f"{n} {plain(reason)}" for reason, n in counts) + ".",
            ]
    cut = summary["cut_off"]
    if cut["videos"]:
        lines += ["", f"{cut_off(cut['frames'])} in {cut['videos']} of the videos."]
    if summary.get("unchecked"):  # jobs of older versions lack this entry
        lines += ["", unchecked(summary["unchecked"])]
    return "\n".join(lines)


def before_damage_checks(result: VideoFaces) -> bool:
    """Return whether a video's crops come from version 0.3, which noticed little damage of files.

    All later crops have the hash of their file. Pictures cannot be damaged in part.
    """
    if result.info.get("container") == "images":
        return False
    faces = (face for frame in result.frames for face in frame.faces)
    return any(face.crop is not None and not face.crop_sha256 for face in faces)


def unchecked(videos: int) -> str:
    """Return a caution about ``videos`` videos of :func:`before_damage_checks`."""
    which = "1 video was" if videos == 1 else f"{videos:,} videos were"
    return (
        f"{which} extracted before damage was checked (by version 0.3), so damaged frames may be "
        "among their faces; extract again into a new folder."
    )


def cut_off(frames: int) -> str:
    """Return the text about frames that a file declares but does not contain."""
    return f"{frames} declared frames are not in the file (a download or copy that broke off)"
