"""What is known of the networks without building one, and so without torch."""

SMALLEST_MAP = 16
"""Cells of the smallest map that the hourglass can halve as often as it does; others are multiples of it."""
STRIDES = (4, 8)
"""Crop pixels a cell of the hourglass's maps."""
