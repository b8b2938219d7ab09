"""Draws the panel "Training runs"."""
