"""Turns crops into face scores, and face scores into video scores and verdicts."""
