"""Text in CSV files that a spreadsheet opens without running what is in it, and back again.

Excel, LibreOffice and others take a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a
formula, and a name from data may be one. Such a text gets an apostrophe before it, and loses it
when the file is read; numbers stay numbers.
"""

from __future__ import annotations

import re
from typing import Any

_RUN = r"'*(?:\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])"
_LIVE = re.compile(_RUN)
_QUOTED = re.compile(f"'{_RUN}")


def cell(value: Any) -> Any:
    """``value`` as a cell of a CSV file; only texts are changed."""
    return f"'{value}" if isinstance(value, str) and _LIVE.match(value) else value


def from_cell(value: Any) -> Any:
    """What :func:`cell` was given."""
    return value[1:] if isinstance(value, str) and _QUOTED.match(value) else value
