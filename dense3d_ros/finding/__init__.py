"""Where hands are in a depth picture, before a network has looked at it."""
