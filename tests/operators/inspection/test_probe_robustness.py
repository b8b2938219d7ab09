"""Scores under corruptions of the crop and of the video, as fields, views and a table."""

from __future__ import annotations

import io
from fractions import Fraction

import numpy as np
import pytest
from media_forensics.detector.audit.threshold import UNCHOSEN
from media_forensics.detector.errors import ForensicsError
from media_forensics.operators.dataset.fields import delta_field, frame_index

pytestmark = [pytest.mark.fiftyone, pytest.mark.weights]


def columns(view, *names):
    return [np.array(c) for c in view.values(list(names))]


def _detector(dataset):
    from media_forensics.detector.model.checkpoints import load_detector

    return load_detector(dataset.get_run_info("scores_probe").config.detector, device="cpu")


def _forget(dataset, names):
    for name in names:
        dataset.delete_sample_field(delta_field("probe", name))
        dataset.delete_saved_view(f"flips_probe_{name}")
    dataset.delete_run("robustness_probe")


def test_robustness_is_a_column_and_a_flip_is_a_view(demo_dataset, operators):
    from media_forensics.detector.scoring.perturbations import PERTURBATIONS
    from PIL import Image

    few = demo_dataset.take(12, seed=5)
    names = ["jpeg_10", "blur_30"]
    result = operators("probe_robustness")(few, key="probe", perturbations=names, batch_size=4)
    assert result["scored"] == 12 and not result["not_scored"]
    model = _detector(demo_dataset)
    face = few.first()
    crop = np.asarray(Image.open(face.filepath).convert("RGB"))
    expected = model.score([PERTURBATIONS["jpeg_10"].apply(crop)]).p_fake[0] - face.probe_p_fake
    assert face.probe_delta_jpeg_10 == pytest.approx(expected, abs=1e-4)
    before, delta = columns(few, "probe_p_fake", "probe_delta_blur_30")
    flips = int(np.sum((before >= 0.5) != (before + delta >= 0.5)))
    assert len(demo_dataset.load_saved_view("flips_probe_blur_30")) == flips
    row = next(r for r in result["rows"] if r["perturbation"] == "blur_30")
    assert row["faces"] == 12 and row["flips"] == pytest.approx(flips / 12)
    again = operators("probe_robustness")(few, key="probe", perturbations=names)
    assert again["scored"] == 0 and again["already"] == 12
    assert again["threshold"] == 0.5 and again["threshold_from"] == UNCHOSEN.provenance
    at = operators("probe_robustness")(few, key="probe", perturbations=names, threshold=0.9)
    assert at["threshold"] == 0.9 and "0.9 (given" in at["table"]
    flips = int(np.sum((before >= 0.9) != (before + delta >= 0.9)))
    assert len(demo_dataset.load_saved_view("flips_probe_blur_30")) == flips
    _forget(demo_dataset, names)


def _encoded_whole(path, crf):
    """RGB frames after encoding all planes of a video in one go, with PyAV and nothing of ours."""
    import av

    buffer = io.BytesIO()
    with av.open(path) as source, av.open(buffer, "w", format="mp4") as output:
        old = source.streams.video[0]
        stream = output.add_stream("libx264", rate=Fraction(old.average_rate))
        stream.width, stream.height, stream.pix_fmt = old.width, old.height, "yuv420p"
        stream.options = {"crf": str(crf), "threads": "1", "x264-params": "cpu-independent=1"}
        for number, frame in enumerate(source.decode(old)):
            frame.pts, frame.time_base, frame.pict_type = number, 1 / old.average_rate, 0
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    buffer.seek(0)
    with av.open(buffer) as source:
        return [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]


def test_the_video_is_encoded_again_and_the_same_face_cut(demo_dataset, operators):
    import cv2

    video = demo_dataset.match({"ground_truth.label": "real"}).first().video_path
    few = demo_dataset.match({"video_path": video})
    gone = demo_dataset.match({"video_path": {"$ne": video}}).first()
    place = gone.video_path
    gone["video_path"] = "/nowhere/gone.mp4"
    gone.save()
    view = demo_dataset.select([*few.values("id"), gone.id])
    names = ["jpeg_40", "video_h264_40"]
    try:
        result = operators("probe_robustness")(view, key="probe", perturbations=names)
    finally:
        gone["video_path"] = place
        gone.save()
    assert result["scored"] == len(view) and not result["not_scored"]
    assert result["not_recompressed"] == {"missing_file": 1}
    assert "1 missing\\_file" in result["table"] or "1 missing_file" in result["table"]
    demo_dataset.reload()
    gone = demo_dataset[gone.id]
    assert gone.probe_recompression_reason == "missing_file"
    assert gone.probe_delta_video_h264_40 is None and gone.probe_delta_jpeg_40 is not None
    faces = [row["faces"] for row in result["rows"] if row["perturbation"] == "video_h264_40"]
    assert sum(faces) == len(few)
    model, frames = _detector(demo_dataset), _encoded_whole(video, 40)
    ours, theirs = [], []
    for face in few:
        assert face.probe_recompression_reason is None
        matrix = np.array(face.crop_matrix).reshape(2, 3)
        image = frames[frame_index(face.frame_number)]
        crop = cv2.warpAffine(image, matrix, (256, 256), flags=cv2.INTER_LINEAR)
        theirs.append(model.score([crop]).p_fake[0] - face.probe_p_fake)
        ours.append(face.probe_delta_video_h264_40)
    # Two encodes of one strength differ in detail, not in what they do to the scores on average:
    # on this clip two whole encodes (x264 with one thread, and with several) differ by 0.03.
    assert np.mean(ours) == pytest.approx(np.mean(theirs), abs=0.06) and np.any(ours)
    again = operators("probe_robustness")(few, key="probe", perturbations=names)
    assert again["scored"] == 0 and again["already"] == len(few)
    _forget(demo_dataset, names)
    demo_dataset.delete_sample_field("probe_recompression_reason")


def test_names_that_there_are_not(demo_dataset, operators):
    with pytest.raises(ForensicsError, match="no corruption 'fog'"):
        operators("probe_robustness")(demo_dataset, key="probe", perturbations=["fog"])
