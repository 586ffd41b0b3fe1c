"""Bags for the tests, written by the reference writers rosbags and mcap, of images that need no renderer."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rosbags.interfaces import ConnectionExtRosbag1
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

from dense3d_ros.geometry.camera import Camera

CAMERA = Camera(47.5, 47.5, 31.5, 23.5, 64, 48)
FIRST = 1_700_000_000_000_000_000
STEP = 33_333_333
DEPTH, INFO = "/camera/depth/image_rect_raw", "/camera/depth/camera_info"
IMAGE_TYPE, INFO_TYPE = "sensor_msgs/msg/Image", "sensor_msgs/msg/CameraInfo"
COMPRESSED_TYPE = "sensor_msgs/msg/CompressedImage"
ROS2 = get_typestore(Stores.ROS2_JAZZY)


def depth_values(index: int, camera: Camera = CAMERA) -> NDArray[np.uint16]:
    """Millimetres (H, W), another in each frame, of noise that does not compress."""
    return np.random.default_rng(index).integers(400, 900, (camera.height, camera.width)).astype(np.uint16)


def header(store: Typestore, stamp: int, frame: str = "optical") -> Any:
    time = store.types["builtin_interfaces/msg/Time"](stamp // 10**9, stamp % 10**9)
    kind = store.types["std_msgs/msg/Header"]
    return kind(0, time, frame) if "seq" in kind.__dataclass_fields__ else kind(time, frame)


def image(values: NDArray[Any], stamp: int, encoding: str = "16UC1", store: Typestore = ROS2) -> Any:
    height, width = values.shape[:2]
    data = np.ascontiguousarray(values).view(np.uint8).ravel()
    step = data.size // height
    return store.types[IMAGE_TYPE](header(store, stamp), height, width, encoding, 0, step, data)


def compressed(values: NDArray[np.uint16], stamp: int) -> Any:
    """As compressed_depth_image_transport compresses 16UC1."""
    data = struct.pack("<iff", 0, 0.0, 0.0) + cv2.imencode(".png", values)[1].tobytes()
    return ROS2.types[COMPRESSED_TYPE](header(ROS2, stamp), "16UC1; compressedDepth png", np.frombuffer(data, np.uint8))


def info(stamp: int, camera: Camera = CAMERA, store: Typestore = ROS2) -> Any:
    k = np.array([camera.fx, 0, camera.cx, 0, camera.fy, camera.cy, 0, 0, 1])
    p = np.array([camera.fx, 0, camera.cx, 0, 0, camera.fy, camera.cy, 0, 0, 0, 1, 0])
    region = store.types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
    about = (header(store, stamp), camera.height, camera.width, "plumb_bob")
    return store.types[INFO_TYPE](*about, np.zeros(5), k, np.eye(3).ravel(), p, 0, 0, region)


Messages = Iterator[tuple[str, int, str, Any]]


def frames(count: int, start: int = 0, camera: Camera = CAMERA) -> Messages:
    """Topic, nanoseconds, type and message of a camera's depth and info."""
    for index in range(start, start + count):
        stamp = FIRST + index * STEP
        yield INFO, stamp, INFO_TYPE, info(stamp, camera)
        yield DEPTH, stamp, IMAGE_TYPE, image(depth_values(index, camera), stamp)


def write_ros2(
    path: Path,
    messages: Messages,
    plugin: StoragePlugin = StoragePlugin.MCAP,
    mode: CompressionMode = CompressionMode.NONE,
) -> Path:
    """A bag folder with metadata.yaml; the path of its file."""
    writer = Writer(path, version=9, storage_plugin=plugin)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        connections: dict[str, Any] = {}
        for topic, time, kind, message in messages:
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=ROS2)
            writer.write(connections[topic], time, ROS2.serialize_cdr(message, kind))
    return next(file for file in path.iterdir() if file.suffix != ".yaml")


def write_ros1(path: Path, count: int) -> Path:
    """A ROS 1 bag of `frames`."""
    store = get_typestore(Stores.ROS1_NOETIC)
    with Writer1(path) as writer:
        depth = writer.add_connection(DEPTH, IMAGE_TYPE, typestore=store)
        infos = writer.add_connection(INFO, INFO_TYPE, typestore=store)
        assert isinstance(depth.ext, ConnectionExtRosbag1)
        for index in range(count):
            stamp = FIRST + index * STEP
            writer.write(infos, stamp, store.serialize_ros1(info(stamp, store=store), INFO_TYPE))
            writer.write(depth, stamp, store.serialize_ros1(image(depth_values(index), stamp, store=store), IMAGE_TYPE))
    return path
