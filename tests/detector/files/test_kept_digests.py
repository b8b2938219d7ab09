"""Digests from one process to the next: kept while the file is the same, never a stale one."""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.files import kept_digests
from media_forensics.detector.files.hashes import file_sha256
from media_forensics.detector.files.kept_digests import kept, kept_sha256, stamp


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """A cache folder of its own; files of any size and age are kept in it."""
    monkeypatch.setenv("MEDIA_FORENSICS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(kept_digests, "LEAST_BYTES", 1)
    monkeypatch.setattr(kept_digests, "SETTLED_NS", -(10**18))
    return tmp_path / "cache"


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "weights"
    path.write_bytes(b"first")
    return path


@pytest.fixture
def hashed(monkeypatch) -> list[str]:
    """Names of the files that were really hashed."""
    done = []

    def count(path):
        done.append(Path(path).name)
        return file_sha256(path)

    monkeypatch.setattr(kept_digests, "file_sha256", count)
    return done


def test_a_file_is_hashed_once(cache, file, hashed):
    assert kept_sha256(file) == kept_sha256(file) == file_sha256(file)
    assert hashed == ["weights"]
    link = file.with_name("link")
    link.symlink_to(file)
    assert kept_sha256(link) == file_sha256(file)
    assert len(hashed) == 1
    assert (cache / "digests.json").stat().st_mode & 0o777 == 0o600 or os.name == "nt"


def rewritten(path: Path) -> None:
    path.write_bytes(b"other")


def replaced(path: Path) -> None:
    path.with_name("new").write_bytes(b"other")
    path.with_name("new").replace(path)


def longer(path: Path) -> None:
    path.write_bytes(b"first and more")


@pytest.mark.parametrize("change", [rewritten, replaced, longer])
def test_another_content_has_another_digest_even_with_its_old_time(cache, file, hashed, change):
    first, before = kept_sha256(file), file.stat()
    change(file)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    if os.name == "nt" and change is rewritten:
        pytest.skip("Windows has no time of change that a program cannot set")
    assert kept_sha256(file) == file_sha256(file) != first
    assert len(hashed) == 2


def test_a_file_that_was_just_written_is_not_kept(cache, file, hashed, monkeypatch):
    """Within the clock's step of the file system a second change would look like none."""
    monkeypatch.setattr(kept_digests, "SETTLED_NS", 5_000_000_000)
    kept_sha256(file)
    kept_sha256(file)
    assert len(hashed) == 2
    os.utime(file, ns=(0, 0))  # an old time of modification hides nothing
    if os.name != "nt":
        kept_sha256(file)
        kept_sha256(file)
        assert len(hashed) == 4
        assert not (cache / "digests.json").exists()


def test_a_file_that_changes_meanwhile_is_not_kept(cache, file):
    seen = [stamp(file)]

    def compute() -> str:
        rewritten(file)
        return "a" * 64

    assert kept("x", seen, compute) == "a" * 64
    assert not (cache / "digests.json").exists()
    # and what was read before the change is never looked up after it
    assert kept("x", seen, lambda: "b" * 64) == "b" * 64


def test_each_computation_and_each_file_has_its_own(cache, file):
    other = file.with_name("other")
    shutil.copy2(file, other)
    assert kept("x", [stamp(file)], lambda: "a" * 64) == "a" * 64
    assert kept("y", [stamp(file)], lambda: "b" * 64) == "b" * 64
    assert kept("x", [stamp(other)], lambda: "c" * 40) == "c" * 40
    assert kept("x", [stamp(file), stamp(other)], lambda: "d" * 64) == "d" * 64
    assert kept("x", [stamp(file)], lambda: "e" * 64) == "a" * 64
    assert kept("x", [], lambda: "f" * 64) == "f" * 64


def test_a_file_that_cannot_be_seen_has_no_digest(cache, file):
    seen = [stamp(file)]
    kept("x", seen, lambda: "a" * 64)
    file.unlink()
    with pytest.raises(OSError):
        kept_sha256(file)
    assert kept("x", seen, lambda: "b" * 64) == "b" * 64


@pytest.mark.skipif(os.name == "nt", reason="owners and modes are POSIX")
def test_digests_that_others_may_write_do_not_count(cache, file, hashed):
    kept_sha256(file)
    (cache / "digests.json").chmod(0o666)
    kept_sha256(file)
    assert len(hashed) == 2
    kept_sha256(file)  # written again by its owner
    assert len(hashed) == 2


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', "{", "[" * 100_000])
def test_a_damaged_list_is_written_again(cache, file, hashed, content):
    kept_sha256(file)
    (cache / "digests.json").write_text(content)
    kept_sha256(file)
    kept_sha256(file)
    assert len(hashed) == 2


def test_a_digest_that_is_none_does_not_count(cache, file, hashed):
    kept_sha256(file)
    path = cache / "digests.json"
    path.write_text(json.dumps(dict.fromkeys(json.loads(path.read_text()), "not a digest")))
    assert kept_sha256(file) == file_sha256(file)


def test_without_a_cache_folder_files_are_hashed(cache, file, hashed, tmp_path):
    cache.write_text("in its way")
    assert kept_sha256(file) == kept_sha256(file) == file_sha256(file)
    assert len(hashed) == 2


def test_all_that_write_at_once_are_kept(cache, tmp_path, hashed, monkeypatch):
    files = [tmp_path / str(number) for number in range(12)]
    for number, path in enumerate(files):
        path.write_text(str(number))
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(kept_sha256, files))
    assert [kept_sha256(path) for path in files] == found
    assert len(hashed) == 12
    monkeypatch.setattr(kept_digests, "MOST", 3)
    kept("more", [stamp(files[0])], lambda: "a" * 64)
    assert len(json.loads((cache / "digests.json").read_text())) == 3


def test_a_tower_is_hashed_once_and_another_one_is_noticed(cache, tmp_path, monkeypatch):
    """From the file to the refusal: the identity of frozen weights is kept, and never wrong."""
    import torch
    from media_forensics.detector.model import backbone
    from media_forensics.detector.model.checkpoints import load_detector, save_detector
    from media_forensics.detector.model.detector import Detector
    from media_forensics.detector.model.gend import export_gend
    from open_clip.model import CLIP
    from safetensors.torch import load_file, save_file

    vision = {"image_size": 28, "layers": 1, "width": 32, "patch_size": 14, "head_width": 16}
    text = {"context_length": 4, "vocab_size": 8, "width": 8, "heads": 1, "layers": 1}
    model = {"embed_dim": 16, "vision_cfg": vision, "text_cfg": text, "quick_gelu": True}
    folder = tmp_path / "tower"
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": model}))
    weights = folder / "open_clip_model.safetensors"
    save_file({k: v.contiguous() for k, v in CLIP(**model).state_dict().items()}, weights)
    counted, real = [], backbone._hashed
    monkeypatch.setattr(backbone, "_hashed", lambda visual: counted.append(1) or real(visual))

    name = f"local-dir:{folder}"
    first = backbone.load_backbone(name, "cpu")
    assert backbone.load_backbone(name, "cpu").sha256 == first.sha256 == real(first.visual)
    saved = save_detector(Detector(first), tmp_path / "own")
    load_detector(saved, "cpu")
    assert len(counted) == 1
    published = export_gend(Detector(first), tmp_path / "gend")
    assert load_detector(published, "cpu").backbone.sha256 == first.sha256
    load_detector(published, "cpu")
    assert len(counted) == 2

    tensors = load_file(weights)
    tensors["visual.conv1.weight"] += 1
    before = weights.stat()
    save_file(tensors, weights)
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(ForensicsError, match="was trained on the tower"):
        load_detector(saved, "cpu")
    assert torch.equal(
        backbone.load_backbone(name, "cpu").visual.conv1.weight, tensors["visual.conv1.weight"]
    )
