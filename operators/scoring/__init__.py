"""Scores the faces of a dataset, and imports and exports scores."""
