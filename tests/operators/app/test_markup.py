"""Names from data inside Markdown show as themselves: an independent renderer is the judge."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings, strategies as st
from markdown_it import MarkdownIt
from media_forensics.detector.audit.threshold import Threshold
from media_forensics.operators.app.markup import plain
from media_forensics.operators.evaluation.evaluate_detector import table

# HTML switched on: whatever is not escaped becomes a tag. CommonMark and tables.
RENDER = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
HOSTILE = (
    "<img src=x onerror=alert(1)>.mp4",
    "<script>alert(1)</script>",
    "![](https://elsewhere.example/beacon.png)",
    "[click](javascript:alert(1))",
    "<https://elsewhere.example>",
    "a | b | c",
    "`code` **bold** _emph_ ~~gone~~ __init__",
    "# heading",
    "- item",
    "1. first",
    "&lt;b&gt; &amp; &#60;i&#62;",
    "back\\slash \\<b>",
    "two\nlines\n\n# and a heading",
    "[ref]: https://elsewhere.example",
)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


def read(markdown: str) -> tuple[list[str], str]:
    """Tags and text of rendered Markdown."""
    reader = _Reader()
    reader.feed(RENDER.render(markdown))
    reader.close()
    return reader.tags, reader.text.strip()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_shows_as_itself(name):
    tags, text = read(plain(name))
    assert tags == ["p"]
    assert text == " ".join(name.split())


def test_the_unescaped_names_would_have_been_acted_on():
    acted = [name for name in HOSTILE if set(read(name)[0]) - {"p"}]
    assert len(acted) >= 9  # the oracle sees what it is there to see


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1))
def test_any_text_shows_as_itself(name):
    shown = " ".join(name.split())
    tags, text = read("x " + plain(name))
    assert (tags, text) == (["p"], f"x {shown}".strip())


@pytest.mark.parametrize("name", ["FaceForensics++", "Celeb-DF v2", "neural_textures", "SD2.1"])
def test_ordinary_names_stay_readable_in_a_terminal(name):
    assert plain(name) == name


@pytest.mark.parametrize("address", ["http://a.example", "www.a.example", "me@a.example"])
def test_bare_addresses_are_broken(address):
    assert not re.search(r"(?<!\\)://|www\.|(?<!\\)@", plain(address))


def test_the_evaluation_table_keeps_its_columns():
    row = {
        "level": "face", "source_dataset": "a | b", "method": "<img src=x onerror=alert(1)>",
        "compression": "c23", "split": "test", "n_real": 3, "n_fake": 4, "seen": 2, "auroc": None,
        "eer": None, "tpr_at_fpr": {"0.05": None}, "fpr": None, "fnr": None,
        "coverage": 1.0, "auroc_worst_case": None,
    }  # fmt: skip
    tags, text = read(table([row], Threshold(0.5, "hand", "<b>chosen</b> | here", True), [], None))
    assert "img" not in tags and "b" not in tags and tags.count("td") == 15
    assert "<img src=x onerror=alert(1)>" in text and "a | b" in text


@pytest.mark.parametrize("text", ["no crop (no_face)", "0.001", "12.5 %", "a_b (c_d)"])
def test_what_is_no_markup_stays_as_it_is_in_python(text):
    assert plain(text) == text


@pytest.mark.parametrize("text", ["1. first", "12) twelfth", "123456789. last", "[a](b)", "0."])
def test_lists_and_links_stay_text(text):
    assert plain(text) != text
    page = _Reader()
    page.feed(RENDER.render(plain(text)))
    assert set(page.tags) <= {"p"} and page.text.strip() == text
