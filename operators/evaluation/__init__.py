"""Evaluates and calibrates detectors on a dataset."""
