"""Text that came from data, made safe to stand inside Markdown.

File names, methods and dataset names are whatever a stranger wrote. In a form's Markdown they
must show as what they are: no tag, no link, no picture that is fetched, no broken table.
"""

from __future__ import annotations

import re

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_SPECIAL = re.compile(
    r"[\\`*\[\]()|~$]"  # code, emphasis, links and pictures, table cells, formulas
    r"|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"  # an underscore inside a word is only that
    r"|:(?=//)|@|(?<=www)\."  # what bare addresses are recognised by
    r"|^[-+#=]|(?<=^\d)[.)]"  # headings and lists
)


def plain(text: object) -> str:
    """``text`` on one line, with whatever Markdown or HTML would act on disarmed.

    Ordinary names (``FaceForensics++``, ``Celeb-DF v2``, ``neural_textures``) stay as they are.
    """
    line = " ".join(str(text).split())
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", line).translate(_ENTITIES)


def hover(text: object) -> str:
    """``text`` in a Plotly label or hover, which knows a few tags, links among them."""
    return " ".join(str(text).split()).translate(_ENTITIES)
