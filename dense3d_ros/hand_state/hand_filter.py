"""All joints of a hand filtered: the wrist where it is, the others as they lie against the wrist."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.hand_state.one_euro import OneEuroFilter

Array = NDArray[np.float64]


class HandFilter:
    """A One Euro filter: a hand that moves takes doubtful joints along, whose own noise would hide the motion."""

    def __init__(self) -> None:
        self._filter = OneEuroFilter()

    def update(self, joints: Array, stamp: float, *, min_cutoff: float, beta: float, errors: Array) -> None:
        """Take in (21, 3) metres measured at `stamp` seconds, wrist first, with (21,) metres of expected errors.

        min_cutoff, beta and the errors that are raised: see `OneEuroFilter.update`.
        """
        places = joints - joints[0]
        places[0] = joints[0]
        # Not the root of the sum of squares: most of both errors may be one, of the whole hand.
        doubt = np.maximum(errors, errors[0])
        self._filter.update(places, stamp, min_cutoff=min_cutoff, beta=beta, errors=doubt)

    def predict(self, lead: float) -> Array:
        """(21, 3) metres where the joints are `lead` seconds after the last stamp. ValueError before `update`."""
        joints = self._filter.predict(lead)
        joints[1:] += joints[0]
        return joints
