"""Recorded depth in; results, drawings and videos out."""
