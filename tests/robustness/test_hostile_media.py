"""Hundreds of broken and hostile videos and pictures: a reason for each, nothing else breaks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import hostile_media
import pytest

ROOT = Path(__file__).resolve().parents[2]
UNIT_SECONDS = 60  # wall clock on a busy machine; what is expected is milliseconds


@pytest.fixture(scope="module")
def corpus(numbered_clips, full) -> dict[str, bytes]:
    """Every input by name."""
    return {
        **{f"sound {name}": data for name, data in numbered_clips.items()},
        **hostile_media.cut_videos(numbered_clips, full),
        **hostile_media.flipped_videos(numbered_clips, full),
        **hostile_media.absurd_tables(numbered_clips, full),
        **hostile_media.wrong_files(numbered_clips),
        **hostile_media.odd_pictures(),
        **hostile_media.hostile_pictures(full),
    }


@pytest.fixture(scope="module")
def results(corpus, tmp_path_factory) -> dict[str, dict]:
    """What became of each input."""
    folder = tmp_path_factory.mktemp("corpus")
    for name, data in corpus.items():
        (folder / name).write_bytes(data)
    found: dict[str, dict] = {}
    while set(corpus) - set(found):
        begun = _try(folder, found)
        if begun is not None:  # it died there: note it, and go on with the others
            found[begun] = {"died": True}
            (folder / begun).unlink()
    return found


def _try(folder: Path, found: dict[str, dict]) -> str | None:
    """Run the readers over the folder; the file at which the process died, if it did."""
    for name in found:
        (folder / name).unlink(missing_ok=True)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / '_mount'}", "OMP_NUM_THREADS": "1"}
    script = Path(__file__).with_name("try_media.py")
    done = subprocess.run(
        [sys.executable, str(script), str(folder), str(UNIT_SECONDS)],
        capture_output=True,
        text=True,
        env=environment,
        errors="replace",
    )
    begun = None
    for text in done.stdout.splitlines():
        line = json.loads(text)
        if "start" in line:
            begun = line["start"]
        else:
            found[line["file"]] = line
            begun = None
    assert begun is not None or done.returncode == 0, done.stderr[-3000:]
    return begun


def test_the_corpus_is_as_large_as_promised(corpus, full):
    assert len(corpus) >= (2000 if full else 200)


def test_nothing_crashes_and_nothing_hangs(results):
    died = [name for name, line in results.items() if line.get("died")]
    assert not died, "the process died or ran into the time limit here"


@pytest.mark.parametrize("reader", ["frames", "crop"])
def test_every_refusal_has_a_reason(results, reader):
    crashes = {n: line[reader]["crash"] for n, line in results.items() if "crash" in line[reader]}
    assert not crashes


def test_memory_stays_flat(results):
    worst = max(results.values(), key=lambda line: line["peak_mb"])
    assert worst["peak_mb"] < 1500, worst["file"]


def test_sound_clips_are_read_whole(results):
    for name in [name for name in results if name.startswith("sound")]:
        line = results[name]["frames"]
        assert line["count"] == hostile_media.FRAMES, name
        for number, frame in line["read"].items():
            assert frame["shows"] == int(number), name


def test_a_frame_of_a_cut_video_is_the_frame_that_it_says(results):
    seen = 0
    for name, line in results.items():
        if not name.startswith(("cut", "wrong twice")) or name.endswith((".gif",)):
            continue
        for number, frame in line["frames"].get("read", {}).items():
            if isinstance(frame, dict) and frame["size"] == [hostile_media.HEIGHT, 80]:
                # the cut may have taken a B-frame and left a later one: at most its successors
                late = int(number) >= line["frames"]["count"] - 4
                assert 0 <= frame["shows"] - int(number) <= 3 * late, (name, number)
                seen += 1
    assert seen > 20


def test_unusual_pictures_are_read_in_their_brightness(results):
    for name in hostile_media.odd_pictures():
        line = results[name]
        first = line["frames"]["read"]["0"]
        if "animated" in name:  # the first picture is black
            assert first["mean"] < 40, name
        elif "one bit" not in name and "alpha" not in name and "palette" not in name:
            assert first["mean"] == pytest.approx(128, abs=3), name
            assert line["crop"]["mean"] == pytest.approx(128, abs=3), name


def test_what_is_no_media_gives_no_frame(results, corpus):
    good = {"wrong twice.mp4", "wrong head.mp4", "wrong name.mp4", "wrong name.avi"}
    good |= {"wrong picture.mp4"}
    for name in corpus:
        if name.startswith(("wrong", "bomb")) and name not in good and "nan" not in name:
            frames = results[name]["frames"]
            read = [f for f in frames.get("read", {}).values() if isinstance(f, dict)]
            # Pillow fills the rows that a complete, too short stream lacks with black
            assert name == "wrong rows.png" or not read, (name, frames)


def test_a_cut_picture_is_no_picture(results):
    for name, line in results.items():
        if name.startswith("cut") and ".mp4" not in name and " p." in name:
            read = line["frames"].get("read", {}).values()
            assert not any(isinstance(frame, dict) for frame in read), name
            assert "reason" in line["crop"], name


def test_readers_of_frames_and_of_crops_agree(results):
    for name, line in results.items():
        # a flip in the first bytes makes it something else, which FFmpeg may still know
        is_picture = name.endswith((".png", ".jpg", ".webp", ".bmp", ".tif"))
        if is_picture and not name.startswith("flip") and "read" in line["frames"]:
            frame = line["frames"]["read"]["0"]
            reason = line["crop"].get("reason")
            assert (frame if isinstance(frame, str) else None) == reason, name
