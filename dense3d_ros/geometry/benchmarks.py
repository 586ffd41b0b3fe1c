"""The benchmarks of hand pose from depth: cameras, joint names and orders, and which joints are scored."""

from __future__ import annotations

from dataclasses import dataclass

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.hand import JOINT_NAMES


@dataclass(frozen=True)
class Benchmark:
    """What is fixed about a data set.

    camera: the camera that the community scores with. joints: names in the order of the labels.
    scored: indices of the joints that the protocol compares, in the order of prediction files.
    hand_joints: joint of `dense3d_ros.geometry.hand` -> index of the same joint here, where there is one.
    chains: joint indices along each finger, for drawing. frames: split -> frames in the complete set.
    """

    name: str
    title: str
    camera: Camera
    joints: tuple[str, ...]
    scored: tuple[int, ...]
    hand_joints: dict[str, int]
    chains: tuple[tuple[int, ...], ...]
    frames: dict[str, int]

    @property
    def scored_joints(self) -> tuple[str, ...]:
        """Names of the joints that the protocol compares."""
        return tuple(self.joints[index] for index in self.scored)

    @property
    def skeleton(self) -> str:
        """Name of the scored joints in their order, as a model file calls it."""
        return f"{self.name}{len(self.scored)}"


def _nyu() -> Benchmark:
    # F1 is the little finger, F4 the index; of each pair A is the distal end.
    groups = ("F1", "F2", "F3", "F4", "TH")
    joints = [f"{group}_KNU{knuckle}_{end}" for group in groups for knuckle in (3, 2, 1) for end in "AB"]
    hand_joints = {"thumb_tip": 24, "thumb_ip": 25, "thumb_mcp": 27, "thumb_cmc": 28}
    for start, finger in zip((18, 12, 6, 0), ("index", "middle", "ring", "little"), strict=True):
        for segment, offset in (("mcp", 5), ("pip", 3), ("dip", 1), ("tip", 0)):
            hand_joints[f"{finger}_{segment}"] = start + offset
    return Benchmark(
        name="nyu",
        title="NYU",
        camera=Camera(588.03, 587.07, 320.0, 240.0, 640, 480),
        joints=(*joints, *(f"PALM_{number}" for number in range(1, 7))),
        scored=(0, 3, 6, 9, 12, 15, 18, 21, 24, 25, 27, 30, 31, 32),
        hand_joints=hand_joints,
        chains=(*((32, *reversed(range(start, start + 6))) for start in range(0, 30, 6)), (30, 32, 31)),
        frames={"train": 72757, "test": 8252},
    )


def _icvl() -> Benchmark:
    fingers = ("thumb", "index", "middle", "ring", "little")
    joints = ("palm", *(f"{finger}_{part}" for finger in fingers for part in ("root", "middle", "tip")))
    # Roots and middles lie inside the segments, not on joints: only the tips are the same points.
    return Benchmark(
        name="icvl",
        title="ICVL",
        camera=Camera(240.99, 240.96, 160.0, 120.0, 320, 240),
        joints=joints,
        scored=tuple(range(16)),
        hand_joints={f"{finger}_tip": 3 * number + 3 for number, finger in enumerate(fingers)},
        chains=tuple((0, *range(start, start + 3)) for start in range(1, 16, 3)),
        frames={"test": 1596},
    )


def _msra() -> Benchmark:
    joints = (*JOINT_NAMES[:1], *JOINT_NAMES[5:], *JOINT_NAMES[1:5])
    return Benchmark(
        name="msra",
        title="MSRA15",
        camera=Camera(241.42, 241.42, 160.0, 120.0, 320, 240),
        joints=joints,
        scored=tuple(range(21)),
        hand_joints={name: index for index, name in enumerate(joints)},
        chains=tuple((0, *range(start, start + 4)) for start in range(1, 21, 4)),
        frames={},
    )


BENCHMARKS: dict[str, Benchmark] = {benchmark.name: benchmark for benchmark in (_nyu(), _icvl(), _msra())}
