"""Makes the plugin folder importable as ``media_forensics`` where it is not pip-installed."""

from pathlib import Path

__path__ = [str(Path(__file__).resolve().parents[2])]
