"""Draws the panel "Score timeline"."""
