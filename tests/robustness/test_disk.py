"""A disk that is full or read-only: said, nothing half-written, and finished when there is room."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.files.atomic import write_json
from media_forensics.detector.records import CropRecipe, VideoRecord
from media_forensics.detector.runners.extract import extract_videos


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 48 kB: one crop fits, four do not."""
    place = tmp_path / "disk"
    place.mkdir()
    try:
        mount(place, "size=48k")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no tmpfs can be mounted here: {getattr(error, 'stderr', '') or error}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def mount(place: Path, options: str) -> None:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    subprocess.run(command, check=True, capture_output=True, text=True)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def crops_of(footage, root: Path) -> list:
    record = VideoRecord(
        video_id="v/0", path=str(footage["single_face.mp4"]), label=0, source_dataset="v"
    )
    return list(extract_videos([record], CropRecipe(count=4, max_side=320), root, device="cpu"))


@pytest.mark.weights
def test_extraction_on_a_full_disk_says_so_and_is_finished_later(
    small_disk, footage, weights_dir, tmp_path
):
    (whole,) = crops_of(footage, tmp_path / "roomy")
    (cut,) = crops_of(footage, small_disk / "crops")
    assert cut.reason == "write_error" and "space" in cut.detail
    named = {face.crop for frame in cut.frames for face in frame.faces if face.crop}
    assert len(named) < len(whole.crops)
    folder = next((small_disk / "crops").iterdir())
    assert all((folder / crop).is_file() for crop in named)
    assert not [name for name in contents(small_disk) if name.endswith(".tmp")]
    mount(small_disk, "remount,size=50m")
    (again,) = crops_of(footage, small_disk / "crops")
    assert again == whole
    assert contents(small_disk / "crops") == contents(tmp_path / "roomy")


def test_a_file_is_replaced_whole_or_not_at_all(small_disk):
    write_json(small_disk / "a.json", {"old": True})
    with pytest.raises(OSError, match="space"):
        write_json(small_disk / "a.json", {"new": "x" * 200_000})
    assert contents(small_disk) == {"a.json": b'{"old":true}'}


@pytest.mark.weights
def test_a_read_only_folder_is_said_at_the_field_before_any_work(small_disk, footage, weights_dir):
    mount(small_disk, "remount,ro")
    with pytest.raises(ForensicsError, match="cannot be written") as error:
        crops_of(footage, small_disk / "crops")
    assert error.value.field == "crops_dir"
