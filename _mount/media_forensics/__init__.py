"""Makes the plugin folder importable as ``media_forensics`` where it is not pip-installed."""

import os

__path__ = [os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))]
