"""Our order and colours reach what is new; what a person has arranged stays."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.fiftyone


@pytest.fixture
def scored(fiftyone_db):
    """``scored(key)``: a dataset of ours with the fields and the record of detector ``key``."""
    from media_forensics.operators.dataset import fields, video_scores

    dataset = fiftyone_db.Dataset()
    fields.declare_common_fields(dataset, faces=True)
    fields.set_description(dataset, kind="faces")

    def score(key: str):
        names = fields.ScoreFields(key)
        if not dataset.has_run(names.run):
            dataset.register_run(names.run, dataset.init_run(method="media_forensics/scores"))
        video_scores.declare(dataset, names)
        return dataset

    yield score
    fiftyone_db.delete_dataset(dataset.name)


def groups(dataset) -> dict[str, list[str]]:
    return {group.name: list(group.paths) for group in dataset.app_config.sidebar_groups}


def test_the_newest_detector_comes_first(scored):
    scored("one")
    dataset = scored("two")
    found = groups(dataset)
    assert list(found)[:4] == ["tags", "verdict", "source", "face"]
    verdict = found["verdict"]
    assert verdict[:3] == ["ground_truth", "two", "two_p_fake"]
    assert verdict.index("one") > verdict.index("two_reason")
    assert dataset.app_config.active_fields.paths == ["ground_truth", "two"]
    coloured = [entry["path"] for entry in dataset.app_config.color_scheme.fields]
    assert {"ground_truth", "one", "two", "two_video"} <= set(coloured)
    assert len(set(coloured)) == len(coloured)


def test_what_a_person_has_arranged_stays(scored):
    import fiftyone as fo

    dataset = scored("one")
    app = dataset.app_config
    mine = fo.SidebarGroupDocument(name="mine", paths=["method", "one_angle"], expanded=True)
    kept = [g for g in app.sidebar_groups if g.name != "source"]
    for group in kept:
        group.paths = [path for path in group.paths if path not in mine.paths]
    app.sidebar_groups = [mine, *kept]
    app.active_fields = fo.ActiveFields(exclude=False, paths=["method"])
    red = [{"value": "fake", "color": "#ff0000"}]
    app.color_scheme.fields = [{"path": "one", "valueColors": red}]
    app.color_scheme.color_pool = ["#123456"]
    dataset.save()
    dataset = scored("two")
    found = groups(dataset)
    assert next(iter(found)) == "mine" and found["mine"] == ["method", "one_angle"]
    assert "one_angle" not in found["verdict"] and "two_angle" in found["verdict"]
    assert dataset.app_config.active_fields.paths == ["method"]
    scheme = dataset.app_config.color_scheme
    assert scheme.color_pool == ["#123456"]
    assert next(e for e in scheme.fields if e["path"] == "one")["valueColors"] == red
    assert "two" in [entry["path"] for entry in scheme.fields]
    before = groups(dataset)
    assert groups(scored("two")) == before  # scored again


def test_a_field_that_is_gone_leaves_the_sidebar(scored):
    from media_forensics.operators.dataset import appearance

    dataset = scored("one")
    dataset.delete_sample_field("one_angle")
    appearance.dress(dataset)
    assert "one_angle" not in groups(dataset)["verdict"]


def test_decisions_queues_and_pairs_have_groups_of_their_own(scored):
    import fiftyone as fo
    from media_forensics.operators.review import decisions, find_hard_examples, states

    dataset = scored("one")
    assert "review" not in groups(dataset)
    rank = find_hard_examples.queue_field("one", "high_loss")
    dataset.add_sample_field(rank, fo.IntField)
    decisions.declare(dataset)
    found = groups(dataset)
    assert list(found)[:6] == ["tags", "verdict", "source", "face", "review", "pair"]
    assert {rank, *states.STATE} == set(found["review"])
    assert {"video_id", "pair_id", "group_id"} <= set(found["pair"])
    everything = [path for paths in found.values() for path in paths]
    assert len(everything) == len(set(everything))
