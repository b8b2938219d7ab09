"""FiftyOne entry point of ``@mediaforensics/deepfake``: plugin, model zoo source, package.

FiftyOne executes this file again on every request, under a module name of its own, so it holds
no state and imports nothing at the top. Its only work is to make the one package
``media_forensics`` importable and to hand over to it. Where the package is installed, this file is
the package itself.
"""


def _make_importable():
    """Make ``media_forensics`` importable where it is not."""
    import importlib.util
    import sys
    from pathlib import Path

    if importlib.util.find_spec("media_forensics") is None:
        sys.path.append(str(Path(__file__).resolve().parent / "_mount"))


def register(plugin):
    """Register every operator and panel of the plugin (called by FiftyOne)."""
    _make_importable()
    from media_forensics.operators import register_all

    register_all(plugin)


def download_model(model_name, model_path):
    """Fetch a model of ``manifest.json`` (called by FiftyOne's model zoo)."""
    _make_importable()
    from media_forensics.operators.scoring import zoo

    zoo.download_model(model_name, model_path)


def load_model(model_name, model_path, **kwargs):
    """Load a model of ``manifest.json`` (called by FiftyOne's model zoo)."""
    _make_importable()
    from media_forensics.operators.scoring import zoo

    return zoo.load_model(model_name, model_path, **kwargs)


def __getattr__(name):
    """Return an operator as a function, imported when it is first used."""
    if name.startswith("__") and name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _make_importable()
    from media_forensics.operators.python_api import attribute

    return attribute(name)


def __dir__():
    """Name the operators as well."""
    from media_forensics.operators.python_api import names

    return sorted({*globals(), *names()})
