"""The panel ``player``: fake and real, side by side."""
