"""Several cameras in one process: each has its own perception node, and all share one model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from geometry_msgs.msg import PoseStamped
from node_processes import Client, NodeProcess, Source, depth_message, info_message, points
from node_rigid_model import CAMERA, scene

SCRIPT = str(Path(__file__).parents[1] / "node_rigid_model.py")
PLACES = {"/robot/left": (0.0, 0.0, 0.5), "/right": (0.05, -0.04, 0.45)}


def test_cameras_share_a_model(tmp_path: Path) -> None:
    parameters = ["model:=rigid", "max_age:=60.0", "cameras:=[left,/right]"]
    arguments = ["--ros-args", "-r", "__ns:=/robot", *(word for value in parameters for word in ("-p", value))]
    process = NodeProcess([SCRIPT, *arguments], tmp_path / "log.txt")
    clients = {
        name: Client(f"several_{name.strip('/').replace('/', '_')}", f"{name}/hand_pose", "/robot/hand_model")
        for name in PLACES
    }
    try:
        for name, place in PLACES.items():
            client = clients[name]
            source = Source(client, f"{name}/depth", f"{name}/camera_info")
            assert client.until(source.connected), process.output()
            for _ in range(30):
                image = depth_message(scene(place)[0], client.now(), frame=f"{name[1:]}_optical")
                if message := source.send(image, info_message(image, CAMERA), timeout=3.0):
                    break
            assert message, process.output()
            assert message.header == image.header
            assert message.model == "rigid"
            assert np.linalg.norm(points(message.hands[0].joints) - scene(place)[1], axis=1).max() < 0.003
        assert clients["/right"].state() == "active"
        assert process.stop() == 0
        assert "Traceback" not in process.output()
    finally:
        process.stop()
        for client in clients.values():
            client.close()


def test_an_empty_list_of_cameras_is_said(tmp_path: Path) -> None:
    main = "import sys; from dense3d_ros.nodes.main import main; sys.exit(main())"
    process = NodeProcess(["-c", main, "--ros-args", "-p", "cameras:=[]"], tmp_path / "log.txt")
    try:
        assert process.wait() == 1
        assert "Cannot start: cameras are none; expected at least one, each once" in process.output()
    finally:
        process.stop()


def test_cameras_do_not_give_their_hands_one_name_on_tf(tmp_path: Path) -> None:
    main = "import sys; from dense3d_ros.nodes.main import main; sys.exit(main())"
    file = tmp_path / "alike.yaml"
    file.write_text("/**/hand_state:\n  ros__parameters: {publish_tf: true}\n")
    arguments = ["--ros-args", "-p", "cameras:=[left,right]", "--params-file", str(file)]
    process = NodeProcess(["-c", main, *arguments], tmp_path / "log.txt")
    try:
        assert process.wait() == 1
        assert "Cannot start: publish_tf is set for several cameras with the same frame_prefix ('')" in process.output()
    finally:
        process.stop()


def test_hand_state_is_in_the_process_and_hands_are_looked_for_only_if_it_is_listened_to(tmp_path: Path) -> None:
    process = NodeProcess([SCRIPT, "--ros-args", "-p", "model:=rigid", "-p", "max_age:=60.0"], tmp_path / "log.txt")
    client = Client("state_inside")
    try:
        # Nobody but the test listens to hands, and hand_state does not while nobody listens to it.
        assert client.until(lambda: "/hand_state" in names(client)), process.output()
        client.spin(0.5)
        assert client.node.count_subscribers("/hand_pose/hands") == 1
        wrists: list[PoseStamped] = []
        client.collect(PoseStamped, "/hand_state/right/wrist", wrists)
        assert client.until(lambda: client.node.count_subscribers("/hand_pose/hands") == 2), process.output()
        source = Source(client, "/depth", "/camera_info")
        assert client.until(source.connected)
        metres, joints = scene((0.0, 0.0, 0.5))

        def wrist() -> bool:
            image = depth_message(metres, client.now())
            source.send(image, info_message(image, CAMERA), timeout=1.0)
            return bool(wrists)

        assert client.until(wrist), process.output()
        position = wrists[0].pose.position
        assert np.linalg.norm(np.array([position.x, position.y, position.z]) - joints[0]) < 0.003
        assert process.stop() == 0
    finally:
        process.stop()
        client.close()


def test_hand_state_can_be_left_out(tmp_path: Path) -> None:
    parameters = ["-p", "model:=rigid", "-p", "hand_state:=false"]
    process = NodeProcess([SCRIPT, "--ros-args", *parameters], tmp_path / "log.txt")
    client = Client("state_outside")
    try:
        assert client.until(lambda: "/hand_model" in names(client)), process.output()
        client.spin(0.3)
        assert "/hand_state" not in names(client)
    finally:
        process.stop()
        client.close()


def names(client: Client) -> set[str]:
    return {f"{space.rstrip('/')}/{name}" for name, space in client.node.get_node_names_and_namespaces()}
