"""The parts of ``export_report``: facts, plots, thumbnails, page and tables. No FiftyOne here
except in ``facts``."""
