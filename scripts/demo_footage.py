"""Says whose faces of the demo may be shown to others; pixelates everybody else in the browser."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import parse_qs, urlsplit

from PIL import Image

#: What the licence of a footage says if a picture of it may be passed on (docs/demo_corpus.md).
PASSED_ON = ("public domain", "MIT (c)", "MIT package", "Pexels licence")
POLITICIANS = ("obama", "biden")  # a picture of their fake may travel without its caption
BLOCKS = 8  # across a pixelated face


def shown_people() -> list[str]:
    """Return the people all of whose footage may be passed on, without politicians."""
    from media_forensics.detector.weights.asset_catalogue import FOOTAGE
    from media_forensics.operators.demo.clips import CLIPS

    people, hidden = set(), set(POLITICIANS)
    for clip in CLIPS:
        people.add(clip.person)
        if not any(words in FOOTAGE[clip.footage].license for words in PASSED_ON):
            hidden.add(clip.person)
    return sorted(people - hidden)


class Veil:
    """Pixelates, on their way to a page, all pictures but those of the people who may be shown.

    A face that comes in the answer of a panel (Review's whole frame) does not pass here: show such
    a panel only faces of :func:`shown_people`.

    Args:
        datasets: with the field ``identity``
    """

    def __init__(self, *datasets: Any) -> None:
        people = set(shown_people())
        self._shown: set[str] = set()
        self._hidden: set[str] = set()
        for dataset in datasets:
            for path, person in zip(*dataset.values(["filepath", "identity"]), strict=True):
                (self._shown if person in people else self._hidden).add(path)

    def cover(self, page: Any) -> None:
        """Pixelate what ``page`` (of Playwright) loads from now on."""
        page.route("**/media?*", self._answer)

    def _answer(self, route: Any) -> None:
        path = parse_qs(urlsplit(route.request.url).query).get("filepath", [""])[0]
        if path in self._shown:
            return route.continue_()
        answer = route.fetch()
        if answer.headers.get("content-type", "").startswith("image/"):
            return route.fulfill(content_type="image/png", body=pixelated(answer.body()))
        if path in self._hidden:
            return route.abort()
        return route.fulfill(response=answer)


def pixelated(data: bytes) -> bytes:
    """Return a picture as PNG whose content cannot be recognised."""
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    few = picture.resize((BLOCKS, BLOCKS), Image.Resampling.BOX)
    out = io.BytesIO()
    few.resize(picture.size, Image.Resampling.NEAREST).save(out, "PNG")
    return out.getvalue()
