"""YuNet through OpenCV's own code, on a network of three layers whose answer is known by hand."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.faces.detectors import load_face_detector

STRIDES = (8, 16, 32)
#: What the network says of a red cell: centre and size of the box, then five points, in cells.
BOX = (0.5, 0.25, np.log(3.0), np.log(4.0))
POINTS = (0.1, 0.2, 0.9, 0.2, 0.5, 0.6, 0.2, 0.9, 0.8, 0.95)


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def _field(number: int, value: bytes | int | str) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _tensor(name: str, array: np.ndarray) -> bytes:
    kind = 1 if array.dtype == np.float32 else 7
    dims = b"".join(_field(1, size) for size in array.shape)
    return dims + _field(2, kind) + _field(8, name) + _field(9, array.tobytes())


def _node(op: str, inputs: list[str], output: str, **attributes: list[int]) -> bytes:
    body = b"".join(_field(1, name) for name in inputs) + _field(2, output)
    for name, values in attributes.items():
        body += _field(5, _field(1, name) + _field(20, 7) + b"".join(_field(8, v) for v in values))
    return body + _field(3, output) + _field(4, op)


def _value(name: str, shape: list[int]) -> bytes:
    dims = b"".join(_field(1, _field(1, size)) for size in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, 1) + _field(2, dims)))


def write_network(path, names=("cls", "obj", "bbox", "kps")) -> str:
    """An ONNX file with YuNet's outputs: the score is the mean red of a cell, the rest constant.

    Mean over each cell, 1 x 1 convolution, channels last, one row per cell.
    """
    constants = {"cls": (0.0,), "obj": (1.0,), "bbox": BOX, "kps": POINTS}
    nodes, tensors, outputs = b"", b"", b""
    for stride in STRIDES:
        pooled = f"pool{stride}"
        square = [stride, stride]
        nodes += _field(
            1, _node("AveragePool", ["input"], pooled, kernel_shape=square, strides=square)
        )
        for kind, name in zip(constants, names, strict=True):
            out, bias = f"{name}_{stride}", np.array(constants[kind], np.float32)
            weight = np.zeros((len(bias), 3, 1, 1), np.float32)
            if kind == "cls" and stride == 8:
                weight[0] = np.array([-1, -1, 1], np.float32)[:, None, None] / 255  # BGR: red only
            shape = np.array([1, -1, len(bias)], np.int64)
            tensors += _field(5, _tensor(f"w_{out}", weight)) + _field(5, _tensor(f"b_{out}", bias))
            tensors += _field(5, _tensor(f"s_{out}", shape))
            inputs = [pooled, f"w_{out}", f"b_{out}"]
            nodes += _field(1, _node("Conv", inputs, f"c_{out}", kernel_shape=[1, 1]))
            nodes += _field(1, _node("Transpose", [f"c_{out}"], f"t_{out}", perm=[0, 2, 3, 1]))
            nodes += _field(1, _node("Reshape", [f"t_{out}", f"s_{out}"], out))
            outputs += _field(12, _value(out, [1, (64 // stride) ** 2, len(bias)]))
    graph = nodes + _field(2, "yunet") + tensors
    graph += _field(11, _value("input", [1, 3, 64, 64])) + outputs
    path.write_bytes(_field(1, 8) + _field(7, graph) + _field(8, _field(2, 13)))
    return str(path)


def picture(cells, shape=(96, 160), side=8) -> np.ndarray:
    """RGB: black, with red cells at (column, row)."""
    image = np.zeros((*shape, 3), np.uint8)
    for column, row, red in cells:
        image[row * side : (row + 1) * side, column * side : (column + 1) * side, 0] = red
    return image


def expected(column: int, row: int, cell: float = 8.0) -> tuple[np.ndarray, np.ndarray]:
    """Box and points of a red cell, by the definition of the network's output."""
    cx, cy, width, height = (column + BOX[0]) * cell, (row + BOX[1]) * cell, 3 * cell, 4 * cell
    box = np.array([cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2])
    points = (np.reshape(POINTS, (5, 2)) + np.array([column, row])) * cell
    return box, points


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> str:
    return write_network(tmp_path_factory.mktemp("yunet") / "net.onnx")


@pytest.fixture
def yunet(network):
    return load_face_detector("yunet", weights=network)


def test_boxes_points_order_and_colours(yunet):
    image = picture([(3, 4, 230), (15, 8, 255)])
    blue = np.ascontiguousarray(image[:, :, ::-1])
    faces, none = yunet.detect([image, blue])
    assert none == [] and len(faces) == 2
    for face, (cell, red) in zip(faces, [((15, 8), 255), ((3, 4), 230)], strict=True):
        box, points = expected(*cell)
        assert np.allclose(face.box, box, atol=1e-4)
        assert np.allclose(face.landmarks, points, atol=1e-4)
        assert face.score == pytest.approx(np.sqrt(red / 255), abs=1e-5)
    assert yunet.detect([image], score_threshold=0.97)[0] == faces[:1]
    assert yunet.detect([]) == []
    assert (yunet.name, yunet.device, len(yunet.sha256)) == ("yunet", "cpu", 64)


def test_a_long_side_limit_scales_back(yunet):
    large = picture([(3, 4, 255)], shape=(192, 320), side=16)
    (face,) = yunet.detect([large], max_side=160)[0]
    box, points = expected(3, 4, cell=16.0)
    assert np.allclose(face.box, box, atol=1e-3) and np.allclose(face.landmarks, points, atol=1e-3)


def test_sizes_that_are_no_multiple_of_the_cells(yunet):
    for shape in ((61, 97), (33, 32), (100, 250)):
        (face,) = yunet.detect([picture([(1, 2, 255)], shape)])[0]
        assert np.allclose(face.box, expected(1, 2)[0], atol=1e-4)


def test_the_recipe_of_a_crop_carries_it(yunet, network, tmp_path):
    from media_forensics.detector.records import CropRecipe, VideoRecord
    from media_forensics.detector.runners.extract import extract_videos

    path = tmp_path / "a.png"
    cv2.imwrite(str(path), picture([(6, 5, 255)])[:, :, ::-1])
    recipe = CropRecipe(detector="yunet", count=1, min_eye_distance=2, size=64)
    record = VideoRecord("a", str(path), 0, "x")
    (result,) = extract_videos([record], recipe, tmp_path / "s", weights=network)
    assert result.reason is None and len(result.crops) == 1
    stored = next((tmp_path / "s").glob("*/recipe.json")).read_text()
    assert yunet.sha256 in stored and result.recipe_hash != recipe.hash


def test_other_files_and_devices_are_refused(tmp_path, network, monkeypatch):
    noise = tmp_path / "noise.onnx"
    noise.write_bytes(struct.pack("<40I", *range(40)))
    other = write_network(tmp_path / "other.onnx", names=("a", "b", "c", "d"))
    for path in (noise, other):
        with pytest.raises(ForensicsError, match="is not YuNet") as caught:
            load_face_detector("yunet", weights=path)
        assert caught.value.field == "weights"
    with pytest.raises(ForensicsError, match="does not run on"):
        load_face_detector("yunet", device="cuda", weights=network)
    monkeypatch.setenv("MEDIA_FORENSICS_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ForensicsError, match=r"0\.2 MB"):
        load_face_detector("yunet")
    placed = tmp_path / "cache" / "weights" / "yunet" / "face_detection_yunet_2023mar.onnx"
    placed.parent.mkdir(parents=True)
    placed.write_bytes(b"another file")
    with pytest.raises(ForensicsError, match="not the registered file"):
        load_face_detector("yunet")
