"""Names of the two nodes of one process under remaps, and perception nodes that come and go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from node_processes import Client, NodeProcess
from rcl_interfaces.srv import ListParameters

SCRIPT = str(Path(__file__).parents[1] / "node_rigid_model.py")
NAMES = """
import json, sys
import rclpy
from dense3d_ros.nodes.main import make_nodes
names = []
for remaps in json.loads(sys.argv[1]):
    rclpy.init(args=["--ros-args", *(word for remap in remaps for word in ("-r", remap))])
    nodes = make_nodes(lambda *_: None)
    names.append([node.get_fully_qualified_name() for node in nodes])
    for node in nodes:
        node.destroy_node()
    rclpy.shutdown()
print(json.dumps(names))
"""
CASES = {
    (): ["/hand_pose", "/hand_state", "/hand_model"],
    ("__node:=hands",): ["/hands", "/hand_state", "/hand_model"],
    ("__ns:=/robot", "__node:=hands"): ["/robot/hands", "/robot/hand_state", "/robot/hand_model"],
    ("hand_pose:__node:=hands",): ["/hands", "/hand_state", "/hand_model"],
    ("hand_model:__node:=loader",): ["/hand_pose", "/hand_state", "/loader"],
    ("hand_model:__node:=loader", "__node:=hands"): ["/hands", "/hand_state", "/loader"],
    ("hand_pose:__node:=hands", "hand_model:__node:=loader"): ["/hands", "/hand_state", "/loader"],
    ("hand_state:__node:=state",): ["/hand_pose", "/state", "/hand_model"],
}
SLOT = """
import rclpy
from time import monotonic
from std_msgs.msg import Header
from dense3d_ros.nodes.hand_pose_node import HandPoseNode
from dense3d_ros.nodes.model_slot import ModelSlot
rclpy.init()
slot = ModelSlot()
gone, stays = HandPoseNode(slot), HandPoseNode(slot, cli_args=["-r", "__ns:=/other"])
gone._outputs._standing = stays._outputs._standing = Header(), monotonic()
gone.destroy_node()
slot.change(None)
print("taken back:", stays._outputs._standing is None)
stays.destroy_node()
rclpy.shutdown()
"""


def test_each_node_has_its_own_name(tmp_path: Path) -> None:
    process = NodeProcess(["-c", NAMES, json.dumps(list(CASES))], tmp_path / "log.txt")
    assert process.wait() == 0, process.output()
    assert dict(zip(CASES, json.loads(process.output().splitlines()[-1]), strict=True)) == CASES


def test_the_services_of_a_renamed_process_belong_to_one_node_each(tmp_path: Path) -> None:
    remaps = ["-r", "__node:=hands", "-r", "__ns:=/robot", "-r", "depth:=/head/depth"]
    process = NodeProcess([SCRIPT, "--ros-args", *remaps, "-p", "autostart:=false"], tmp_path / "log.txt")
    client = Client("test_names", "/robot/hands", "/robot/hand_model")
    try:
        parameters = {
            node: client.call(ListParameters, f"{node}/list_parameters", ListParameters.Request()).result.names
            for node in ("/robot/hands", "/robot/hand_model")
        }
        assert "max_hands" in parameters["/robot/hands"]
        assert "model" not in parameters["/robot/hands"]
        assert "model" in parameters["/robot/hand_model"]
        assert client.state() == "unconfigured"
        assert client.until(lambda: client.node.count_subscribers("/head/depth") == 1)
        assert "already registered" not in process.output()
        assert process.stop() == 0
    finally:
        process.stop()
        client.close()


def test_a_destroyed_perception_node_is_forgotten(tmp_path: Path) -> None:
    process = NodeProcess(["-c", SLOT], tmp_path / "log.txt")
    assert process.wait() == 0, process.output()
    assert "taken back: True" in process.output()
