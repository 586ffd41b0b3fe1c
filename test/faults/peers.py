"""Other nodes on the topics: cameras and listeners that come, go, are killed, and do not fit."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
from node_processes import Client, NodeProcess
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import String

from dense3d_ros.msg import HandPoseArray

from .frames import good_hand, pick
from .images import random_image
from .resources import mapped_ports
from .subject import Subject

PEERS = (
    # topic, type, whether it is the topic's, whether it is published
    ("depth", Image, True, True),
    ("camera_info", CameraInfo, True, True),
    ("depth", String, False, True),
    ("camera_info", PointCloud2, False, True),
    ("hand_pose/hands", HandPoseArray, True, False),
    ("hand_pose/hands", String, False, False),
    ("hand_pose/markers", String, False, False),
)
CAMERA_PROCESS = str(Path(__file__).parent / "camera_process.py")


def some_peers(subject: Subject, rng: np.random.Generator, count: int) -> None:
    """`count` publishers and subscribers of any quality of service and type come and go while frames flow."""
    # One participant cannot have two types on one topic.
    strangers = {fits: Client(f"stranger_{fits}_{time.monotonic_ns()}", "/none") for fits in (True, False)}
    there: list[tuple[Any, Any]] = []
    try:
        for _ in range(count):
            if there and rng.random() < 0.5:
                destroy, entity = there.pop(int(rng.integers(len(there))))
                subject.count("one goes")
                destroy(entity)
            else:
                topic, kind, fits, publishes = pick(rng, PEERS)
                subject.count(f"{kind.__name__} {'published' if publishes else 'read'} on {topic.split('/')[-1]}")
                node, name = strangers[fits].node, f"{subject.namespace}/{topic}"
                if publishes:
                    there.append((node.destroy_publisher, node.create_publisher(kind, name, _qos(rng))))
                else:
                    reader = node.create_subscription(kind, name, lambda _: None, _qos(rng))
                    there.append((node.destroy_subscription, reader))
            subject.publish(random_image(rng, subject.now()))
            subject.client.spin(0.01)
    finally:
        for stranger in strangers.values():
            stranger.close()


def some_cameras(subject: Subject, rng: np.random.Generator, count: int, folder: Path) -> None:
    """`count` cameras that are killed while they publish."""
    for index in range(count):
        subject.count("camera killed")
        camera = NodeProcess([CAMERA_PROCESS, subject.namespace, "60", "stiff"], folder / f"camera_{index}.txt")
        try:
            subject.foreign = True
            seen = len(subject.client.hands)
            subject.client.until(lambda seen=seen: len(subject.client.hands) > seen)
            subject.client.spin(float(rng.uniform(0.0, 0.5)))
        finally:
            # Stopped, it maps no port between the check and its end.
            camera.send(signal.SIGSTOP)
            subject.kept_by_the_killed |= mapped_ports(camera.pid)
            camera.kill()


def some_pauses(subject: Subject, rng: np.random.Generator, count: int) -> None:
    """`count` times the process stands still for seconds while frames come, as in a laptop that is suspended."""
    for _ in range(count):
        subject.count("pause")
        os.kill(subject.pid, signal.SIGSTOP)
        try:
            end = time.monotonic() + float(rng.choice([0.5, 3.0, 6.0]))
            while time.monotonic() < end:
                subject.publish(good_hand(subject.now()))
                subject.client.spin(0.05)
        finally:
            os.kill(subject.pid, signal.SIGCONT)
        subject.check()


def some_stalls(subject: Subject, rng: np.random.Generator, count: int) -> None:
    """`count` frames at a camera's rate for a model that stands still now and then."""
    for _ in range(count):
        subject.send(good_hand(subject.now()), float(rng.uniform(0.02, 0.1)))


def _qos(rng: np.random.Generator) -> QoSProfile:
    return QoSProfile(
        depth=int(rng.choice([1, 5, 1000])),
        history=HistoryPolicy.KEEP_LAST,
        reliability=ReliabilityPolicy.RELIABLE if rng.random() < 0.5 else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if rng.random() < 0.5 else DurabilityPolicy.VOLATILE,
    )
