"""The list of folders that a server allows: what is below it, through links and without."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.files import allowed_roots


@pytest.fixture
def roots(tmp_path, monkeypatch) -> Path:
    """``in`` is allowed, ``out`` is not, and neither is ``in-too`` although it begins alike."""
    for name in ("in", "in/deep", "out", "in-too", "cache"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("MEDIA_FORENSICS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(allowed_roots.VARIABLE, str(tmp_path / "in"))
    return tmp_path


def test_without_the_variable_everything_is_allowed(monkeypatch):
    monkeypatch.delenv(allowed_roots.VARIABLE, raising=False)
    assert allowed_roots.allowed_roots() is None
    allowed_roots.require_allowed("/etc/passwd")
    allowed_roots.require_files(["/etc/passwd"], "faces")


@pytest.mark.parametrize("path", ["in", "in/deep", "in/deep/new/file.png", "cache/weights/x"])
def test_below_a_root_and_the_own_cache(roots, path):
    allowed_roots.require_allowed(roots / path, "root")


@pytest.mark.parametrize("path", ["out", "in-too", ".", "in/../out", "in/deep/../../out/new"])
def test_outside_is_refused_at_the_field(roots, path):
    with pytest.raises(ForensicsError, match="outside the folders") as error:
        allowed_roots.require_allowed(f"{roots}/{path}", "root")
    assert error.value.field == "root"
    assert allowed_roots.VARIABLE in error.value.hint


def test_a_link_counts_as_what_it_points_to(roots):
    (roots / "in/away").symlink_to(roots / "out")
    (roots / "out/home").symlink_to(roots / "in/deep")
    assert not allowed_roots.is_allowed(roots / "in/away/secret.mp4")
    assert allowed_roots.is_allowed(roots / "out/home/clip.mp4")


def test_files_in_bulk_name_the_first_and_count_all(roots):
    (roots / "out/a.png").touch()
    (roots / "in/fine.png").touch()
    (roots / "in/linked.png").symlink_to(roots / "out/a.png")
    inside = [str(roots / "in/fine.png"), None, str(roots / "in/not yet.png")]
    allowed_roots.require_files(inside, "faces")
    bad = [str(roots / "in/linked.png"), str(roots / "out/a.png")]
    with pytest.raises(ForensicsError, match=r"^2 files of these faces .*linked\.png"):
        allowed_roots.require_files([*inside, *bad], "faces")


def test_several_roots_an_empty_list_and_a_relative_one(roots, monkeypatch):
    both = os.pathsep.join([str(roots / "in"), str(roots / "out")])
    monkeypatch.setenv(allowed_roots.VARIABLE, both)
    assert allowed_roots.is_allowed(roots / "out/x") and allowed_roots.is_allowed(roots / "in/x")
    monkeypatch.setenv(allowed_roots.VARIABLE, "")  # set by mistake: closed, not open
    assert not allowed_roots.is_allowed(roots / "in/x")
    assert allowed_roots.is_allowed(roots / "cache/x")
    monkeypatch.setenv(allowed_roots.VARIABLE, "data")
    with pytest.raises(ForensicsError, match="not an absolute path"):
        allowed_roots.is_allowed(roots / "in")


def test_a_zero_byte_is_refused(roots):
    with pytest.raises(ForensicsError, match="zero byte"):
        allowed_roots.require_allowed("in/a\0b", "root")


def test_the_filesystem_root_allows_everything(roots, monkeypatch):
    monkeypatch.setenv(allowed_roots.VARIABLE, "/")
    assert allowed_roots.is_allowed("/etc/passwd")
