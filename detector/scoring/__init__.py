"""Turns crops into scores, and scores into video scores and verdicts."""
