"""From a frozen manifest of crops to an LN-tuned checkpoint. Knows nothing of FiftyOne."""
