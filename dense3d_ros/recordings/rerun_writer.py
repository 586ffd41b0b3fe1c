"""The results of a run as a recording for the Rerun viewer, through the Python package rerun-sdk."""

from __future__ import annotations

from errno import ENOSPC
from pathlib import Path
from shutil import disk_usage
from types import TracebackType
from typing import Any

import numpy as np
import rerun
from numpy.typing import NDArray

from dense3d_ros.atomic_write import check_writable, writing
from dense3d_ros.excerpt import printable
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import BONES, FINGER_COLOURS, JOINT_COLOURS, JOINT_COUNT, HandPose
from dense3d_ros.hand_state.angles import hand_angles
from dense3d_ros.hand_state.grasp import aperture, finger_closures
from dense3d_ros.recordings.growing_stamps import GrowingStamps
from dense3d_ros.recordings.offline import FrameResult

CAMERA, DEPTH, CLOUD = "camera", "camera/depth", "camera/points"
"""The viewer makes a cloud of the depth image and its pinhole; where the camera has a lens, it gets the points, too."""
JOINTS, BONE_LINES, WRISTS = "camera/joints", "camera/bones", "camera/wrists"
STAMP, FRAME = "stamp", "frame"
"""Timelines."""
LEAST_ROOM = 64 << 20
"""Bytes that must be free on the disk."""
_SINCE_1970 = 10**17
"""Nanoseconds; smaller stamps count from the start of something else."""
_EVERY = 2
"""Of a cloud's points every second column and row."""
_JOINT_RADIUS, _BONE_RADIUS, _POINT_RADIUS = 0.006, 0.003, 0.001
_BONE_COLOURS = [FINGER_COLOURS[bone // 4] for bone in range(len(BONES))]


class RerunWriter:
    """Writes a run's frames into an .rrd: depth, skeletons, and curves of each hand. See docs/recordings.md.

    The file is there when the `with` block ends, also by KeyboardInterrupt; after another error nothing is. Stamps that
    go back are moved, see GrowingStamps.
    """

    def __init__(self, path: Path) -> None:
        """ValueError for another ending than .rrd, OSError where the file cannot be written."""
        if path.suffix != ".rrd":
            raise ValueError(f"--rerun {printable(path)} is no name of a Rerun recording; it must end with .rrd")
        check_writable(path)
        self._path, self._temporary = path, path.with_name(f".part-{path.name}")
        self._stamps = GrowingStamps()
        self._frames = 0
        self._curves: set[str] = set()

    def __enter__(self) -> RerunWriter:
        self._recording = rerun.RecordingStream("dense3d")
        with writing(self._path):
            self._temporary.touch()
        self._recording.save(self._temporary)
        self._log(CAMERA, rerun.ViewCoordinates.RDF, static=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None or issubclass(kind, KeyboardInterrupt):
                self._recording.disconnect()
                with writing(self._path):
                    self._temporary.replace(self._path)
        finally:
            self._recording.disconnect()
            self._temporary.unlink(missing_ok=True)

    def add(self, result: FrameResult) -> None:
        """Write a frame; one that could not be read leaves nothing."""
        if not result.readable:
            return
        self._check_room()
        self._set_time(self._stamps.next(result.nanoseconds))
        self._add_depth(result.depth, result.camera)
        hands = result.estimate.hands
        self._add_skeletons(hands)
        values = {f"{name}/hand_{hand.track_id}": value for hand in hands for name, value in _curves(hand).items()}
        for name, value in values.items():
            self._log(name, rerun.Scalars(value))
        for name in self._curves - values.keys():
            # Ends the line, which would go on to where the hand is seen again.
            self._log(name, rerun.Clear(recursive=False))
        self._curves = set(values)

    def _set_time(self, nanoseconds: int) -> None:
        self._recording.set_time(FRAME, sequence=self._frames)
        self._frames += 1
        if nanoseconds >= _SINCE_1970:
            self._recording.set_time(STAMP, timestamp=np.datetime64(nanoseconds, "ns"))
        else:
            self._recording.set_time(STAMP, duration=np.timedelta64(nanoseconds, "ns"))

    def _add_depth(self, depth: DepthImage, camera: Camera) -> None:
        matrix = [[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]]
        if camera.distortion is None:
            pinhole = rerun.Pinhole(image_from_camera=matrix, resolution=[camera.width, camera.height])
            self._log(DEPTH, pinhole)
        else:
            points = _points(depth, camera)
            self._log(CLOUD, rerun.Points3D(points, radii=_POINT_RADIUS))
        if depth.values.dtype == np.uint16:
            self._log(DEPTH, rerun.DepthImage(depth.values, meter=1.0 / depth.unit))
        else:
            self._log(DEPTH, rerun.DepthImage(depth.metres(), meter=1.0))

    def _add_skeletons(self, hands: list[HandPose]) -> None:
        """All hands together, so that those that are gone leave nothing behind."""
        joints = np.array([hand.joints for hand in hands], np.float32).reshape(-1, 3)
        bones = np.array([hand.joints[list(bone)] for hand in hands for bone in BONES], np.float32).reshape(-1, 2, 3)
        count = len(hands)
        self._log(JOINTS, rerun.Points3D(joints, colors=list(JOINT_COLOURS) * count, radii=_JOINT_RADIUS))
        self._log(BONE_LINES, rerun.LineStrips3D(bones, colors=_BONE_COLOURS * count, radii=_BONE_RADIUS))
        labels = [f"#{hand.track_id} {hand.handedness.name.lower()} {hand.score:.2f}" for hand in hands]
        self._log(WRISTS, rerun.Points3D(joints[::JOINT_COUNT], labels=labels, radii=_JOINT_RADIUS))

    def _check_room(self) -> None:
        """OSError where the disk is nearly full: Rerun's own writer only logs that, if at all, or waits for ever."""
        with writing(self._path):
            if disk_usage(self._path.parent).free < LEAST_ROOM:
                raise OSError(ENOSPC, f"less than {LEAST_ROOM >> 20} MiB are free")

    def _log(self, entity: str, what: Any, *, static: bool = False) -> None:
        self._recording.log(entity, what, static=static)


def _curves(hand: HandPose) -> dict[str, float]:
    """score: of the hand. aperture: metres from thumb to index finger. closure: 0 flat to 1 fist, where it is known."""
    curves = {"score": hand.score, "aperture": aperture(hand.joints)}
    try:
        closures = finger_closures(hand_angles(hand.joints, hand.handedness))
    except ValueError:
        return curves
    return curves | {"closure": float(closures[1:].mean())}


def _points(depth: DepthImage, camera: Camera) -> NDArray[np.float32]:
    """(N, 3) metres of what is measured."""
    rows, cols = np.arange(0, camera.height, _EVERY), np.arange(0, camera.width, _EVERY)
    metres = depth.metres(rows, cols)
    x, y = camera.rays(cols[None].astype(float), rows[:, None].astype(float))
    points = np.stack(np.broadcast_arrays(x * metres, y * metres, metres), axis=-1)
    return np.asarray(points[metres > 0], np.float32)
