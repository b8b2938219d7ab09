"""What commands say on a terminal: text from data without the signs that move or colour it."""

from __future__ import annotations

import logging
import sys
import unicodedata


def printable(text: object) -> str:
    """``text`` with control, format and surrogate characters as escapes, except line ends and tabs.

    Escape sequences of terminals (titles, clipboards, colours) begin with such a character, and
    text that runs backwards is made with them.
    """
    return "".join(
        sign
        if sign in "\n\t" or unicodedata.category(sign) not in ("Cc", "Cf", "Cs")
        else sign.encode("unicode_escape").decode()
        for sign in str(text)
    )


def say(text: object, *, error: bool = False) -> None:
    """Print a line."""
    stream = sys.stderr if error else sys.stdout
    stream.write(printable(text) + "\n")
    stream.flush()


class _Printable(logging.Formatter):
    """Printable lines; with ``bare`` an error is the sentence that it is, without time or name."""

    def __init__(self, form: str, bare: bool) -> None:
        super().__init__(form)
        self._bare = bare

    def format(self, record: logging.LogRecord) -> str:
        if self._bare and record.levelno >= logging.ERROR and not record.exc_info:
            return printable(record.getMessage())
        return printable(super().format(record))


def log_to_terminal(form: str = "%(message)s", *, bare_errors: bool = False) -> None:
    """Have the log go to standard error from now on, printable.

    Args:
        form: of a line
        bare_errors: show an error as its message alone
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_Printable(form, bare_errors))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
