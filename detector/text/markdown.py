"""Escapes text from data for use inside Markdown.

File names, methods and dataset names may contain anything. In a form's Markdown they must show
literally: no tag, no link, no picture that is fetched, no broken table.
"""

from __future__ import annotations

import re

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_SPECIAL = re.compile(
    r"[\\`*\[\]|~$]"  # code, emphasis, links and pictures, table cells, formulas
    r"|(?<=\])\("  # the address of a link; other brackets are harmless
    r"|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"  # an underscore inside a word is harmless
    r"|:(?=//)|@|(?<=www)\."  # signs of bare addresses
    r"|^[-+#=]"  # headings and lists
    + "".join(rf"|(?<=^\d{{{n}}})[.)](?= |$)" for n in range(1, 10))  # 0.001 is no list
)


def plain(text: object) -> str:
    """Return ``text`` on one line, with all characters escaped that Markdown or HTML interprets.

    Ordinary names (``FaceForensics++``, ``Celeb-DF v2``, ``neural_textures``) do not change.
    """
    line = " ".join(str(text).split())
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", line).translate(_ENTITIES)


def hover(text: object) -> str:
    """Return ``text`` escaped for Plotly labels and hovers, which interpret some HTML tags."""
    return " ".join(str(text).split()).translate(_ENTITIES)
