"""Looks at single files and faces: analysis, heat maps, robustness."""
