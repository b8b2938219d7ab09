"""FiftyOne entry point of ``@mediaforensics/deepfake``.

FiftyOne executes this file again on every request, under a module name of its own, so it holds
no state and imports nothing at the top. Its only work is to make the one package
``media_forensics`` importable and to hand over to it.
"""


def register(plugin):
    """Register every operator and panel of the plugin (called by FiftyOne)."""
    import importlib.util
    import sys
    from pathlib import Path

    if importlib.util.find_spec("media_forensics") is None:
        sys.path.append(str(Path(__file__).resolve().parent / "_mount"))
    from media_forensics.operators import register_all

    register_all(plugin)
