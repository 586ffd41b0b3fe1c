"""The stiff hand of the node tests is the one that is rendered for them."""

from __future__ import annotations

import numpy as np
from node_rigid_model import JOINTS, measured_joints


def test_the_joints_in_the_file_are_those_of_the_rendered_hand() -> None:
    found = np.loadtxt(JOINTS, delimiter=",")
    # After a change of the hand: np.savetxt(JOINTS, measured_joints(), fmt="%.9g", delimiter=",")
    np.testing.assert_allclose(found, measured_joints(), atol=1e-6)
