"""Defines the errors meant for users: what is wrong, and what to do about it."""

from __future__ import annotations

import errno
import os


class ForensicsError(ValueError):
    """A setup or input error, raised before any work starts.

    Args:
        message: one sentence that says what is wrong, with the bad value
        hint: one sentence that says what to do, or ``""``
        field: the form field (= keyword argument) that is wrong, or ``None``
    """

    def __init__(self, message: str, hint: str = "", field: str | None = None) -> None:
        self.message = message
        self.hint = hint
        self.field = field
        super().__init__(f"{message} {hint}".strip())

    def __reduce__(self):
        return type(self), (self.message, self.hint, self.field)


def is_shortage(error: OSError) -> bool:
    """Return whether the machine lacked memory, or could start no thread: not the file's fault."""
    return error.errno in (errno.EAGAIN, errno.ENOMEM)


class MetricUndefined(ForensicsError):
    """Raised if a metric has no value on this data (one class only, too few reals, no rows)."""


class DiskError(ForensicsError, OSError):
    """Raised if a file or folder cannot be written: full disk, no permission, read-only.

    It is also an :class:`OSError`, for callers that keep their results and go on.

    Attributes:
        errno, strerror: from the system's error
    """

    def __init__(
        self, message: str, hint: str = "", field: str | None = None, errno: int | None = None
    ) -> None:
        super().__init__(message, hint, field)
        self.errno = errno
        self.strerror = None if errno is None else os.strerror(errno)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def __reduce__(self):
        return type(self), (self.message, self.hint, self.field, self.errno)


class Cancelled(ForensicsError):
    """Raised when the user asks a running job to stop; finished work is kept."""
