"""What a benchmark measures, as its JSON has it: the names and types of all figures."""

from __future__ import annotations

from typing import TypedDict


class Times(TypedDict):
    """Percentiles, extremes and mean of times in milliseconds, and how many calls they are of."""

    p50: float
    p95: float
    p99: float
    least: float
    most: float
    mean: float
    calls: int


class Machine(TypedDict):
    """What it ran on. features: of the processor. cores: that the process may use. load_before: of the last minute."""

    processor: str
    features: list[str]
    cores: int
    memory_gib: float
    load_before: float
    gpu: str
    system: str
    python: str
    packages: dict[str, str]


class Arithmetic(TypedDict):
    """Of a network, for one crop. floor_ms: the least time that its multiply-adds take in float32."""

    network: str
    resolution: int
    gmacs: float
    million_weights: float
    floor_ms: float


class NetworkTimes(Times):
    """Of batches of crops in a runtime. Differences: from the joints of the first runtime, the largest of a joint and
    the largest mean of a hand; None for the paper's network. build_seconds: until the runtime was ready."""

    network: str
    runtime: str
    device: str
    batch: int
    resolution: int
    crops_per_hand: int
    build_seconds: float
    difference_mm: float | None
    mean_difference_mm: float | None
    hands_per_second: float


class FrameTimes(TypedDict):
    """Of tracked frames in a runtime, stage by stage; the stage "frame" is all of it."""

    runtime: str
    frames: int
    with_hand: int
    stages: dict[str, Times]


class RoomTimes(Times):
    """Of frames of a scene without a hand, and of those of the followed hand, whose share the first two are.

    size: columns x rows. with_hand: frames in which a hand was found, None where that was not counted.
    """

    p50_to_hand: float
    mean_to_hand: float
    size: str
    scene: str
    with_hand: int | None


class CameraTimes(Times):
    """Of the frames of cameras that share a model. frames_per_second: of all together."""

    cameras: int
    frames_per_second: float


class RateFigures(TypedDict):
    """Of processes over DDS at a camera's rate, Hz.

    frames: that were sent; of these lost, with_hand and with_all_hands. latency_ms: from the stamp to the receipt of
    hands. Processor time is per cent of a core, of the nodes and of the camera; memory is that of the nodes.
    """

    hands: int
    rate: float
    frames: int
    lost: int
    with_hand: int
    with_all_hands: int
    latency_ms: Times
    cpu_percent: float
    camera_cpu_percent: float
    resident_mib: float
    largest_resident_mib: float
    node_stages_p50_ms: dict[str, float]


class EndToEndFigures(TypedDict):
    """callbacks: of the executor of the nodes, by node and topic, service or timer."""

    views: str
    runtime: str
    device: str
    start_to_first_pose_seconds: float
    rates: list[RateFigures]
    callbacks: dict[str, Times]


class _Measured(TypedDict, total=False):
    end_to_end: EndToEndFigures
    frames: list[FrameTimes]
    rooms: list[RoomTimes]
    parts: dict[str, Times]
    device: dict[str, Times]
    cameras: list[CameraTimes]
    matrix_gflops: float
    arithmetic: list[Arithmetic]
    networks: list[NetworkTimes]
    layers: dict[str, Times]


class Result(_Measured):
    """Of a run; what was not measured is not there. matrix_gflops: the speed of large matrix products."""

    machine: Machine
    command: str
