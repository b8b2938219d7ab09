import numpy as np
import open_clip
import pytest
import torch
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.model.preprocess import Preprocess, as_rgb
from PIL import Image


@pytest.mark.parametrize("shape", [(256, 256), (301, 287), (900, 900), (224, 224), (100, 333)])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_equals_open_clip_to_the_bit(shape, interpolation):
    image = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    reference = open_clip.image_transform(224, is_train=False, interpolation=interpolation)
    ours = Preprocess({"size": 224, "interpolation": interpolation})
    assert torch.equal(ours(image), reference(Image.fromarray(image)))
    assert torch.equal(ours(Image.fromarray(image)), ours(image))


def test_equals_open_clip_for_other_resize_modes():
    from open_clip.transform import PreprocessCfg, image_transform_v2

    image = Image.fromarray(np.random.default_rng(2).integers(0, 256, (90, 50, 3), dtype=np.uint8))
    for mode in ("squash", "longest", "shortest"):
        config = {"size": 56, "resize_mode": mode}
        reference = image_transform_v2(PreprocessCfg(**config), is_train=False)
        assert torch.equal(Preprocess(config)(image), reference(image))


def test_equals_the_slow_hugging_face_processor():
    transformers = pytest.importorskip("transformers")
    slow = getattr(transformers, "CLIPImageProcessorPil", transformers.CLIPImageProcessor)()
    image = np.random.default_rng(3).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    theirs = slow(Image.fromarray(image), return_tensors="np")["pixel_values"][0]
    ours = Preprocess({"size": 224})(image).numpy()
    assert np.abs(ours - theirs).max() < 2e-6


def test_grey_alpha_palette_and_sixteen_bits():
    rgb = np.random.default_rng(4).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    grey = rgb[:, :, 0]
    same = np.repeat(grey[:, :, None], 3, axis=2)
    for image in (grey, grey[:, :, None], Image.fromarray(grey), grey.astype(np.uint16) * 257):
        assert np.array_equal(np.asarray(as_rgb(image)), same)
    wide = Image.fromarray(grey.astype(np.uint16) * 257)
    assert np.array_equal(np.asarray(as_rgb(wide)), same)
    alpha = np.dstack([rgb, np.zeros((20, 30), np.uint8)])
    assert np.array_equal(np.asarray(as_rgb(alpha)), rgb)
    assert np.array_equal(np.asarray(as_rgb(Image.fromarray(alpha))), rgb)
    palette = Image.fromarray(rgb).convert("P")
    assert np.array_equal(np.asarray(as_rgb(palette)), np.asarray(palette.convert("RGB")))
    assert as_rgb(Image.fromarray(rgb).convert("CMYK")).mode == "RGB"
    assert as_rgb(Image.fromarray(rgb).convert("1")).mode == "RGB"
    dark = Image.fromarray(grey.astype(np.int32))  # mode I with 8-bit values
    assert np.array_equal(np.asarray(as_rgb(dark)), same)


def test_exif_orientation_is_applied(tmp_path):
    rgb = np.random.default_rng(5).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(rgb).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as image:
        assert np.array_equal(np.asarray(as_rgb(image)), np.rot90(rgb, -1))


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((4, 4, 3)),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros(5, np.uint8),
    ],
)
def test_what_is_not_a_picture_is_refused(bad):
    with pytest.raises(ForensicsError):
        as_rgb(bad)
