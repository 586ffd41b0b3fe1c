"""Which arguments of a command line a launch file refuses. `test_launch.py` has the same with the real launch."""

from __future__ import annotations

import pytest

from dense3d_ros.nodes.launch_arguments import refuse_unknown

DECLARED = ("depth", "max_hands")


@pytest.mark.parametrize(
    "words",
    [
        ["ros2", "launch", "dense3d_ros", "hand.launch.py"],
        ["ros2", "launch", "dense3d_ros", "hand.launch.py", "depth:=a:=b", "max_hands:=2", "launch-prefix:=nice"],
        ["ros2", "launch", "robot", "bringup.launch.py", "robot:=r2"],
    ],
)
def test_arguments_that_are_known_or_anothers_pass(words: list[str]) -> None:
    refuse_unknown(words, "hand.launch.py", DECLARED)


def test_unknown_arguments_are_refused() -> None:
    words = ["ros2", "launch", "/opt/share/hand.launch.py", "max_hand:=2", "depth:=/d", "score:=1"]
    with pytest.raises(ValueError, match=r"hand.launch.py has no argument max_hand, score; it has depth, max_hands"):
        refuse_unknown(words, "hand.launch.py", DECLARED)
