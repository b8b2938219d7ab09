"""Reads the thresholds that belong to a detector's scores, and applies the one rule for them."""
