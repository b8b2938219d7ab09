"""Computes the error audit: units, groups, tables, slices, pairs and thresholds. NumPy only."""
