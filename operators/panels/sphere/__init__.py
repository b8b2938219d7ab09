"""Draws the panel "Hypersphere"."""
