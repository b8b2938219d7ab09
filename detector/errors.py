"""The one error that a user is meant to read: what is wrong, and what to do about it."""

from __future__ import annotations

import os


class ForensicsError(ValueError):
    """A set-up or input error, raised before any work starts.

    Args:
        message: one sentence that says what is wrong, with the offending value
        hint: one sentence that says what to do next, or ``""``
        field: the form field (= keyword argument) that is wrong, or ``None``
    """

    def __init__(self, message: str, hint: str = "", field: str | None = None) -> None:
        self.message = message
        self.hint = hint
        self.field = field
        super().__init__(f"{message} {hint}".strip())

    def __reduce__(self):
        return type(self), (self.message, self.hint, self.field)


class MetricUndefined(ForensicsError):
    """A metric that has no value on this data (one class only, too few reals, no rows)."""


class DiskError(ForensicsError, OSError):
    """A file or folder that cannot be written: full disk, no permission, read-only.

    It is an :class:`OSError` too, for those that keep what they have and go on.

    Attributes:
        errno, strerror: of the system's own error
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
    """The user asked a running job to stop; what was finished is kept."""
