"""Describes the speed and the remaining time of a long job in words."""

from __future__ import annotations


def pace(done: int, total: int, seconds: float) -> str:
    """Return ``"2.4 per second, 3 min left"``, ``"5.2 s each, ..."`` if slow, ``""`` before any.

    Args:
        done: units finished in ``seconds``
        total: number of all units
    """
    if done <= 0 or seconds <= 0:
        return ""
    each = seconds / done
    speed = f"{each:.1f} s each" if each > 1 else f"{1 / each:.1f} per second"
    return f"{speed}, {duration(each * max(total - done, 0))} left"


def duration(seconds: float) -> str:
    """Return a duration as ``"40 s"``, ``"12 min"`` or ``"3 h 20 min"``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
