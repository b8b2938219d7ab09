"""Extracts faces from the videos of a dataset."""
