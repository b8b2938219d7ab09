"""Draws the panel "Review"."""
