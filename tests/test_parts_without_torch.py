"""Decoding, crops, quality, metrics and imports, with neither torch nor FiftyOne.

`make pythons` runs this on every Python that is here, with the lowest and the newest allowed
versions of what these parts need; it uses no fixture of a conftest.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
COUNT, SIDE = 48, 64
FORBIDDEN = ("torch", "torchvision", "fiftyone", "open_clip", "facexlib")


def grey(index: int) -> int:
    return 16 + 4 * index


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """An H.264 clip with B-frames whose frame ``i`` is grey ``16 + 4 i``."""
    import av

    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        stream.options = {"crf": "1", "g": "12", "bf": "2"}
        for index in range(COUNT):
            picture = np.full((SIDE, SIDE, 3), grey(index), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_frames_come_by_number_whatever_is_asked(clip):
    from media_forensics.detector.frames.sampling import choose_frames
    from media_forensics.detector.frames.sources import probe_video, read_frames

    assert probe_video(clip).frame_count == COUNT
    for wanted in ([0, 1, 2], [47], [5, 30, 31], choose_frames(COUNT, 8, "uniform")):
        found = dict(read_frames(clip, wanted))
        assert list(found) == sorted(wanted)
        for index, picture in found.items():
            assert picture.shape == (SIDE, SIDE, 3) and picture.dtype == np.uint8
            assert abs(float(picture.mean()) - grey(index)) < 1.9, index


def test_a_broken_clip_is_a_reason_and_no_crash(clip, tmp_path):
    from media_forensics.detector.errors import ForensicsError
    from media_forensics.detector.frames.sources import read_frames

    cut = tmp_path / "cut.mp4"
    cut.write_bytes(clip.read_bytes()[:300])
    with pytest.raises((ForensicsError, OSError, ValueError)):
        list(read_frames(cut, [0]))


def test_a_crop_is_where_its_points_are():
    from media_forensics.detector.crops.align import align_face, template_points
    from media_forensics.detector.faces.quality import measure_pixels

    image = np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    points = template_points() * 0.8 + (30, 20)
    crop, matrix = align_face(image, points)
    assert crop.shape == (256, 256, 3)
    mapped = points @ matrix[:, :2].T + matrix[:, 2]
    assert np.abs(mapped - template_points()).max() < 0.01
    assert measure_pixels(crop, mapped) is not None


def test_metrics_agree_with_scikit_learn():
    from media_forensics.detector.metrics.rates import average_precision, roc_auc
    from sklearn.metrics import average_precision_score, roc_auc_score

    generator = np.random.default_rng(1)
    labels, scores = generator.integers(0, 2, 500), generator.random(500).round(2)
    assert abs(roc_auc(labels, scores) - roc_auc_score(labels, scores)) < 1e-12
    assert abs(average_precision(labels, scores) - average_precision_score(labels, scores)) < 1e-12


def test_a_folder_is_imported(tmp_path):
    from media_forensics.operators.importers.plan import plan_import

    for name in (
        "original_sequences/youtube/c23/videos/000.mp4",
        "original_sequences/youtube/c23/videos/003.mp4",
        "manipulated_sequences/Deepfakes/c23/videos/000_003.mp4",
    ):
        path = tmp_path / "FaceForensics++" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    plan = plan_import(tmp_path / "FaceForensics++")
    assert {record.label for record in plan.records} == {0, 1}
    assert len(plan.records) == 3


def test_none_of_it_loads_torch_or_fiftyone():
    code = (
        "import json, sys\n"
        "from media_forensics.detector.crops import align\n"
        "from media_forensics.detector.frames import sources as frames\n"
        "from media_forensics.detector.metrics import rates as metrics\n"
        "from media_forensics.detector.queues import by_score as queues\n"
        "from media_forensics.detector.faces import quality\n"
        "from media_forensics.detector.frames import video as video_frames\n"
        "from media_forensics.operators.importers import plan\n"
        "print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "_mount"), "PATH": ""},
    )
    assert not set(json.loads(done.stdout)) & set(FORBIDDEN)
