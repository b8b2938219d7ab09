"""Makes the plugin folder importable as ``media_forensics`` where it is not pip-installed."""

from pathlib import Path

__path__ = [str(Path(__file__).resolve().parents[2])]


def __getattr__(name):
    """Return an operator as a function, imported when it is first used."""
    if name.startswith("__") and name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from media_forensics.operators.python_api import attribute

    return attribute(name)


def __dir__():
    """Name the operators as well."""
    from media_forensics.operators.python_api import names

    return sorted({*globals(), *names()})
