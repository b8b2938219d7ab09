"""The review by keyboard in a real browser: what was pressed is what the records say."""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
from media_forensics.operators.review import find_hard_examples, opinions

pytestmark = [pytest.mark.browser, pytest.mark.fiftyone, pytest.mark.weights]
QUEUE = "probe_rank_high_loss"
OF_KEY = {"1": "confirm_label", "2": "wrong_label", "3": "wrong_face", "4": "unusable"}


@pytest.fixture(scope="module")
def reviewed(app_server, demo_dataset, fiftyone_db, tmp_path_factory):
    """A copy of the demo dataset with a queue, and a page on it; each test has own reviewers."""
    from app_driver import App

    faces = demo_dataset.clone()
    faces.persistent = True
    find_hard_examples.run(faces, key="probe", queues=("high_loss",), limit=40, per_video=40)
    app_server.reset()
    shots = os.environ.get("MEDIA_FORENSICS_SHOTS")
    with App(
        app_server.url, faces.name, Path(shots) if shots else tmp_path_factory.mktemp("x")
    ) as app:
        yield app, faces
        assert not app.errors, app.errors
    fiftyone_db.delete_dataset(faces.name)


def watch(app) -> list[tuple[str, int]]:
    """Return the list to which the requests of the panel are added: (method, bytes)."""
    sent: list[tuple[str, int]] = []

    def note(request) -> None:
        if "/operators/execute" in request.url:
            body = json.loads(request.post_data or "{}")
            if "/review" in body.get("operator_uri", ""):
                sent.append((body.get("params", {}).get("__method__"), len(request.post_data)))

    app.page.on("request", note)
    return sent


def open_desk(app, name: str = "", queue: str = QUEUE) -> None:
    app.open_panel("review")
    app.find("mf-review").wait_for()
    for part, wanted in (("show", "open"), ("order", "queue"), ("queue", queue)):
        chosen = app.find(f"mf-review-{part}")
        if chosen.input_value() != wanted:
            chosen.select_option(wanted)
            app.until(wanted, lambda c=chosen, w=wanted: c.input_value() == w)
    if name:
        app.find("mf-review-name").fill(name)
        app.page.keyboard.press("Enter")
        app.find("mf-review-nameless").wait_for(state="hidden")
    app.until("its first face", lambda: app.find("mf-review-crop").count())
    app.find("mf-review").focus()


def progress(app, words: str) -> None:
    app.until(words, lambda: words in app.find("mf-review-progress").inner_text())


def press(app, *keys: str) -> None:
    """Press ``keys``; a face that is not there yet cannot be decided."""
    for key in keys:
        app.until("the face", lambda: app.find("mf-review-crop").count())
        app.page.keyboard.press(key)


def stored(app) -> None:
    words = app.find("mf-review-waiting")
    app.until("all stored", lambda: words.inner_text() == "all stored")


def is_down(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return True
    return False


def test_it_fits_speaks_and_leaves_typing_alone(reviewed):
    app, _ = reviewed
    open_desk(app)
    app.find("mf-review-frame").wait_for()
    app.until("the crop", lambda: app.find("mf-review-crop").evaluate("i => i.naturalWidth > 0"))
    heard = app.find("mf-review-heard").inner_text()
    assert re.search(r"Face 1 of \d+, label (real|fake), detector", heard)
    for _ in range(2):
        for width in (320, 900):
            wide = app.find("mf-review").evaluate(
                "(e, w) => { e.style.width = w + 'px'; return e.scrollWidth; }", width
            )
            app.shot(f"review-{width}-{app.theme()}")
            assert wide <= width
        app.switch_theme()
    app.find("mf-review").evaluate("e => { e.style.width = ''; }")
    nameless = app.find("mf-review").evaluate(
        "e => [...e.querySelectorAll('button, input, select, img, canvas, svg, progress')]"
        ".filter(x => !(x.innerText || x.ariaLabel || x.alt || x.closest('label'))).length"
    )
    assert nameless == 0
    app.choose("mf-review-order", "near")
    app.until("the order", lambda: app.find("mf-review-order").input_value() == "near")
    app.find("mf-review-order").press("d")  # a letter in a list is no command
    app.find("mf-review").focus()
    press(app, "?", "a")
    app.find("mf-review-keys").wait_for()
    app.find("mf-review-agreement-table").wait_for()
    app.shot("review-help")
    press(app, "?", "a")
    press(app, "n")
    app.page.keyboard.type("kept")
    app.click("mf-review-next")  # a click elsewhere stores it, on the face that it was written on
    press(app, "ArrowLeft")
    assert app.find("mf-review-noted").inner_text() == "Note: kept"


def test_two_people_at_once_overwrite_nothing_and_resolve_what_differs(reviewed):
    app, faces = reviewed
    ids = faces.match({QUEUE: {"$ne": None}}).sort_by(QUEUE).values("id")
    open_desk(app, "ada")
    other = app.beside()
    open_desk(other, "bob")
    for number in range(12):
        press(app, "1")
        press(other, "2" if number < 4 else "1")
    stored(app)
    stored(other)
    other.page.context.close()
    progress(app, f"12 of {len(ids)} decided")
    press(app, "a")
    row = app.find("mf-review-pairing")
    row.wait_for()
    assert row.inner_text().split("\t")[:3] == ["ada and bob", "12", "67\u00a0%"]
    app.shot("review-agreement")
    app.click("mf-review-conflicts")
    app.until("the list", lambda: "of 4 listed" in app.find("mf-review-progress").inner_text())
    assert "bob: Wrong label" in app.find("mf-review-others").inner_text()
    press(app, "2", "2")
    stored(app)
    progress(app, "2 of 4 resolved")
    faces.reload()
    review = dict(zip(*faces.values(["id", "review"]), strict=True))
    assert [review[i] for i in ids[4:12]] == ["confirm_label"] * 8
    found = opinions.opinions_of(faces)
    assert len(found.by("ada")) == len(found.by("bob")) == 12
    assert {*found.conflicts(), *found.settled} == set(ids[:4])
    assert [review[face] for face in found.settled] == ["wrong_label"] * 2


def test_a_hundred_decisions_by_keyboard_with_undo_over_a_killed_app(reviewed, app_server):
    app, faces = reviewed
    ids = faces.sort_by("video_id").values("id")
    open_desk(app, "carl", "all")
    progress(app, f"0 of {len(ids)} decided")
    shown = app.find("mf-review-progress").inner_text()
    assert f"face 1 of {len(ids)}" in shown
    sent = watch(app)
    keys = [str(1 + number % 4) for number in range(97)]
    press(app, *keys[:5], "k", *keys[5:])
    stored(app)
    progress(app, f"97 of {len(ids)} decided")
    methods = Counter(method for method, _ in sent)
    assert 1 <= methods["on_decide"] <= 98  # one for a decision, fewer where they came fast
    assert not {"on_open", "on_cards", "on_load"} & set(methods)  # nothing is read again
    assert max(size for method, size in sent if method == "on_decide") < 8000

    app_server.stop()
    app.until("the App's end", lambda: is_down(app.url))
    press(app, "2", "2", "2", "u")
    progress(app, f"100 of {len(ids)} decided")
    app.until("the words", lambda: "not stored yet" in app.find("mf-review-waiting").inner_text())
    app_server.start()
    app_server.reset()  # when its session comes, each page that is open follows it to its dataset
    app.page.goto(f"{app.url}/datasets/{faces.name}")
    app.page.wait_for_selector('[data-cy="looker"]')
    open_desk(app, "", "all")
    stored(app)
    progress(app, f"99 of {len(ids)} decided")
    assert app.find("mf-review-name").input_value() == "carl"
    press(app, "u", "u", "u", "r")  # also what was decided before the page was loaded again
    stored(app)
    progress(app, f"97 of {len(ids)} decided")
    press(app, "n")
    app.page.keyboard.type("12: two faces in one box")  # letters and digits are no commands here
    app.page.keyboard.press("Enter")
    stored(app)
    progress(app, f"97 of {len(ids)} decided")
    found = opinions.opinions_of(faces).by("carl")
    assert Counter(found.values()) == Counter(OF_KEY[key] for key in keys)
    faces.reload()
    fields = dict(zip(*faces.values(["id", "review"]), strict=True))
    assert all(fields[face] == decision for face, decision in found.items())
    assert faces.values("review_note").count("12: two faces in one box") == 1
    # requests that no server answered; some are told only after the page was loaded again
    app.errors[:] = [error for error in app.errors if "Failed to fetch" not in error]
