"""A GPU decodes a file only if its first frames are the software's; the source says why not.

Where there is no GPU, other files stand for what a device gives: the comparison and the way back to
the software decoder are the same.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from media_forensics.detector import device
from media_forensics.detector.crops.recipe_check import check_recipe
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.frames import decoders, hardware, opening
from media_forensics.detector.frames.sources import open_source
from media_forensics.detector.records import CropRecipe
from media_forensics.detector.runners.extract import prepare

CLIP = "carphone_pristine.mp4"
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def pictures(source, numbers) -> list[np.ndarray]:
    return [frame.image for frame in source.read(numbers)]


@pytest.fixture
def device_gives(monkeypatch):
    """``device_gives(path, error)``: what stands for the GPU decodes ``path``, then fails."""

    def install(path, error=None):
        def opened(asked, threads, strict=False, hardware=None):
            return opening.opened(asked if hardware is None else path, threads, strict)

        monkeypatch.setattr(hardware, "opened", opened)
        if error is not None:
            whole = hardware.VideoSource._decoded

            def fails(self, container, stream):
                for number, frame in enumerate(whole(self, container, stream)):
                    if number > 12 and isinstance(self, hardware.HardwareSource) and self._on_gpu():
                        raise error
                    yield frame

            monkeypatch.setattr(hardware.VideoSource, "_decoded", fails)

    return install


def test_without_a_gpu_it_is_refused_in_a_sentence_and_a_source_reads_in_software(
    footage, tmp_path, monkeypatch
):
    monkeypatch.setattr(decoders, "found", lambda: device.Found(0, False))
    with pytest.raises(ForensicsError, match="on a CUDA device: torch finds no GPU here") as told:
        prepare(CropRecipe(decoder="cuda"), tmp_path, device="cpu")
    assert told.value.field == "decoder" and not any(tmp_path.iterdir())
    source = open_source(footage[CLIP], decoder="cuda")  # PyAV itself says that there is no driver
    reason = "software: the GPU does not decode it ("
    assert source.info.decoder == "cuda" or source.info.decoder.startswith(reason)
    plain = open_source(footage[CLIP])
    assert plain.info.decoder == ""
    for ours, theirs in zip(pictures(source, [0, 40]), pictures(plain, [0, 40]), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_equal_frames_let_the_device_decode(footage, device_gives, monkeypatch):
    plain = pictures(open_source(footage[CLIP]), [0, 9, 40])
    device_gives(footage[CLIP])
    reformatted = []

    def as_a_device(frame):  # NVDEC's layout
        made = frame.reformat(format="nv12")
        reformatted.append(made.format.name)
        return av_planes(made)

    av_planes = hardware.in_planes
    monkeypatch.setattr(hardware, "in_planes", as_a_device)
    source = open_source(footage[CLIP], decoder="cuda")
    assert source.info.decoder == "cuda"
    for ours, theirs in zip(pictures(source, [0, 9, 40]), plain, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert set(reformatted) == {"nv12"}


def test_other_frames_keep_the_software_decoder(footage, device_gives):
    device_gives(footage["carphone_distorted.mp4"])
    source = open_source(footage[CLIP], decoder="cuda")
    assert "software: the GPU's frames differ by up to" in source.info.decoder
    plain = pictures(open_source(footage[CLIP]), [3])
    np.testing.assert_array_equal(pictures(source, [3])[0], plain[0])
    other = open_source(footage["face_noface.mov"], decoder="cuda")
    assert other.info.decoder == "software: it is read twice to find damage"
    other = open_source(footage[CLIP], decoder="cuda", thorough=True)
    assert other.info.decoder == "software: it is read twice to find damage"


def test_a_device_that_stops_hands_over(footage, device_gives):
    device_gives(footage[CLIP], RuntimeError("out of surfaces"))
    source = open_source(footage[CLIP], decoder="cuda")
    assert source.info.decoder == "cuda"
    numbers = [0, 10, 20, 40]
    plain = pictures(open_source(footage[CLIP]), numbers)
    for ours, theirs in zip(pictures(source, numbers), plain, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_decoder_is_part_of_the_recipe(monkeypatch):
    usual, other = CropRecipe(), CropRecipe(decoder="cuda")

    assert other.hash != usual.hash and "decoder" not in usual.to_json()
    assert CropRecipe.from_json(other.to_json()) == other
    with pytest.raises(ForensicsError, match="decoder") as told:
        check_recipe(replace(usual, decoder="vaapi"))
    assert told.value.field == "decoder"
    with pytest.raises(ForensicsError, match="no decoder 'vaapi'"):
        decoders.require_decoder("vaapi")
    monkeypatch.setattr(decoders, "found", lambda: device.Found(1, False))
    monkeypatch.setattr("media_forensics.detector.frames.pyav.hwdevices_available", lambda: [])
    with pytest.raises(ForensicsError, match="PyAV cannot decode on a CUDA device"):
        decoders.require_decoder("cuda")
    decoders.require_decoder("software")


@gpu
def test_a_gpu_decodes_the_frames_of_the_software(footage):
    source = open_source(footage[CLIP], decoder="cuda")
    assert source.info.decoder == "cuda"
    numbers = list(range(0, len(source.numbers), 7))
    plain = pictures(open_source(footage[CLIP]), numbers)
    for ours, theirs in zip(pictures(source, numbers), plain, strict=True):
        np.testing.assert_array_equal(ours, theirs)
