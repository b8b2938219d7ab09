"""A checkpoint from elsewhere is loaded as it is, or refused in words; it never runs."""

from __future__ import annotations

import signal
from pathlib import Path

import hostile_checkpoints
import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.files.tensor_files import read_checkpoint
from media_forensics.detector.model.checkpoints import load_detector, read_record
from safetensors.torch import load_file

UNIT_SECONDS = 20  # expected are milliseconds


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="module")
def sound(folder) -> Path:
    """A detector in our format that loads."""
    return hostile_checkpoints.tiny_detector(folder)


@pytest.fixture(scope="module")
def corpus(sound, folder) -> dict[str, bytes]:
    tensors = load_file(sound / "detector.safetensors")
    return {
        **hostile_checkpoints.mis_declared(),
        **hostile_checkpoints.pickled(folder / "ran"),
        **hostile_checkpoints.strange_records(tensors, read_record(sound)),
        **hostile_checkpoints.strange_published(),
    }


def outcome(path: Path) -> str:
    """``loaded``, or what was said; TimeoutError where neither came in time."""

    def late(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, late)
    signal.alarm(UNIT_SECONDS)
    try:
        load_detector(path, "cpu")
    except ForensicsError as error:
        assert error.message
        return str(error)
    finally:
        signal.alarm(0)
    return "loaded"


# A wrong word in these does not change what is computed, so the detector may load.
HARMLESS = {
    "record key_name", "record recipe number", "record recipe unknown",
    "record calibration word", "record nan",
}  # fmt: skip


def test_each_is_refused_in_words(corpus, folder):
    wrong = {}
    for number, (name, data) in enumerate(corpus.items()):
        ours = name.startswith(("record", "tensor"))
        endings = ["detector.safetensors"] if ours else ["model.safetensors", "model.ckpt"]
        for ending in endings:
            path = folder / f"try-{number}" / ending
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            try:
                said = outcome(path)
            except Exception as error:  # what must not happen: each is listed, with its file
                wrong[name, ending] = f"{type(error).__name__}: {error}"[:200]
                continue
            if said == "loaded" and name not in HARMLESS:
                wrong[name, ending] = "loaded"
            path.unlink()
    assert not wrong, "\n".join(f"{k}: {v}" for k, v in wrong.items())
    assert not (folder / "ran").exists(), "a checkpoint ran its code"


def test_the_evil_object_would_have_run(folder):
    import pickle

    marker = folder / "would"
    pickle.loads(pickle.dumps(hostile_checkpoints.Evil(marker)))
    assert marker.exists()


def test_the_sound_one_loads_afterwards(corpus, sound):
    assert outcome(sound) == "loaded"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_change_of_bytes_is_refused_or_harmless(sound, folder, data):
    """Flipped bytes are refused, or leave the identity of the detector as it was."""
    whole = (sound / "detector.safetensors").read_bytes()
    start = data.draw(st.integers(0, len(whole) - 1))
    piece = data.draw(st.binary(max_size=8))
    changed = whole[:start] + piece + whole[start + len(piece) :]
    changed = changed[: data.draw(st.one_of(st.just(len(changed)), st.integers(0, len(changed))))]
    path = folder / "changed" / "detector.safetensors"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(changed)
    try:
        found = load_detector(path, "cpu")
    except ForensicsError:
        return
    assert found.sha256 == load_detector(sound, "cpu").sha256


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.sampled_from([".safetensors", ".ckpt", ".pth"]))
def test_any_bytes_are_tensors_or_words(folder, data, suffix):
    path = folder / f"bytes{suffix}"
    path.write_bytes(data)
    try:
        tensors, _ = read_checkpoint(path)
    except ForensicsError:
        return
    assert all(torch.is_tensor(tensor) for tensor in tensors.values())


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)
_DECLARED = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "F16", "I64", "BOOL", "F8_E4M3", "X", ""]) | _JSON,
        "shape": st.lists(st.integers(-3, 2**33), max_size=4) | _JSON,
        "data_offsets": st.lists(st.integers(-1, 64), max_size=3) | _JSON,
    }
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(max_size=8), _DECLARED | _JSON, max_size=4), st.binary(max_size=64))
def test_any_header_is_tensors_or_words(folder, header, body):
    path = folder / "header.safetensors"
    path.write_bytes(hostile_checkpoints.safetensors(header, body))
    try:
        tensors, _ = read_checkpoint(path)
    except ForensicsError:
        return
    assert all(tensor.numel() * tensor.element_size() <= 64 for tensor in tensors.values())
