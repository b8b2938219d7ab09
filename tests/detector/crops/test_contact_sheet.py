"""The contact sheet shows every frame, crop and reason, and survives missing files."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from media_forensics.detector.crops.contact_sheet import contact_sheet, shown_frames
from media_forensics.detector.faces.video_faces import FrameFaces, VideoFaces
from media_forensics.detector.records import CropRecipe, VideoRecord
from media_forensics.detector.runners.extract import extract_videos


@pytest.mark.weights
def test_tiles_of_a_real_clip(footage, weights_dir, tmp_path):
    path = footage["face_noface.mov"]
    record = VideoRecord("a", str(path), 0, "x")
    result = next(
        extract_videos([record], CropRecipe(count=5, sampling="uniform"), tmp_path, device="cpu")
    )
    assert {f.reason for f in result.frames} == {None, "no_face"}
    folder = tmp_path / result.recipe_hash
    sheet = contact_sheet(record, result, folder, columns=5, tile=128)
    assert sheet.shape == (128 + 96, 5 * 128, 3) and sheet.dtype == np.uint8
    for column, frame in enumerate(result.frames):
        tile = sheet[96:, column * 128 : (column + 1) * 128]
        if frame.usable:
            crop = cv2.imread(str(folder / frame.faces[0].crop))[:, :, ::-1]
            small = cv2.resize(crop, (128, 128), interpolation=cv2.INTER_AREA)
            assert np.array_equal(tile[:100], small[:100])
        else:
            reason = tile[:24]
            assert (reason[:, -20:] == 40).all() and (reason != 40).any()  # it is written
            assert not tile[24:].any()
    for _, row in result.crops:
        (folder / row.crop).unlink()
    again = contact_sheet(replace(record, path="gone.mp4"), result, folder, columns=3, tile=64)
    assert again.shape == (64 + 48 + 24 + 48, 3 * 64, 3)  # a line with a crop, one without


def test_lines_without_a_crop_are_low_and_long_videos_are_thinned():
    rows = tuple(FrameFaces(n, reason="no_face") for n in range(95))
    result = VideoFaces("a", "h", frame_count=95, frames=rows, reason="no_face")
    assert [r.index for r in shown_frames(result, 4)] == [0, 31, 62, 94]
    assert shown_frames(result, 95) == rows
    sheet = contact_sheet(VideoRecord("a", "gone.mp4", 0, "x"), result, ".", columns=5, limit=12)
    assert sheet.shape == (3 * (120 + 24), 5 * 160, 3)
    assert not sheet[-144:, -3 * 160 :].any()  # two in the last line


def test_a_video_without_frames_is_a_strip_with_its_reason():
    record = VideoRecord("a", "none.mp4", 0, "x")
    sheet = contact_sheet(record, VideoFaces("a", "h", reason="empty_file"), ".", tile=100)
    assert sheet.shape == (48, 600, 3) and (sheet != 40).any()
