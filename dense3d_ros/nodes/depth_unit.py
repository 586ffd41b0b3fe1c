"""Whether the unit of live depth images is to be doubted."""

from __future__ import annotations

from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.depth_unit import TOO_FAR, TOO_NEAR, likelier_unit, nearest_and_farthest

_STEP = 8


class UnitDoubt:
    """Doubts the unit of a camera's images until a hand is found by it."""

    def __init__(self) -> None:
        self._proven = 0.0

    def doubt(self, depth: DepthImage, has_hands: bool) -> str:
        """A sentence where the unit of an image, with or without hands, seems wrong; "" where it does not."""
        if has_hands:
            self._proven = depth.unit
        return "" if self._proven == depth.unit else doubt_of_unit(depth)


def doubt_of_unit(depth: DepthImage) -> str:
    """A sentence where the unit seems wrong; "" where it does not."""
    nearest, farthest = nearest_and_farthest(depth, _STEP)
    if nearest > TOO_FAR:
        seen, unless = f"nothing is nearer than {nearest:.3g} m", ", unless nothing is before the camera"
    elif farthest < TOO_NEAR:
        seen, unless = f"nothing is farther than {1000 * farthest:.3g} mm", ""
    else:
        return ""
    return (
        f"{seen} when a value counts {depth.unit:g} m: set depth_unit to what the camera's values count"
        f"{suggested(nearest, depth.unit)}{unless}"
    )


def suggested(nearest: float, unit: float) -> str:
    """The likelier unit of an image whose nearest things are so many metres away, as the end of a sentence."""
    better = likelier_unit(nearest, unit)
    return f", such as {better[0]:g} (then they are {better[1]:.2g} m away)" if better else ""
