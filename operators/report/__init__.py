"""Builds the report of ``export_report``; only ``facts`` uses FiftyOne."""
