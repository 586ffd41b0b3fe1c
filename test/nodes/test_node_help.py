"""`--help` of the executables: at once, without ROS, and what it says are the nodes' real topics and parameters."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from dense3d_ros.nodes.node_help import (
    DEPTH_CAMERA,
    EXECUTABLES,
    HAND_MODEL,
    HAND_POSE,
    HAND_RETARGET,
    HAND_STATE,
    NodeAbout,
    help_text,
)

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.parametrize("module", EXECUTABLES)
def test_help_says_what_it_is_and_every_parameter_with_its_default(module: str) -> None:
    name, nodes = EXECUTABLES[module]
    assert f'run("{module}")' in (SCRIPTS / name).read_text()
    program = "import sys; sys.modules['rclpy'] = None; exec(open(sys.argv.pop(1)).read())"
    command = [sys.executable, "-c", program, str(SCRIPTS / name), "--help"]
    done = subprocess.run(command, cwd=SCRIPTS.parent, capture_output=True, text=True, check=False, timeout=20)
    assert (done.returncode, done.stderr) == (0, "")
    text = done.stdout
    assert text.startswith(f"usage: {name} [--help]")
    assert f"{name} --ros-args -p {nodes[0].name}:" in text
    for node in nodes:
        section = text[text.index(f"\n{node.name}: ") :]
        for entry in fields(node.settings):
            match = re.search(rf"^    {entry.name}:=(.*)$", section, re.MULTILINE)
            assert match is not None
            default = yaml.safe_load(match[1])
            assert default == (list(entry.default) if isinstance(entry.default, tuple) else entry.default)
        assert all(f"    {topic} " in section for topic in {**node.subscribes, **node.publishes})


def test_a_number_of_views_is_1_or_3_and_nothing_between() -> None:
    text = " ".join(help_text("dense3d_ros.nodes.main").split())
    about = text[text.index("views:=1") : text.index("device:=")]
    assert "1 or 3" in about
    assert "1 to 3" not in about


def test_the_topics_are_those_of_the_nodes(tmp_path: Path) -> None:
    rclpy = pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels")
    from rclpy.parameter import Parameter

    from dense3d_ros.nodes.hand_model_node import HandModelNode
    from dense3d_ros.nodes.hand_pose_node import HandPoseNode
    from dense3d_ros.nodes.hand_retarget_node import HandRetargetNode
    from dense3d_ros.nodes.hand_state_node import HandStateNode
    from dense3d_ros.nodes.model_slot import ModelSlot
    from dense3d_ros.rehearsal.depth_camera_node import DepthCameraNode

    cv2.imwrite(str(tmp_path / "1.png"), np.full((48, 64), 500, np.uint16))
    slot = ModelSlot()
    made: list[tuple[NodeAbout, Callable[..., Any]]] = [
        (HAND_POSE, lambda **options: HandPoseNode(slot, **options)),
        (HAND_STATE, HandStateNode),
        (HAND_MODEL, lambda **options: HandModelNode(slot, lambda *_: pytest.fail("a model is loaded"), **options)),
        (HAND_RETARGET, HandRetargetNode),
        (
            DEPTH_CAMERA,
            lambda **options: DepthCameraNode(
                parameter_overrides=[Parameter("folder", value=str(tmp_path))], **options
            ),
        ),
    ]
    context = rclpy.Context()
    rclpy.init(context=context, args=[])
    try:
        for about, make in made:
            node = make(context=context)
            place = node.get_name(), node.get_namespace()
            assert place[0] == about.name
            there = {
                "publishes": dict(node.get_publisher_names_and_types_by_node(*place)),
                "subscribes": dict(node.get_subscriber_names_and_types_by_node(*place)),
            }
            told = {
                what: {node.resolve_topic_name(topic): [kind] for topic, kind in getattr(about, what).items()}
                for what in there
            }
            node.destroy_node()
            ros = {"/rosout", "/parameter_events", "/clock"}
            assert {name: kind for name, kind in there["publishes"].items() if name not in ros} == told["publishes"]
            # hand_state listens only while somebody listens to it.
            if about is not HAND_STATE:
                heard = {name: kind for name, kind in there["subscribes"].items() if name not in ros}
                assert heard == told["subscribes"]
            assert (
                told["subscribes"].items()
                >= {name: kind for name, kind in there["subscribes"].items() if name not in ros}.items()
            )
    finally:
        context.try_shutdown()
