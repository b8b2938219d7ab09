import numpy as np
import pytest
import torch
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.model.head import angle
from media_forensics.detector.records import Reason
from media_forensics.detector.scoring.crop_files import read_crop
from media_forensics.detector.scoring.crop_scores import score_crops
from PIL import Image


@pytest.fixture
def files(pictures, tmp_path):
    paths = []
    for index, picture in enumerate(pictures):
        paths.append(tmp_path / f"{index:02d}.png")
        Image.fromarray(picture).save(paths[-1])
    return paths


def collected(batches):
    batches = list(batches)
    names = ("p_fake", "logits", "margin", "angle", "embeddings")
    arrays = {name: np.concatenate([getattr(b, name) for b in batches]) for name in names}
    arrays["indices"] = [i for b in batches for i in b.indices]
    arrays["reasons"] = [r for b in batches for r in b.reasons]
    return arrays


def test_files_score_as_pictures_do(tiny_detector, files, pictures):
    found = collected(score_crops(tiny_detector, files, batch_size=5))
    expected = tiny_detector.score(pictures)
    assert found["indices"] == list(range(len(files))) and found["reasons"] == [None] * len(files)
    np.testing.assert_allclose(found["p_fake"], expected.p_fake, atol=1e-6)
    np.testing.assert_allclose(found["embeddings"], expected.embeddings, atol=1e-6)
    np.testing.assert_allclose(found["logits"], expected.logits, atol=1e-5)
    np.testing.assert_allclose(
        found["margin"], expected.logits[:, 1] - expected.logits[:, 0], atol=1e-5
    )
    np.testing.assert_allclose(
        found["angle"], angle(expected.embeddings, tiny_detector.head), atol=1e-3
    )


@pytest.mark.parametrize(("batch_size", "workers"), [(1, 1), (3, 4), (7, 2), (64, 3)])
def test_batch_order_and_workers_change_nothing(tiny_detector, files, batch_size, workers):
    plain = collected(score_crops(tiny_detector, files))
    order = np.random.default_rng(batch_size).permutation(len(files))
    mixed = collected(
        score_crops(tiny_detector, [files[i] for i in order], batch_size, workers=workers)
    )
    np.testing.assert_allclose(mixed["embeddings"], plain["embeddings"][order], atol=1e-6)
    np.testing.assert_allclose(mixed["p_fake"], plain["p_fake"][order], atol=1e-6)


def test_every_unreadable_file_keeps_its_row_and_its_reason(tiny_detector, files, tmp_path):
    whole = files[0].read_bytes()
    bad = {
        "none.png": (None, Reason.MISSING_FILE),
        "empty.png": (b"", Reason.EMPTY_FILE),
        "half.png": (whole[: len(whole) // 2], Reason.UNREADABLE_IMAGE),
        "text.jpg": (b"hello", Reason.UNREADABLE_IMAGE),
    }
    for name, (data, _) in bad.items():
        if data is not None:
            (tmp_path / name).write_bytes(data)
    (tmp_path / "folder.png").mkdir()
    bad["folder.png"] = (None, Reason.UNREADABLE_IMAGE)
    mixed = []
    for index, name in enumerate(bad):
        mixed += [files[index], tmp_path / name]
    found = collected(score_crops(tiny_detector, mixed, batch_size=3))
    assert found["indices"] == list(range(len(mixed)))
    assert found["reasons"] == [r for _, reason in bad.values() for r in (None, reason)]
    lost = np.array([r is not None for r in found["reasons"]])
    for name in ("p_fake", "logits", "margin", "angle", "embeddings"):
        assert np.isnan(found[name][lost]).all() and np.isfinite(found[name][~lost]).all()
    plain = collected(score_crops(tiny_detector, files[: len(bad)]))
    np.testing.assert_allclose(found["p_fake"][~lost], plain["p_fake"], atol=1e-6)


def test_a_batch_of_only_unreadable_files(tiny_detector, tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    found = collected(score_crops(tiny_detector, paths, batch_size=2))
    assert found["reasons"] == [Reason.MISSING_FILE] * 3


def test_too_many_pixels(tmp_path, monkeypatch):
    Image.new("RGB", (200, 100)).save(tmp_path / "big.png")
    monkeypatch.setattr("media_forensics.detector.scoring.crop_files.MAX_PIXELS", 19_999)
    assert read_crop(tmp_path / "big.png", "") is Reason.TOO_LARGE
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read_crop(tmp_path / "big.png", "") is Reason.TOO_LARGE


def test_grey_alpha_and_sixteen_bit_files(tiny_detector, tmp_path, pictures):
    rgb = Image.fromarray(pictures[2])
    grey = rgb.convert("L")
    grey.save(tmp_path / "grey.png")
    Image.merge("RGB", [grey] * 3).save(tmp_path / "same.png")
    Image.fromarray(np.asarray(grey).astype(np.uint16) * 257).save(tmp_path / "deep.png")
    rgb.save(tmp_path / "rgb.png")
    with_alpha = rgb.copy()
    with_alpha.putalpha(grey)
    with_alpha.save(tmp_path / "alpha.png")
    rgb.convert("CMYK").save(tmp_path / "cmyk.jpg")
    names = ("grey.png", "same.png", "deep.png", "rgb.png", "alpha.png", "cmyk.jpg")
    found = collected(score_crops(tiny_detector, [tmp_path / name for name in names]))
    assert found["reasons"] == [None] * 6
    np.testing.assert_allclose(found["p_fake"][1:3], found["p_fake"][0], atol=1e-6)
    np.testing.assert_allclose(found["p_fake"][4], found["p_fake"][3], atol=1e-6)


def test_a_network_that_overflows_gives_a_reason(tiny_detector, files):
    normal = tiny_detector.backbone.forward

    def poisoned(x):
        features = normal(x).clone()
        features[1] = float("nan")
        return features

    tiny_detector.backbone.forward = poisoned
    found = collected(score_crops(tiny_detector, files[:3], batch_size=3))
    assert found["reasons"] == [None, Reason.NON_FINITE, None]
    assert np.isnan(found["p_fake"][1]) and np.isfinite(found["p_fake"][[0, 2]]).all()


def test_progress_stop_and_nothing_to_do(tiny_detector, files):
    seen = []
    list(score_crops(tiny_detector, files, 5, progress=lambda *a: seen.append(a)))
    assert seen == [(5, 12, "crops"), (10, 12, "crops"), (12, 12, "crops")]
    done = []
    for batch in score_crops(tiny_detector, files, 5, should_stop=lambda: len(done) == 1):
        done.append(batch)
    assert len(done) == 1
    assert list(score_crops(tiny_detector, [])) == []
    with pytest.raises(ForensicsError, match="at least one"):
        score_crops(tiny_detector, files, batch_size=0)


def test_leaving_early_ends_the_threads(tiny_detector, files):
    import threading

    for _ in score_crops(tiny_detector, files * 20, batch_size=2, workers=3):
        break
    assert not [t for t in threading.enumerate() if t.name.startswith("decode")]


def test_only_a_window_of_files_is_decoded_ahead(tiny_detector, files, monkeypatch):
    from media_forensics.detector.scoring import crop_files as scoring

    opened = []
    real = scoring.read_crop
    monkeypatch.setattr(scoring, "read_crop", lambda *file: opened.append(file) or real(*file))
    batches = score_crops(tiny_detector, files * 10, batch_size=4)
    next(batches)
    assert len(opened) <= 12
    batches.close()


def test_float32_and_bf16_agree(tiny_detector, files):
    exact = collected(score_crops(tiny_detector, files, precision="fp32"))
    rough = collected(score_crops(tiny_detector, files, precision="bf16"))
    assert np.abs(exact["p_fake"] - rough["p_fake"]).max() < 0.05
    assert rough["embeddings"].dtype == np.float32
    assert torch.is_grad_enabled()
