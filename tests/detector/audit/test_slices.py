"""Planted slices are found, head the list with their numbers, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from media_forensics.detector.audit.columns import FaceColumns, coded
from media_forensics.detector.audit.slices import SliceFinder
from media_forensics.detector.audit.units import at_level

FACES, NOISE, NUMBERS = 4000, 20, 6


class Plant:
    """Faces with 6 % errors at random, many fields that mean nothing, and a slice of errors."""

    def __init__(self, seed: int = 0, count: int = FACES, of_a_video: int = 1) -> None:
        self.rng = np.random.default_rng(seed)
        self.video = np.arange(count) // of_a_video
        self.label = (self.video % 2).astype(np.int8)
        self.wrong = self.rng.random(count) < 0.06
        self.texts = {
            f"noise{n}": coded(f"v{v}" for v in self.rng.integers(0, n % 9 + 2, count))
            for n in range(NOISE)
        }
        self.texts["source_dataset"] = self.texts["method"] = coded(["all"] * count)
        self.numbers = {f"number{n}": self.rng.normal(size=count) for n in range(NUMBERS)}

    def choose(self, count: int) -> np.ndarray:
        """Fakes, each of another video."""
        fakes = np.flatnonzero(self.label == 1)
        _, first = np.unique(self.video[fakes], return_index=True)
        return self.rng.choice(fakes[first], count, replace=False)

    def field(self, name: str, values: list[str], inside: np.ndarray, value: str) -> None:
        """A field that has ``value`` on the faces ``inside``, and on others by chance."""
        column = self.rng.choice(values, len(self.label)).astype(object)
        column[inside] = value
        self.texts[name] = coded(column.tolist())

    def finder(self, names=(), members=()) -> SliceFinder:
        """Over all fields, ``names`` first."""
        p_fake = np.where(self.wrong == (self.label == 1), 0.3, 0.7)
        video = coded(f"{v:06d}" for v in self.video)
        columns = FaceColumns(
            ids=[str(n) for n in range(len(self.label))],
            label=self.label,
            p_fake=p_fake,
            video=video,
            track=np.full(len(self.label), -1),
            group=video,
            reason=coded([None] * len(self.label)),
            texts=self.texts,
            numbers=self.numbers,
        )
        every = dict.fromkeys([*names, *self.texts, *self.numbers])
        return SliceFinder(at_level(columns, "face"), list(every), members)


def without(plant: Plant, names: tuple[str, ...], values: tuple[str, ...], kept: np.ndarray):
    """Nobody but ``kept`` has all ``values``: one of them becomes another."""
    all_of = np.ones(len(plant.label), bool)
    for name, value in zip(names, values, strict=True):
        all_of &= plant.texts[name].texts() == value
    all_of[kept] = False
    column = plant.texts[names[0]].texts().astype(object)
    others = [v for v in plant.texts[names[0]].values if v != values[0]]
    column[all_of] = others[0]
    plant.texts[names[0]] = coded(column.tolist())


@pytest.mark.parametrize("count, of_a_video", [(FACES, 1), (40_000, 16)])
def test_two_fields_of_the_user_head_the_list(count, of_a_video):
    plant = Plant(1, count, of_a_video)
    inside = plant.choose(46)
    plant.wrong[inside] = np.arange(46) < 44
    plant.field("site", ["north", "south", "east", "west"], inside, "east")
    plant.field("operator", ["ann", "bob", "eve", "dan", "kim"], inside, "eve")
    without(plant, ("site", "operator"), ("east", "eve"), inside)
    found = plant.finder().at(0.5)
    first = found.slices[0]
    assert first.name in (("site: east", "operator: eve"), ("operator: eve", "site: east"))
    assert (first.kind, first.hits, first.trials) == ("fn", 44, 46)
    assert first.lift > 10 and 0.8 < first.low < 44 / 46 < first.high and first.excess > 0.7
    assert len(found.slices) == 1  # what overlaps with it is explained by it
    assert found.tested > 10_000


def test_three_fields_are_found_where_counts_allow():
    plant = Plant(2, 12_000)
    inside = plant.choose(60)
    plant.wrong[inside] = True
    names, values = ("site", "light", "codec"), ("east", "dark", "av1")
    plant.field("site", ["east", "west", "north"], inside, "east")
    plant.field("light", ["dark", "day", "dusk"], inside, "dark")
    plant.field("codec", ["av1", "h264", "vp9"], inside, "av1")
    without(plant, names, values, inside)
    first = plant.finder().at(0.5).slices[0]
    assert set(first.name) == {f"{n}: {v}" for n, v in zip(names, values, strict=True)}
    assert (first.hits, first.trials) == (60, 60)


def test_numbers_are_binned_and_combine_with_texts():
    plant = Plant(3)
    tilt = plant.rng.normal(size=FACES)
    plant.numbers["tilt"] = tilt
    plant.field("site", ["north", "south", "east", "west"], np.zeros(0, int), "")
    odd = (tilt > 0.9) & (plant.texts["site"].texts() == "east") & (plant.label == 0)
    plant.wrong[odd] = True
    first = plant.finder().at(0.5).slices[0]
    assert first.kind == "fp" and set(dict(first.conditions)) == {"tilt", "site"}
    assert any("and above" in word for word in first.name) and first.rate > 0.8


def test_having_a_tag_is_a_slice_and_not_having_it_is_none():
    plant = Plant(4)
    inside = plant.choose(80)
    plant.wrong[inside] = np.arange(80) < 60
    has = np.full(FACES, None, object)
    has[inside] = "yes"
    has[plant.rng.choice(FACES, 40)] = "yes"
    plant.texts["tags has night"] = coded(has.tolist())
    finder = plant.finder(members=("tags has night",))
    assert finder.at(0.5).slices[0].name == ("tags has night",)
    assert all("no value" not in word for s in finder.at(0.5).slices for word in s.name)


def test_a_field_of_names_does_not_hide_its_frequent_values():
    plant = Plant(5)
    column = np.array([f"face {n}" for n in range(FACES)], object)
    inside = plant.choose(50)
    column[inside] = "studio 7"
    plant.wrong[inside] = True
    plant.texts["place"] = coded(column.tolist())
    assert plant.finder().at(0.5).slices[0].name == ("place: studio 7",)


def test_errors_of_one_video_are_no_slice():
    plant = Plant(6, 8000, 40)
    one = plant.video == 7
    plant.wrong[one] = True
    plant.field("site", ["north", "south"], np.flatnonzero(one), "hall 3")
    assert plant.finder().at(0.5).slices == ()


def test_chance_is_rarely_called_a_slice():
    seeds = range(20)
    called = sum(bool(Plant(seed, 2000, 2).finder().at(0.5).slices) for seed in seeds)
    assert called <= 2


def test_work_is_bounded_where_faces_and_fields_are_many(monkeypatch):
    """The matrix that is multiplied does not grow with the faces, nor beyond the values allowed."""
    from media_forensics.detector.audit import slice_search

    sizes = []
    made = slice_search.Search._matrix

    def counted(self, rows, columns):
        sizes.append((len(rows), len(columns)))
        return made(self, rows, columns)

    monkeypatch.setattr(slice_search.Search, "_matrix", counted)
    plant = Plant(7, 60_000, 1)
    for n in range(60):
        plant.field(f"more{n}", [f"w{v}" for v in range(30)], np.zeros(0, int), "")
    plant.finder().at(0.5)
    assert len(sizes) == 2
    for rows, columns in sizes:
        assert rows <= 2 * slice_search.SAMPLE and columns <= slice_search.MOST_COMBINED
