"""What goes into the detector's network and what comes out, known without building it and so without torch."""

WIDTH, HEIGHT = 160, 120
"""Samples of the depth image that the network sees, whatever the camera."""
STRIDE = 4
"""Samples a cell of its maps."""
MAPS = ("heat", "offset_x", "offset_y", "log_depth", "roll_x", "roll_y")
"""Logit of a hand's centre in the cell; the centre from the cell's middle, in cells; logarithm of its depth in metres;
direction from wrist to middle knuckle in the image, right and down.
"""
