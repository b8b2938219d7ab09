"""Turns pictures into faces, crops, scores and numbers, without FiftyOne or training runs."""
