"""Cameras, depth images, hands, crops: what everything else is made of."""
