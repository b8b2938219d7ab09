"""Quotes text in CSV files so that a spreadsheet does not run it, and reverses that on reading.

Excel, LibreOffice and others treat a cell that begins with ``=``, ``+``, ``-`` or ``@`` as a
formula, and a name from data may begin so. Such a text gets a leading apostrophe, which is removed
when the file is read. Numbers stay numbers.
"""

from __future__ import annotations

import re
from typing import Any

_RUN = r"'*(?:\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])"
_LIVE = re.compile(_RUN)
_QUOTED = re.compile(f"'{_RUN}")


def cell(value: Any) -> Any:
    """Return ``value`` as a cell of a CSV file; only texts that could be formulas change."""
    return f"'{value}" if isinstance(value, str) and _LIVE.match(value) else value


def from_cell(value: Any) -> Any:
    """Return the value that :func:`cell` was given."""
    return value[1:] if isinstance(value, str) and _QUOTED.match(value) else value
