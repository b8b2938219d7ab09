"""Builds what every form and page shares: fields, outcome, progress, colours, links."""
