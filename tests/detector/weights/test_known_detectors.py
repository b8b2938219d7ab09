import pytest
from hub_server import running_hub
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.model.checkpoints import load_detector, save_detector
from media_forensics.detector.weights import known_detectors
from media_forensics.detector.weights.known_detectors import (
    PUBLISHED,
    find_detector,
    register_detector,
    registered_detectors,
    unregister_detector,
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDIA_FORENSICS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_missing_published_detector_says_how_to_get_it(name):
    with pytest.raises(ForensicsError) as caught:
        load_detector(name)
    text = str(caught.value)
    known = PUBLISHED[name]
    for part in (known.file, known.repository, "MB", "hf download", known.command, "MIT"):
        assert part in text or (part == "MB" and "GB" in text)


def test_published_file_with_another_hash_is_refused():
    known = PUBLISHED["gend_clip_l14"]
    known.path.parent.mkdir(parents=True)
    known.path.write_bytes(b"not it")
    with pytest.raises(ForensicsError, match="not the published file"):
        find_detector(known.name)


def test_published_file_is_fetched_only_with_consent(monkeypatch):
    known = PUBLISHED["clip_ln_l14"]
    data = b"weights"
    with running_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        hub.commits[known.revision] = {known.file: data}
        with pytest.raises(ForensicsError):
            find_detector(known.name)
        assert not hub.asked
        assert find_detector(known.name, allow_download=True) == known.path
        assert all(known.revision in path for _, path, *_ in hub.asked)
        seen = len(hub.asked)
        assert find_detector(known.name, allow_download=True).read_bytes() == data
        assert len(hub.asked) == seen  # never again


def test_register_load_and_forget(tiny_detector, tmp_path):
    save_detector(tiny_detector, tmp_path / "mine")
    register_detector("my_detector", tmp_path / "mine")
    assert registered_detectors() == {"my_detector": str(tmp_path / "mine")}
    assert load_detector("my_detector", "cpu").sha256 == tiny_detector.sha256
    with pytest.raises(ForensicsError, match="my_detector"):
        load_detector("my_detecter")
    (tmp_path / "mine").rename(tmp_path / "gone")
    with pytest.raises(ForensicsError, match="no longer exists"):
        load_detector("my_detector")
    unregister_detector("my_detector")
    unregister_detector("my_detector")
    assert registered_detectors() == {}


@pytest.mark.parametrize("name", ["", "Big", "a b", "gend_clip_l14", "1a"])
def test_bad_names_and_paths_are_refused(name, tmp_path):
    with pytest.raises(ForensicsError, match="cannot be registered"):
        register_detector(name, tmp_path)
    with pytest.raises(ForensicsError, match="no checkpoint"):
        register_detector("fine", tmp_path / "none")


def test_damaged_registry_is_named(cache):
    cache.mkdir()
    (cache / "detectors.json").write_text("[")
    with pytest.raises(ForensicsError, match=r"detectors\.json"):
        registered_detectors()
    assert known_detectors.PUBLISHED is PUBLISHED
