"""The door for paths: what is named becomes absolute and allowed; what indexes name stays in."""

from __future__ import annotations

from pathlib import Path

import pytest
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.files import paths
from media_forensics.detector.files.allowed_roots import VARIABLE
from media_forensics.detector.files.atomic import replacing, write_bytes


def test_home_and_working_folder_are_those_of_the_call(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    assert paths.given("~/x") == tmp_path / "home/x"
    relative = paths.given("data/../x")
    assert relative == tmp_path / "a/x"
    monkeypatch.chdir(tmp_path)
    assert paths.given(relative) == relative
    assert paths.given("./~/x") == tmp_path / "~/x"  # a folder that is called so


@pytest.mark.parametrize("bad", [None, 3, b"/tmp/x", "", "  ", "a\0b", "~nobody-of-that-name/x"])
def test_what_is_no_path_is_said_at_its_field(bad):
    with pytest.raises(ForensicsError) as error:
        paths.given(bad, "root")
    assert error.value.field == "root"


def test_a_list_is_not_one_text():
    with pytest.raises(ForensicsError, match="one path, not a list"):
        paths.given_all("/data", "merge_from")
    assert paths.given_all(None) == [] and paths.given_or_none("") is None


OUTWARD = ["", ".", "..", "../x", "a/../../x", "/etc/passwd", "a//b", "a/./b", "a\0b", "..\\x", 3]


@pytest.mark.parametrize("name", [*OUTWARD, None])
def test_a_name_of_an_index_that_leaves_its_folder_is_refused(name, tmp_path):
    with pytest.raises(ForensicsError, match="outside of it"):
        paths.inside(tmp_path, name)


def test_links_count_as_what_they_point_to(tmp_path):
    store, other = tmp_path / "store", tmp_path / "other"
    store.mkdir()
    other.mkdir()
    (store / "away").symlink_to(other)
    (store / "file.png").symlink_to(other / "not there yet.png")
    (store / "near").symlink_to(store)
    for name in ("away/x.png", "file.png", "away"):
        assert not paths.below(store, name)
    assert paths.inside(store, "near/x.png") == store / "near/x.png"
    (tmp_path / "link to store").symlink_to(store)  # the user's own way to name the folder
    assert paths.below(tmp_path / "link to store", "x/y.png")


def test_a_folder_that_becomes_a_link_while_a_file_is_written_is_noticed(tmp_path, monkeypatch):
    inside, outside = tmp_path / "in", tmp_path / "out"
    (inside / "sub").mkdir(parents=True)
    outside.mkdir()
    monkeypatch.setenv(VARIABLE, str(inside))
    with (
        pytest.raises(ForensicsError, match="outside the folders"),
        replacing(inside / "sub/x.txt") as temporary,
    ):
        temporary.write_text("x")
        (inside / "sub").rename(inside / "old")
        (inside / "sub").symlink_to(outside)
        (outside / temporary.name).write_text("planted")
    assert not (outside / "x.txt").exists()
    with pytest.raises(ForensicsError, match="outside the folders"):
        write_bytes(inside / "sub/y.txt", b"y")
    assert not (outside / "y.txt").exists()


def test_a_link_at_the_place_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "target").write_text("mine")
    (tmp_path / "x").symlink_to(tmp_path / "target")
    write_bytes(tmp_path / "x", b"new")
    assert (tmp_path / "target").read_text() == "mine" and not (tmp_path / "x").is_symlink()
    assert Path(tmp_path / "x").read_text() == "new"
