"""Trains an LN-tuned checkpoint from a frozen manifest of crops, without FiftyOne."""
