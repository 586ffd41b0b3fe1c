"""depth_camera over real DDS against the images it was given, and the whole way with the shipped model."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from geometry_msgs.msg import PoseArray
from node_processes import Client, NodeProcess, points
from rcl_interfaces.srv import ListParameters
from sensor_msgs.msg import CameraInfo, Image

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.learning.synthetic.animation import HandAnimation
from dense3d_ros.nodes.messages import depth_image
from dense3d_ros.perception.model_file import available_models

TOPIC = "/depth_camera/depth/image_rect_raw"
INFO = "/depth_camera/depth/camera_info"
JOINTS = "/depth_camera/true_joints"
CAMERA = Camera(310.0, 320.0, 161.0, 118.0, 320, 240)
INTRINSICS = ["-p", "fx:=310.0", "-p", "fy:=320.0", "-p", "cx:=161.0", "-p", "cy:=118.0"]


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client("test_nodes_camera")
    yield client
    client.close()


def start(tmp_path: Path, *parameters: str, environment: dict[str, str] | None = None) -> NodeProcess:
    command = ["-c", "from dense3d_ros.nodes.executable import run; run('dense3d_ros.rehearsal.depth_camera_node')"]
    return NodeProcess([*command, "--ros-args", *INTRINSICS, *parameters], tmp_path / "camera.txt", environment)


class Listener:
    """Everything that the camera publishes, by stamp."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.images: list[Any] = []
        self.infos: list[Any] = []
        self.joints: list[Any] = []
        qos: Any = 50
        self._subscriptions = [
            client.node.create_subscription(kind, topic, into.append, qos)
            for kind, topic, into in (
                (Image, TOPIC, self.images),
                (CameraInfo, INFO, self.infos),
                (PoseArray, JOINTS, self.joints),
            )
        ]

    def close(self) -> None:
        for subscription in self._subscriptions:
            self._client.node.destroy_subscription(subscription)


@pytest.fixture
def listener(client: Client) -> Iterator[Listener]:
    listener = Listener(client)
    yield listener
    listener.close()


def by_stamp(messages: list[Any]) -> dict[tuple[int, int], Any]:
    return {(m.header.stamp.sec, m.header.stamp.nanosec): m for m in messages}


def check_info(info: Any, image: Any) -> None:
    assert info.header == image.header
    assert (info.width, info.height) == (image.width, image.height)
    np.testing.assert_array_equal(info.k, [310, 0, 161, 0, 320, 118, 0, 0, 1])
    np.testing.assert_array_equal(info.p, [310, 0, 161, 0, 0, 320, 118, 0, 0, 0, 1, 0])
    assert list(info.d) == [0.0] * 5


def test_folder_is_published_once_in_order_in_whole_millimetres(
    client: Client, listener: Listener, tmp_path: Path
) -> None:
    """Values of 0.125 mm; file 10 comes after file 9, and a file that is no depth image is passed over."""
    rng = np.random.default_rng(0)
    images = {name: rng.integers(0, 16000, (24, 32)).astype(np.uint16) for name in ("9", "10", "2")}
    folder = tmp_path / "images"
    folder.mkdir()
    for name, values in images.items():
        assert cv2.imwrite(str(folder / f"{name}.png"), values)
    assert cv2.imwrite(str(folder / "5.png"), np.zeros((24, 32, 3), np.uint8))
    parameters = [f"folder:={folder}", "depth_unit:=0.000125", "loop:=false", "rate:=10.0"]
    parameters += ["reliability:=reliable", "frame_id:=sr305", "subscribers:=1"]
    process = start(tmp_path, *(word for parameter in parameters for word in ("-p", parameter)))
    try:
        client.until(lambda: not process.running())
        assert process.wait() == 0, process.output()
    finally:
        process.stop()
    client.spin(0.2)
    assert len(listener.images) == len(listener.infos) == 3
    for name, image, info in zip(("2", "9", "10"), listener.images, listener.infos, strict=True):
        check_info(info, image)
        assert (image.encoding, image.header.frame_id) == ("16UC1", "sr305")
        found = np.frombuffer(image.data, "<u2").reshape(24, 32)
        np.testing.assert_allclose(found, images[name] * 0.125, atol=0.5001)
    assert "with fx 310, fy 320, cx 161, cy 118 and depth_unit 0.000125" in process.output()
    assert "5.png holds 3 channel(s) of uint8" in process.output()


SUBSCRIBER = f"""
import rclpy
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node("late")
node.create_subscription(Image, "{TOPIC}", lambda image: print(image.header.stamp.nanosec, flush=True), 50)
rclpy.spin(node)
"""


def test_a_folder_waits_for_a_subscriber_that_comes_late_and_for_one_that_stands_still(
    client: Client, listener: Listener, tmp_path: Path
) -> None:
    """As processes do on a busy machine. The images are more than the shared memory holds."""
    folder = tmp_path / "images"
    folder.mkdir()
    for index in range(20):
        assert cv2.imwrite(str(folder / f"{index}.png"), np.full((480, 640), 500 + index, np.uint16))
    parameters = [f"folder:={folder}", "loop:=false", "rate:=20.0", "reliability:=reliable", "subscribers:=2"]
    camera = start(tmp_path, *(word for parameter in parameters for word in ("-p", parameter)))
    late: NodeProcess | None = None
    try:
        assert client.until(lambda: "has 1 of 2, the camera info 1 of 1" in camera.output()), camera.output()
        assert listener.images == []
        late = NodeProcess(["-c", SUBSCRIBER], tmp_path / "late.txt")
        assert client.until(late.output), camera.output()
        late.send(signal.SIGSTOP)
        client.spin(1.5)
        late.send(signal.SIGCONT)
        client.until(lambda: not camera.running())
        assert camera.wait() == 0, camera.output()
        client.until(lambda: len(late.output().split()) == len(listener.images) == 20, 10.0)
        stamps = [image.header.stamp.nanosec for image in listener.images]
        assert len(stamps) == 20
        assert [int(word) for word in late.output().split()] == stamps
    finally:
        camera.stop()
        if late:
            late.kill()


def test_rendered_hand_comes_with_the_joints_of_its_image(client: Client, listener: Listener, tmp_path: Path) -> None:
    parameters = ["width:=320", "height:=240", "sensor:=none", "encoding:=32FC1", "reliability:=reliable"]
    parameters += ["seed:=3", "rate:=10.0"]
    process = start(tmp_path, *(word for parameter in parameters for word in ("-p", parameter)))
    try:
        assert client.until(lambda: len(listener.images) > 8 and len(listener.joints) > 8), process.output()
    finally:
        assert process.stop() == 0
    infos, joints = by_stamp(listener.infos), by_stamp(listener.joints)
    both = [(image, joints[stamp]) for stamp, image in by_stamp(listener.images).items() if stamp in joints]
    assert len(both) > 5
    animation = HandAnimation(CAMERA, seed=3)
    indices = []
    for image, truth in both:
        check_info(infos[image.header.stamp.sec, image.header.stamp.nanosec], image)
        assert truth.header == image.header
        found = points([pose.position for pose in truth.poses])
        # Which of the first ten seconds' frames it is; the first ones were published before anyone listened.
        index = next((i for i in range(100) if np.allclose(animation.hand(i / 10).joints, found, atol=1e-6)), None)
        assert index is not None
        indices.append(index)
        metres = depth_image(image).metres(slice(None), slice(None))
        np.testing.assert_allclose(metres, animation.frame(index / 10)[0], atol=1e-6)
    assert indices == sorted(set(indices))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_while_the_renderer_is_compiled_it_says_so_answers_and_can_be_interrupted(
    client: Client, tmp_path: Path, number: signal.Signals
) -> None:
    process = start(tmp_path, environment={"NUMBA_CACHE_DIR": str(tmp_path / "empty")})
    try:
        assert client.until(lambda: "the first time on a machine it is compiled" in process.output()), process.output()
        names = client.call(ListParameters, "/depth_camera/list_parameters", ListParameters.Request()).result.names
        assert "folder" in names
        process.send(number)
        assert process.wait() == 0
        assert "The first image is ready" not in process.output()
        assert "Traceback" not in process.output()
    finally:
        process.kill()


def test_wrong_parameters_end_the_process_with_a_sentence(tmp_path: Path) -> None:
    sentences = {
        "folder:=/no/such/folder": "Cannot start: folder '/no/such/folder' is not there",
        "sensor:=sonar": "Cannot start: sensor is 'sonar'; accepted: none, coded_light",
        "rate:=0.0": "rate",
    }
    # All at once, because each waits for its imports.
    processes = [start(tmp_path / str(number), "-p", parameter) for number, parameter in enumerate(sentences)]
    for process, sentence in zip(processes, sentences.values(), strict=True):
        assert process.wait() == 1
        assert sentence in process.output()
        assert "Traceback" not in process.output()


@pytest.mark.skipif("hand" not in available_models(), reason="the shipped model 'hand' is not there")
def test_shipped_model_finds_the_rendered_hand(client: Client, listener: Listener, tmp_path: Path) -> None:
    """Both processes as a user runs them: the published joints lie on the true ones of the same stamp."""
    main = "import sys; from dense3d_ros.nodes.main import main; sys.exit(main())"
    remaps = ["-r", f"depth:={TOPIC}", "-r", f"camera_info:={INFO}", "-p", "device:=cpu", "-p", "max_age:=3.0"]
    pose = NodeProcess(["-c", main, "--ros-args", *remaps], tmp_path / "pose.txt")
    parameters = ["rate:=5.0", "fx:=475.0", "fy:=475.0", "cx:=319.5", "cy:=239.5"]
    camera = start(tmp_path, *(word for parameter in parameters for word in ("-p", parameter)))
    client.hands.clear()
    try:
        assert client.until(lambda: "is ready" in pose.output() or "Cannot configure" in pose.output())
        assert "Cannot configure" not in pose.output(), pose.output()
        assert client.until(lambda: len(matched(client, listener)) >= 15), pose.output()
    finally:
        statuses = (camera.stop(), pose.stop())
    assert statuses == (0, 0)
    pairs = matched(client, listener)
    errors = [
        np.linalg.norm(points(message.hands[0].joints) - points([p.position for p in truth.poses]), axis=1).mean()
        for message, truth in pairs
    ]
    assert {(message.header.frame_id, message.model) for message, _ in pairs} == {
        ("camera_depth_optical_frame", "hand")
    }
    assert np.median(errors) < 0.010


def matched(client: Client, listener: Listener) -> list[tuple[Any, Any]]:
    """Messages with a hand, and the true joints of the same stamp."""
    truth, hands = by_stamp(listener.joints), by_stamp(client.hands)
    return [(message, truth[stamp]) for stamp, message in hands.items() if message.hands and stamp in truth]


def test_what_renders_is_needed_for_the_rendered_hand_alone() -> None:
    program = (
        "import sys; sys.modules['numba'] = None\n"
        "from dense3d_ros.rehearsal.depth_source import rendered_images\n"
        "rendered_images(None, 30.0, 0, 'stereo', 'soma', 'gestures')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120)
    assert "RuntimeError: the rendered hand needs the Python package numba: run `make requirements-demo`" in done.stderr
