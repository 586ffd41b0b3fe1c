"""Node processes and a client for tests over real DDS."""

from __future__ import annotations

import array
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from numpy.typing import NDArray
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import DescribeParameters, ListParameters, SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from visualization_msgs.msg import MarkerArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.msg import HandPoseArray

PATIENCE_S = 90.0
"""How long a test waits for what should take a second: the machine may be busy."""
FRAME = "test_optical_frame"
TRANSITIONS = {
    "configure": Transition.TRANSITION_CONFIGURE,
    "activate": Transition.TRANSITION_ACTIVATE,
    "deactivate": Transition.TRANSITION_DEACTIVATE,
    "cleanup": Transition.TRANSITION_CLEANUP,
    "shutdown": Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
}


class NodeProcess:
    """A process of nodes: started with its output in a file, ended by SIGINT, killed if that does not help."""

    def __init__(self, command: list[str], log: Path, environment: dict[str, str] | None = None) -> None:
        self.log = log
        log.parent.mkdir(exist_ok=True)
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=log.parent,
                env={**os.environ, **(environment or {})},
            )

    def running(self) -> bool:
        return self._process.poll() is None

    def wait(self, timeout: float = PATIENCE_S) -> int:
        return self._process.wait(timeout)

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def interrupt(self) -> None:
        self.send(signal.SIGINT)

    def kill(self) -> None:
        """Without a chance to tidy up."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """SIGINT, then wait; the exit status, negative if it had to be killed."""
        if self.running():
            self.interrupt()
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            return self._process.wait()

    def output(self) -> str:
        return self.log.read_text(errors="replace")


class Client:
    """A node of the test in a context of its own. `node` names what it listens to."""

    def __init__(self, name: str, pose_node: str = "/hand_pose", model_node: str = "/hand_model") -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node(name, context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._pose_node, self._model_node = pose_node, model_node
        self._clients: dict[str, Any] = {}
        self.hands: list[Any] = []
        self.joints: list[Any] = []
        self.markers: list[Any] = []
        self.diagnostics: list[Any] = []
        self.collect(HandPoseArray, f"{pose_node}/hands", self.hands)
        self.collect(PoseArray, f"{pose_node}/joints", self.joints)
        self.collect(MarkerArray, f"{pose_node}/markers", self.markers)
        self.collect(DiagnosticArray, "/diagnostics", self.diagnostics)

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()

    def spin_also(self, node: Any) -> None:
        """Spin a node of this client's context with the client's."""
        self._executor.add_node(node)

    def collect(self, message: Any, topic: str, into: list[Any], qos: QoSProfile | None = None) -> Any:
        return self.node.create_subscription(message, topic, into.append, qos or QoSProfile(depth=50))

    def until(self, condition: Callable[[], Any], timeout: float = PATIENCE_S) -> Any:
        """Spin until `condition` is true; what it returned last."""
        end = time.monotonic() + timeout
        while not (value := condition()) and time.monotonic() < end:
            self._executor.spin_once(timeout_sec=max(0.0, min(0.05, end - time.monotonic())))
        return value

    def spin(self, seconds: float) -> None:
        self.until(lambda: False, seconds)

    def call(self, kind: Any, service: str, request: Any, timeout: float = PATIENCE_S) -> Any:
        future = self.ask(kind, service, request, timeout)
        assert self.until(future.done, timeout), f"no answer from {service}"
        return future.result()

    def ask(self, kind: Any, service: str, request: Any, timeout: float = PATIENCE_S) -> Any:
        """Call a service without waiting for the answer; its future."""
        if service not in self._clients:
            self._clients[service] = self.node.create_client(kind, service)
            assert self.until(self._clients[service].service_is_ready, timeout), f"no service {service}"
            # Ready means that the request is heard. The way back may take a moment longer, and then the answer is lost.
            self.spin(0.3)
        return self._clients[service].call_async(request)

    def change_state(self, transition: str) -> bool:
        future = self.ask_to_change_state(transition)
        assert self.until(future.done), f"no answer to {transition}"
        return bool(future.result().success)

    def ask_to_change_state(self, transition: str) -> Any:
        request = ChangeState.Request(transition=Transition(id=TRANSITIONS[transition]))
        return self.ask(ChangeState, f"{self._model_node}/change_state", request)

    def state(self) -> str:
        answer = self.call(GetState, f"{self._model_node}/get_state", GetState.Request())
        return str(answer.current_state.label)

    def set_parameter(self, node: str, name: str, value: str | float | int | bool | list[float]) -> Any:
        kinds = {
            bool: (ParameterType.PARAMETER_BOOL, "bool_value"),
            list: (ParameterType.PARAMETER_DOUBLE_ARRAY, "double_array_value"),
            str: (ParameterType.PARAMETER_STRING, "string_value"),
            int: (ParameterType.PARAMETER_INTEGER, "integer_value"),
            float: (ParameterType.PARAMETER_DOUBLE, "double_value"),
        }
        kind, field = kinds[type(value)]
        parameter = Parameter(name=name, value=ParameterValue(type=kind, **{field: value}))
        request = SetParameters.Request(parameters=[parameter])
        return self.call(SetParameters, f"{node}/set_parameters", request).results[0]

    def describe_parameters(self, node: str) -> list[Any]:
        names = self.call(ListParameters, f"{node}/list_parameters", ListParameters.Request()).result.names
        request = DescribeParameters.Request(names=names)
        return list(self.call(DescribeParameters, f"{node}/describe_parameters", request).descriptors)

    def now(self) -> Time:
        return self.node.get_clock().now().to_msg()

    def diagnostic(self, text: str) -> Any:
        """The next diagnostic status of the pose node whose message contains `text`; None if none comes."""
        self.diagnostics.clear()

        def found() -> Any:
            for message in self.diagnostics:
                for status in message.status:
                    if status.name.startswith(self._pose_node.lstrip("/")) and text in status.message:
                        return status
            return None

        return self.until(found)


class Source:
    """A depth camera of the test: publishes one frame at a time."""

    def __init__(
        self, client: Client, depth: str = "/depth", info: str = "/camera_info", qos: QoSProfile | None = None
    ) -> None:
        self._client = client
        self._image = client.node.create_publisher(Image, depth, qos or QoSProfile(depth=5))
        self._info = client.node.create_publisher(CameraInfo, info, qos or QoSProfile(depth=5))

    def connected(self) -> bool:
        return bool(self._image.get_subscription_count() and self._info.get_subscription_count())

    def publish(self, image: Image, info: CameraInfo) -> None:
        self._info.publish(info)
        self._image.publish(image)

    def send(self, image: Image, info: CameraInfo, timeout: float = PATIENCE_S) -> Any:
        """Publish, and wait for the HandPoseArray with the image's stamp; None if it does not come."""
        self.publish(image, info)
        return self._answer(image.header.stamp, timeout)

    def send_until_answered(self, make: Callable[[], tuple[Image, CameraInfo]]) -> Any:
        """Send one frame of `make` after the other until one is answered; its HandPoseArray, None if none is.

        Best-effort frames may be lost, and those of a starved process too old: the next one need not be.
        """
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            image, info = make()
            if message := self.send(image, info, timeout=3.0):
                return message
        return None

    def _answer(self, stamp: Time, timeout: float) -> Any:
        client = self._client
        return client.until(lambda: next((m for m in client.hands if m.header.stamp == stamp), None), timeout)


def depth_message(
    metres: NDArray[np.float32],
    stamp: Time,
    *,
    encoding: str = "16UC1",
    padding: int = 0,
    big_endian: bool = False,
    frame: str = FRAME,
) -> Image:
    """An Image written out by hand: `padding` bytes after every row, either byte order."""
    if encoding == "32FC1":
        values = np.where(metres > 0, metres, np.nan).astype(np.float32)
    else:
        values = np.rint(metres * 1000).astype(np.uint16)
    height, width = values.shape
    rows = values.astype(values.dtype.newbyteorder(">" if big_endian else "<")).tobytes()
    size = width * values.itemsize
    data = b"".join(rows[row * size : (row + 1) * size] + b"\xab" * padding for row in range(height))
    image = Image(height=height, width=width, encoding=encoding, step=size + padding)
    image.is_bigendian = int(big_endian)
    image.header.stamp = stamp
    image.header.frame_id = frame
    image.data = array.array("B", data)
    return image


def info_message(image: Image, camera: Camera) -> CameraInfo:
    """The camera info of `camera` with the image's header."""
    fx, fy, cx, cy = camera.fx, camera.fy, camera.cx, camera.cy
    return CameraInfo(
        header=image.header,
        width=camera.width,
        height=camera.height,
        distortion_model="plumb_bob",
        d=[0.0] * 5,
        k=[fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0],
        p=[fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
    )


def points(poses: Any) -> NDArray[np.float64]:
    """geometry_msgs Points -> (N, 3)."""
    return np.array([[point.x, point.y, point.z] for point in poses])
