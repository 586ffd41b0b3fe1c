"""The results of a run as one MCAP: depth, camera info, hands, markers, and the transforms that were recorded."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from rosbags.interfaces import Connection, Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from dense3d_ros.atomic_write import check_writable, writing
from dense3d_ros.excerpt import printable
from dense3d_ros.recordings.growing_stamps import GrowingStamps
from dense3d_ros.recordings.offline import FrameResult, Transform
from dense3d_ros.recordings.ros_types import HANDS, IMAGE, INFO, MARKERS, POINTS, TRANSFORMS, RosTypes

TOPICS = {
    "/camera/depth/image_raw": IMAGE,
    "/camera/depth/camera_info": INFO,
    "/hand_pose/hands": HANDS,
    "/hand_pose/points": POINTS,
    "/hand_pose/markers": MARKERS,
}
STATIC = "/tf_static"
_MARKER_LIFETIME = 500_000_000
_FOREVER = QosTime(9_223_372_036, 854_775_807)


class BagWriter:
    """Writes a run's frames into an MCAP that `ros2 bag play`, Foxglove and Rerun play.

    The file is there when the `with` block ends, also by KeyboardInterrupt; after another error nothing is. Stamps that
    go back are moved, see GrowingStamps.
    """

    def __init__(self, path: Path, model: str) -> None:
        """ValueError for another ending than .mcap, OSError where the folder is not there."""
        if path.suffix != ".mcap":
            raise ValueError(f"--bag {printable(path)} is no name of an MCAP; it must end with .mcap")
        if path.is_dir() or not path.parent.is_dir():
            raise OSError(f"--bag {printable(path)} cannot be written: there is a folder of that name, or none for it")
        check_writable(path)
        self._path, self._model = path, model
        # What a killed run left.
        self._folder = path.with_name(f".part-{path.name}")
        shutil.rmtree(self._folder, ignore_errors=True)
        self._types = RosTypes()
        self._writer = Writer(self._folder, version=9, storage_plugin=StoragePlugin.MCAP)
        self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        self._connections: dict[str, Connection] = {}
        self._stamps = GrowingStamps()

    def __enter__(self) -> BagWriter:
        self._writer.open()
        for topic, kind in TOPICS.items():
            self._connect(topic, kind)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None or issubclass(kind, KeyboardInterrupt):
                with writing(self._path):
                    self._writer.close()
                    next(self._folder.glob("*.mcap")).replace(self._path)
            else:
                self._writer.abort()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, result: FrameResult) -> None:
        """Write a frame; one that could not be read leaves nothing."""
        self.add_transforms(result.transforms)
        if not result.readable:
            return
        stamp = self._stamps.next(result.nanoseconds)
        header = self._types.header(stamp, result.frame_id)
        hands = sorted(result.estimate.hands, key=lambda hand: hand.track_id)
        messages = (
            self._types.image(header, result.depth),
            self._types.info(header, result.camera),
            self._types.hands(header, hands, self._model),
            self._types.points(header, hands),
            self._types.markers(header, hands, _MARKER_LIFETIME),
        )
        for (topic, kind), message in zip(TOPICS.items(), messages, strict=True):
            self._write(topic, kind, stamp, message)

    def add_transforms(self, transforms: Iterable[Transform]) -> None:
        """Write transforms of the sequence at hand, such as those after its last frame."""
        for topic, time, message in transforms:
            self._write(topic, TRANSFORMS, self._stamps.moved(time), message)

    def _write(self, topic: str, kind: str, time: int, message: Any) -> None:
        if topic not in self._connections:
            self._connect(topic, kind)
        with writing(self._path):
            self._writer.write(self._connections[topic], time, self._types.store.serialize_cdr(message, kind))

    def _connect(self, topic: str, kind: str) -> None:
        qos = [_offered(topic)]
        store = self._types.store
        self._connections[topic] = self._writer.add_connection(topic, kind, typestore=store, offered_qos_profiles=qos)


def _offered(topic: str) -> Qos:
    """As the nodes publish; transforms that hold for ever are kept for those who come later."""
    is_static = topic == STATIC
    return Qos(
        history=QosHistory.KEEP_LAST,
        depth=100 if is_static else 5,
        reliability=QosReliability.RELIABLE,
        durability=QosDurability.TRANSIENT_LOCAL if is_static else QosDurability.VOLATILE,
        deadline=_FOREVER,
        lifespan=_FOREVER,
        liveliness=QosLiveliness.AUTOMATIC,
        liveliness_lease_duration=_FOREVER,
        avoid_ros_namespace_conventions=False,
    )
