"""Whose faces the demo's pictures show: nobody whose footage may not be passed on."""

from __future__ import annotations

import io

import numpy as np
from demo_footage import Veil, pixelated, shown_people
from media_forensics.operators.demo.clips import PEOPLE
from PIL import Image


def test_who_is_shown():
    shown = set(shown_people())
    assert {"hopper", "astronaut", "webcam-man", "party-guests", "pexels-woman"} <= shown
    hidden = {"obama", "biden", "carphone-man", "studio-man", *(f"group-{n}" for n in range(1, 6))}
    assert set(PEOPLE) - shown == hidden


class Route:
    """A request of the page for a file, and what it is answered."""

    def __init__(self, path: str, kind: str, body: bytes) -> None:
        self.request, self.sent = self, None
        self.url = f"http://127.0.0.1:5151/media?filepath={path}"
        self.headers, self.body = {"content-type": kind}, lambda: body

    def fetch(self):
        return self

    def continue_(self):
        self.sent = "as it is"

    def abort(self):
        self.sent = "nothing"

    def fulfill(self, response=None, body=b"", content_type=""):
        self.sent = "as it is" if response else body


class Faces:
    """Three files of a person who may be shown and of one who may not."""

    def values(self, names):
        assert names == ["filepath", "identity"]
        return [["/a.jpg", "/b.jpg", "/b.mp4"], ["hopper", "carphone-man", "carphone-man"]]


def test_other_faces_reach_the_page_pixelated():
    noise = np.random.default_rng(0).integers(0, 256, (64, 48, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")
    veil, answers = Veil(Faces()), {}
    for path, kind in (
        ("/a.jpg", "image/jpeg"),
        ("/b.jpg", "image/jpeg"),
        ("/unknown.png", "image/png"),
        ("/b.mp4", "video/mp4"),
        ("/preview.mp4", "video/mp4"),
    ):
        route = Route(path, kind, stream.getvalue())
        veil._answer(route)
        answers[path] = route.sent
    assert answers.pop("/a.jpg") == answers.pop("/preview.mp4") == "as it is"
    assert answers.pop("/b.mp4") == "nothing"
    assert set(answers.values()) == {pixelated(stream.getvalue())}
    few = np.array(Image.open(io.BytesIO(answers["/b.jpg"])))
    assert few.shape == noise.shape and len(np.unique(few.reshape(-1, 3), axis=0)) <= 64
