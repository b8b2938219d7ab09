"""Panels and the computations behind them.

The computations (``audit_*``, ``sphere_*``) need numpy alone; only the panels, ``face_columns``
and ``grid`` know FiftyOne.
"""

from __future__ import annotations


def __getattr__(name: str):
    """``PANELS``, imported when it is asked for, so that the computations load without FiftyOne."""
    if name == "PANELS":
        from .error_audit import ErrorAudit
        from .hypersphere import Hypersphere
        from .timeline import TimelinePanel

        return (ErrorAudit, Hypersphere, TimelinePanel)
    raise AttributeError(name)
