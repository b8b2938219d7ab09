"""Prints text on a terminal without the control characters that data may contain."""

from __future__ import annotations

import logging
import sys
import unicodedata


def printable(text: object) -> str:
    """Return ``text`` with control, format and surrogate characters escaped, except \\n and \\t.

    Terminal escape sequences (titles, clipboard, colours) begin with such a character, and
    right-to-left overrides are such characters.
    """
    return "".join(
        sign
        if sign in "\n\t" or unicodedata.category(sign) not in ("Cc", "Cf", "Cs")
        else sign.encode("unicode_escape").decode()
        for sign in str(text)
    )


def say(text: object, *, error: bool = False) -> None:
    """Print ``text`` as one line to standard output, or to standard error if ``error``."""
    stream = sys.stderr if error else sys.stdout
    stream.write(printable(text) + "\n")
    stream.flush()


class _Printable(logging.Formatter):
    """Formats records as printable lines; with ``bare``, an error is its message alone."""

    def __init__(self, form: str, bare: bool) -> None:
        super().__init__(form)
        self._bare = bare

    def format(self, record: logging.LogRecord) -> str:
        if self._bare and record.levelno >= logging.ERROR and not record.exc_info:
            return printable(record.getMessage())
        return printable(super().format(record))


def log_to_terminal(form: str = "%(message)s", *, bare_errors: bool = False) -> None:
    """Send the log to standard error, with control characters escaped.

    Args:
        form: format of a line
        bare_errors: show an error as its message alone
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_Printable(form, bare_errors))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
