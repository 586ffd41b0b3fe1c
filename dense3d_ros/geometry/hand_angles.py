"""The 25 anatomical angles of a hand: names, limits, and the axes that they turn about."""

from __future__ import annotations

import numpy as np

ANGLE_NAMES: tuple[str, ...] = (
    "wr_flex",
    "wr_dev",
    "th_pabd",
    "th_add",
    "th_twist",
    "th_mcp",
    "th_ip",
    *(f"{finger}_{angle}" for finger in ("index", "middle", "ring", "pinky") for angle in ("abd", "mcp", "pip", "dip")),
    "met_ring",
    "met_pinky",
)
"""Wrist flexion and ulnar deviation; thumb palmar abduction, adduction, opposing twist, MCP and IP flexion;
for each finger abduction towards the thumb, then flexions; flexion of the ring and little metacarpals."""

ANGLE_COUNT = len(ANGLE_NAMES)

WRIST_ANGLES = slice(0, 2)
THUMB_ANGLES = slice(2, 7)
FINGER_ANGLES = slice(7, 23)
"""Four fingers, index first, of four angles each: abduction, MCP, PIP and DIP flexion."""
ARCH_ANGLES = slice(23, 25)

THUMB_AZIMUTH, THUMB_ELEVATION = np.radians(29.0), np.radians(17.0)
"""Where the thumb's metacarpal points at zero angles: out of the hand's axis, and out of the palm."""

PALMAR_AXIS = np.radians(24.0)
"""Palmar abduction turns about an axis in the palm, this far from x towards the little finger."""

ZERO_ROLL = np.radians(np.array([-40.0, -5.0, 0.0, 4.0, 8.0]))
"""Turn of each finger's flexion axis out of y about the finger: bent fingers close on the thumb's root."""
