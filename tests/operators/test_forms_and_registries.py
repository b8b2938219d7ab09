"""A form offers what the code behind it carries out: no less, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.fiftyone


def offered(form, name: str) -> set[str]:
    """The choices of a field, as FiftyOne shows them."""
    shown = form.property("").to_json()["type"]["properties"][name]
    return {choice["value"] for choice in shown["view"]["choices"]}


def filled(fill, run, *args, **params):
    from media_forensics.operators.app.form import Form

    dataset = SimpleNamespace(
        name="d",
        info={},
        list_saved_views=lambda: [],
        distinct=lambda _: [],
        get_field_schema=dict,
    )
    form = Form(SimpleNamespace(params=params, dataset=dataset), run)
    fill(form, *args)
    return form


def test_a_recipe_form_offers_what_a_recipe_may_hold(monkeypatch):
    from media_forensics.detector.crops.align import (
        BORDERS,
        INTERPOLATIONS,
        TEMPLATE_TITLES,
        TEMPLATES,
    )
    from media_forensics.detector.crops.encoding import IMAGE_FORMATS
    from media_forensics.detector.crops.subject_policy import SUBJECT_POLICIES
    from media_forensics.detector.faces.detectors import detector_names
    from media_forensics.detector.frames.sampling import SAMPLING_MODES
    from media_forensics.detector.records import CropRecipe
    from media_forensics.operators.faces import extract_faces, extract_form
    from media_forensics.operators.jobs import runners

    assert set(TEMPLATE_TITLES) == set(TEMPLATES)
    view = SimpleNamespace(values=lambda _: ["a", "b"], distinct=lambda _: ["a", "b"])
    form = filled(extract_form.fill, extract_faces.run, view, more=True)
    for name, known in (
        ("detector", detector_names()),
        ("sampling", SAMPLING_MODES),
        ("subject", SUBJECT_POLICIES),
        ("template", TEMPLATES),
        ("border", BORDERS),
        ("interpolation", INTERPOLATIONS),
        ("image_format", IMAGE_FORMATS),
        ("runner", dict(runners.CHOICES)),
    ):
        assert offered(form, name) == set(known), name
    plain = CropRecipe()
    for name in extract_form._RECIPE:
        assert form.made[name].default == getattr(plain, name), name


def test_each_known_face_detector_has_weights_and_each_tower_a_source():
    from media_forensics.detector.faces.detectors import detector_names
    from media_forensics.detector.model.known_towers import CACHED, KNOWN_TOWERS
    from media_forensics.detector.weights.known import known

    for name in detector_names():
        assert known(name).file
    for name, tower in KNOWN_TOWERS.items():
        assert tower.title
        assert tower.hint if tower.source == CACHED else ":" in tower.source, name


def test_training_offers_every_recipe_and_tower():
    from media_forensics.detector.model.known_towers import KNOWN_TOWERS
    from media_forensics.operators.training import training_form
    from media_forensics.training.config import RECIPE_WORDS, RECIPES

    assert set(RECIPE_WORDS) == set(RECIPES)
    assert {name for name, _ in training_form.recipes()} == set(RECIPES)
    assert {name for name, _ in training_form.backbones()} == set(KNOWN_TOWERS)
    assert training_form.DEFAULT_RECIPE in RECIPES
    assert training_form.DEFAULT_BACKBONE in KNOWN_TOWERS


def test_every_loss_has_a_weight_in_the_config():
    from media_forensics.training.config import TrainConfig
    from media_forensics.training.losses import LOSSES

    weights = {name for name in TrainConfig().to_json() if name.endswith("_weight")}
    assert {f"{name}_weight" for name in LOSSES} == weights - {"ce_weight"}


def test_every_measure_of_a_face_is_made_kept_and_shown():
    from dataclasses import fields as fields_of

    from media_forensics.detector.faces.quality import OF_LANDMARKS, PixelQuality
    from media_forensics.detector.faces.video_faces import MEASURES, FaceRow
    from media_forensics.operators.dataset import appearance, fields

    of_pixels = {field.name for field in fields_of(PixelQuality)}
    assert set(MEASURES) == {*OF_LANDMARKS, *of_pixels, "border_share"}
    assert set(MEASURES) <= {field.name for field in fields_of(FaceRow)}
    assert set(MEASURES) <= set(fields.FACE_FIELDS) & set(appearance.FACE)
