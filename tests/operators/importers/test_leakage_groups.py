"""Groups, pairs, derived splits and selections keep their promises on any set of records."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings, strategies as st
from media_forensics.detector.errors import ForensicsError
from media_forensics.detector.records import VideoRecord
from media_forensics.operators.importers.contract import ImportOptions, leak_key
from media_forensics.operators.importers.leakage_groups import (
    KnownVideo,
    changes_of_known,
    crossings,
    link_records,
    sides_of_known,
)
from media_forensics.operators.importers.partial_import import at_most, select_records
from media_forensics.operators.importers.splits import derive_splits


@st.composite
def sources(draw) -> list[VideoRecord]:
    """Reals and fakes with any parents, pairs, compressions and people, in any order."""
    reals = draw(st.integers(1, 12))
    fakes = draw(st.lists(st.tuples(*[st.integers(0, 14)] * 2), max_size=25))
    compressions = draw(st.sampled_from([("",), ("c23",), ("raw", "c40")]))
    people = draw(st.lists(st.sampled_from([None, "ann", "bob", "cid"]), min_size=15, max_size=15))
    records = []
    for compression in compressions:
        middle = f"{compression}/" if compression else ""
        for i in range(reals):
            records.append(
                VideoRecord(
                    video_id=f"D/real/{middle}{i:02d}",
                    path=f"/{compression}/{i}",
                    label=0,
                    source_dataset="D",
                    compression=compression,
                    attributes={"identity": people[i]} if people[i] else {},
                )
            )
        for n, (target, source) in enumerate(fakes):
            pair = f"D/real/{middle}{target:02d}"
            records.append(
                VideoRecord(
                    video_id=f"D/swap/{middle}{n}-{target:02d}_{source:02d}",
                    path=f"/{compression}/f{n}",
                    label=1,
                    source_dataset="D",
                    method=("swap", "lips")[n % 2],
                    compression=compression,
                    pair_id=pair,
                    parents=(pair, f"D/real/{middle}{source:02d}"),
                )
            )
    random.Random(draw(st.integers(0, 99))).shuffle(records)
    return records


def components(records: list[VideoRecord]) -> set[frozenset[str]]:
    """Groups by brute force: repeat until nothing changes."""
    tokens = {}
    for record in records:
        tokens[record.video_id] = {
            leak_key(name, record.compression)
            for name in (record.video_id, *record.parents, record.pair_id or record.video_id)
        }
    changed = True
    while changed:
        changed = False
        for a in tokens:
            for b in tokens:
                if tokens[a] & tokens[b] and tokens[a] != tokens[b]:
                    tokens[a] = tokens[b] = tokens[a] | tokens[b]
                    changed = True
    parts = defaultdict(set)
    for video_id, found in tokens.items():
        parts[frozenset(found)].add(video_id)
    return {frozenset(part) for part in parts.values()}


def groups_of(records: list[VideoRecord]) -> set[frozenset[str]]:
    parts = defaultdict(set)
    for record in records:
        parts[record.group_id].add(record.video_id)
    return {frozenset(part) for part in parts.values()}


@given(sources())
@settings(max_examples=60, deadline=None)
def test_groups_are_the_connected_components(records):
    linked = link_records(records)
    assert [r.video_id for r in linked] == [r.video_id for r in records]
    assert groups_of(linked) == components(records)
    ids = {r.video_id for r in records}
    for record in linked:
        want = "none" if not record.pair_id else "present" if record.pair_id in ids else "missing"
        assert record.pair_status == want


@given(sources(), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_group_names_do_not_depend_on_the_order_of_the_files(records, seed):
    shuffled = records[:]
    random.Random(seed).shuffle(shuffled)
    first = {r.video_id: r.group_id for r in link_records(records)}
    assert first == {r.video_id: r.group_id for r in link_records(shuffled)}


@given(sources(), st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_importing_in_two_steps_ends_with_the_groups_of_one(records, cut):
    cut = min(cut, len(records))
    first = link_records(records[:cut])
    known = [
        KnownVideo(r.video_id, r.compression, r.group_id, r.pair_id, r.pair_status) for r in first
    ]
    rest = link_records(records[cut:], known)
    changes = changes_of_known(records[cut:], known)
    stored = {r.video_id: changes["group_id"].get(r.video_id, r.group_id) for r in first}
    stored |= {r.video_id: r.group_id for r in rest}
    parts = defaultdict(set)
    for video_id, group in stored.items():
        parts[group].add(video_id)
    # A donor that is neither a pair nor on the disk is not stored, so a first step may lack a
    # link that only such a donor makes; what is one group in two steps is always one in one.
    whole = components(records)
    for part in parts.values():
        assert any(part <= component for component in whole)
    if all(p in {r.video_id for r in records[:cut]} for r in records[:cut] for p in r.parents):
        assert {frozenset(part) for part in parts.values()} == whole


@given(sources(), st.integers(0, 5), st.floats(0, 0.45), st.floats(0, 0.45))
@settings(max_examples=60, deadline=None)
def test_derived_splits_never_divide_a_group(records, seed, val, test):
    linked = link_records(records)
    split, remark = derive_splits(linked, val, test, seed)
    assert "derived" in remark
    assert not [c for c in crossings(split) if c.kind == "group"]
    assert {r.split_source for r in split} == {"derived"}
    assert all(r.split in ("train", "val", "test") for r in split)
    assert val > 0 or not any(r.split == "val" for r in split)
    again, _ = derive_splits(list(reversed(linked)), val, test, seed)
    assert {r.video_id: r.split for r in again} == {r.video_id: r.split for r in split}


@given(sources(), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_derived_splits_keep_official_ones_and_do_not_leak(records, seed):
    linked = link_records(records)
    fixed = [
        r if i % 3 else type(r)(**{**_asdict(r), "split": "test", "split_source": "official"})
        for i, r in enumerate(linked)
    ]
    split, _ = derive_splits(fixed, 0.1, 0.2, seed)
    for before, after in zip(fixed, split, strict=True):
        assert before.split is None or after is before
    assert not [c for c in crossings(split) if c.kind == "group"]


def _asdict(record):
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def test_a_group_that_crosses_already_gets_nothing_more():
    pair = "D/real/0"
    base = {"path": "/x", "source_dataset": "D", "split_source": "official"}
    records = link_records(
        [
            VideoRecord(video_id=pair, label=0, split="train", **base),
            VideoRecord(video_id="D/f/1", label=1, pair_id=pair, split="test", **base),
            VideoRecord(video_id="D/f/2", label=1, pair_id=pair, path="/x", source_dataset="D"),
        ]
    )
    split, remark = derive_splits(records)
    assert [r.split for r in split] == ["train", "test", None]
    assert "1 videos have none" in remark


@given(sources(), st.integers(0, 30), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_what_is_imported_later_joins_the_split_of_its_group(records, cut, seed):
    """In two steps, with other seeds: what the first derived stays, and nothing leaks."""
    first, _ = derive_splits(link_records(records[:cut]), seed=seed)
    known = [
        KnownVideo(r.video_id, r.compression, r.group_id, r.pair_id, r.pair_status, r.split)
        for r in first
    ]
    linked = link_records(records, known)
    there = sides_of_known(records, known)
    assert {side.video_id: side.split for side in there} == {r.video_id: r.split for r in first}
    settled = defaultdict(set)
    for side in there:
        settled[side.group].add(side.split)
    new = [r for r in linked if r.video_id not in {k.video_id for k in known}]
    split, _ = derive_splits(new, seed=seed + 1, settled=settled)
    leaks = {c.name for c in crossings(split, there) if c.kind == "group"}
    assert leaks <= {group for group, splits in settled.items() if len(splits) > 1}
    for record in split:
        if len(settled[record.group_id]) == 1:
            assert {record.split} == settled[record.group_id]
        else:
            assert (record.split is None) == (len(settled[record.group_id]) > 1)


def test_a_person_on_both_sides_takes_no_group_along():
    base = {"path": "/x", "label": 0, "source_dataset": "D"}
    ann = {"identity": "ann"}
    official = {"split_source": "official", "attributes": ann, **base}
    records = [
        VideoRecord(video_id="D/a/1", split="train", **official),
        VideoRecord(video_id="D/a/2", split="test", **official),
        VideoRecord(video_id="D/a/3", attributes=ann, **base),
        *(
            VideoRecord(video_id=f"D/b/{i}", attributes={"identity": f"person {i}"}, **base)
            for i in range(20)
        ),
    ]
    fake = VideoRecord(video_id="D/f/1", path="/y", label=1, source_dataset="D", pair_id="D/a/2")
    split, remark = derive_splits(link_records([*records, fake]))
    assert {r.video_id: r.split for r in split}["D/f/1"] == "test"
    assert all(r.split for r in split) and "have none" not in remark


def test_shares_are_met_where_groups_are_small():
    records = link_records(
        [
            VideoRecord(
                video_id=f"D/{kind}/{i:03d}",
                path="/x",
                label=int(kind == "fake"),
                source_dataset="D",
                method="swap" if kind == "fake" else "original",
                pair_id=f"D/real/{i:03d}" if kind == "fake" else None,
            )
            for i in range(100)
            for kind in ("real", "fake")
        ]
    )
    split, _ = derive_splits(records, 0.1, 0.2)
    assert Counter(r.split for r in split) == {"train": 140, "val": 20, "test": 40}
    assert Counter((r.split, r.label) for r in split)["test", 1] == 20


def test_people_stay_on_one_side_where_that_is_possible():
    records = link_records(
        [
            VideoRecord(
                video_id=f"D/real/{i}",
                path="/x",
                label=0,
                source_dataset="D",
                attributes={"identity": f"person {i % 10}"},
            )
            for i in range(60)
        ]
    )
    split, remark = derive_splits(records)
    assert crossings(split) == [] and "one person stay together" in remark


@given(sources(), st.integers(1, 20), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_a_first_look_has_whole_groups_and_never_more_than_asked(records, limit, seed):
    linked = link_records(records)
    try:
        kept, _ = at_most(linked, limit, seed)
    except ForensicsError as error:
        assert error.field == "max_per_class"
        counts = [Counter(r.label for r in linked if r.group_id == g) for g in
                  {r.group_id for r in linked}]  # fmt: skip
        assert all(max(count.values()) > limit for count in counts)
        return
    labels = Counter(r.label for r in kept)
    assert max(labels.values()) <= limit
    chosen = {r.group_id for r in kept}
    assert kept == [r for r in linked if r.group_id in chosen]


def test_selection_by_each_option(plant):
    records = [
        VideoRecord("D/r/raw/1", "/1", 0, "D", compression="raw", split="train"),
        VideoRecord("D/a/raw/1", "/2", 1, "D", "a", "face_swap", "raw", "train"),
        VideoRecord("D/b/c23/1", "/3", 1, "D", "b", "lip_sync", "c23", "test"),
        VideoRecord("D/s/c23/1", "/4", 0, "D", compression="c23", audio_label="fake"),
    ]

    def kept(**options):
        chosen, _ = select_records(records, ImportOptions(**options))
        return [r.path for r in chosen]

    assert kept() == ["/1", "/2", "/3", "/4"]
    assert kept(methods=("b",)) == ["/1", "/3", "/4"]
    assert kept(splits=("train",)) == ["/1", "/2"]
    assert kept(splits=("none",)) == ["/4"]
    assert kept(compressions=("c23",)) == ["/3", "/4"]
    assert kept(labels=("fake",)) == ["/2", "/3"]
    assert kept(audio_only="exclude") == ["/1", "/2", "/3"]
    with pytest.raises(ForensicsError, match="Did you mean 'c23'") as error:
        kept(compressions=("c24",))
    assert error.value.field == "compressions"
    with pytest.raises(ForensicsError, match="There are: a, b, original") as error:
        kept(methods=("Deepfakes",))
    assert error.value.field == "methods"


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"splits": "training"}, "splits"),
        ({"labels": ["maybe"]}, "labels"),
        ({"audio_only": "drop"}, "audio_only"),
        ({"derive_splits": "yes"}, "derive_splits"),
        ({"max_per_class": -1}, "max_per_class"),
        ({"val_share": 0.5, "test_share": 0.5}, "val_share"),
    ],
)
def test_bad_options_name_their_field(options, field):
    with pytest.raises(ForensicsError) as error:
        ImportOptions.from_params(options)
    assert error.value.field == field


def test_an_unknown_option_names_the_nearest():
    with pytest.raises(ForensicsError, match="Did you mean 'compressions'"):
        ImportOptions.from_params({"compression": "c23"})
