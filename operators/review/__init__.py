"""Queues faces for review, records decisions and exports training sets."""
