"""Watches a live system from outside, as `dense3d watch` does: what arrives, and how our nodes are."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import PurePosixPath
from statistics import median
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.srv import GetState
from rcl_interfaces.srv import GetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import get_rmw_implementation_identifier
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from dense3d_ros.geometry.camera_info import CameraInfoError, camera_of, doubt_of, focal_length_of, lens_of
from dense3d_ros.nodes.diagnostics import COMMANDS, CONDITION, HANDS, STATE, values_of
from dense3d_ros.nodes.lost_images import are_even
from dense3d_ros.nodes.quality import misfit
from dense3d_ros.nodes.topic_graph import (
    HandPoseInput,
    TopicGraph,
    full_name,
    has_to_do_with_hands,
    raw_topic,
    read_graph,
)
from dense3d_ros.nodes.watch_arrivals import Arrivals, with_image
from dense3d_ros.nodes.watch_seen import DepthSeen, HandPoseSeen, InfoSeen, Said, Seen, Taken

GET_STATE = "lifecycle_msgs/srv/GetState"
_BEHIND = (STATE, COMMANDS)
"""Statuses of the nodes behind hand_pose."""
DISCOVERY_S = 3.5
"""A camera and a hand_pose are waited for so long: who missed the first announcements hears the next after 3 s."""
_HEARD_S, _LONGER_S = 1.0, 4.5
"""Who came last is listened to at least so long, for which the watch goes on for so long at most."""
_ANY = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Fits every publisher."""
_KEPT = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
"""Hears what was published before, as camera infos that are sent once; fits only those who keep it."""
_TRIES = 4
"""Times that a node is asked something."""


def watch(seconds: float) -> Seen:
    """List what is on this domain, and what comes, while listening for so long. Nothing is published or changed."""
    context = rclpy.Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = rclpy.create_node("dense3d_watch", context=context, enable_rosout=False, start_parameter_services=False)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(node)
        try:
            return _Watch(node, executor).run(seconds)
        finally:
            executor.shutdown()
            node.destroy_node()
    finally:
        context.try_shutdown()


class _Watch:
    """One inspection of a system."""

    def __init__(self, node: Any, executor: SingleThreadedExecutor) -> None:
        self._node, self._executor = node, executor
        self._arrivals: dict[str, Arrivals] = {}
        self._said: dict[tuple[str, str], DiagnosticStatus] = {}

    def run(self, seconds: float) -> Seen:
        self._node.create_subscription(DiagnosticArray, "/diagnostics", self._diagnostics_came, 10)
        graph = self._listen_to_all(seconds)
        depth = [name for name in graph.depth() if name in self._arrivals]
        taken = {node.depth: self._taken(node.name) for node in graph.inputs}
        topics = [self._depth(name, _info_of(name, graph), taken.get(name, Taken())) for name in depth]
        proven = {node.depth for node in graph.inputs if self._has_found_hands(node.name)}
        topics = [replace(topic, has_hands=topic.name in proven) for topic in topics]
        if not graph.named():
            topics = [topic for topic in topics if not topic.fault]
        kinds = graph.kinds
        return Seen(
            seconds=seconds,
            depth=tuple(topics),
            others=tuple(name for name in graph.images if name not in {topic.name for topic in topics}),
            compressed=graph.compressed,
            hand_poses=tuple(self._hand_pose(node, kinds.get(node.depth, ())) for node in graph.inputs),
            said=self._said_behind(),
            models=self._models(),
            place=self._place(),
        )

    def _listen_to_all(self, seconds: float) -> TopicGraph:
        """Listen to whoever is there or comes, for so long, or longer until all are likely to be known and heard."""
        graph = read_graph(self._node)
        started = changed = time.monotonic()
        while True:
            self._spin(0.1)
            now = time.monotonic()
            before, graph = graph, read_graph(self._node)
            if graph != before:
                changed = now
            if "/clock" in graph.kinds and not self._node.get_parameter("use_sim_time").value:
                self._node.set_parameters([Parameter("use_sim_time", value=True)])
            # Where no name tells it, the encoding has to; but a name may still come.
            depth = graph.depth() if now - started > _HEARD_S else graph.named()
            for name in {*depth, *graph.infos} - self._arrivals.keys():
                self._listen(CameraInfo if name in graph.infos else _image_type(name, graph), name)
            is_complete = (graph.images or graph.compressed) and graph.inputs
            enough = started + (seconds if is_complete else max(seconds, DISCOVERY_S))
            if now >= min(max(enough, changed + _HEARD_S), enough + _LONGER_S):
                return graph

    def _spin(self, seconds: float, done: Callable[[], bool] = lambda: False) -> None:
        end = time.monotonic() + seconds
        while not done() and (left := end - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=min(left, 0.1))

    def _listen(self, kind: Any, name: str) -> None:
        arrivals = self._arrivals[name] = Arrivals()
        now = self._node.get_clock().now
        offers = [offer.qos_profile.durability for offer in self._node.get_publishers_info_by_topic(name)]
        qos = _KEPT if offers and set(offers) == {DurabilityPolicy.TRANSIENT_LOCAL} else _ANY
        self._node.create_subscription(kind, name, lambda message: arrivals.came(message, now().nanoseconds), qos)

    def _diagnostics_came(self, message: Any) -> None:
        for status in message.status:
            name, _, what = status.name.rpartition(": ")
            if what in (HANDS, *_BEHIND):
                self._said[f"/{name}", what] = status

    def _said_behind(self) -> tuple[Said, ...]:
        """What hand_state and hand_retarget say; others may call their statuses so, too."""
        return tuple(
            Said(name, status.level == DiagnosticStatus.OK, status.message, values_of(status).get(CONDITION, ""))
            for (name, what), status in sorted(self._said.items(), key=lambda item: item[0])
            if what in _BEHIND and has_to_do_with_hands(self._node, name)
        )

    def _has_found_hands(self, name: str) -> bool:
        """Whether a hand_pose counts frames with a hand since its start."""
        status = self._said.get((name, HANDS))
        return status is not None and values_of(status).get("with a hand", "0") != "0"

    def _depth(self, name: str, info: str, taken: Taken) -> DepthSeen:
        arrivals = self._arrivals[name]
        offers = self._node.get_publishers_info_by_topic(name)
        reliability = offers[0].qos_profile.reliability.name.lower().replace("_", " ") if offers else ""
        seen = DepthSeen(name, tuple(sorted(set(map(full_name, offers)))), reliability, taken=taken)
        if (image := arrivals.message) is not None:
            seen = replace(
                seen,
                messages=arrivals.count,
                rate=arrivals.rate,
                is_even=are_even(arrivals.stamps),
                age=median(arrivals.ages),
                stamped=any(arrivals.stamps),
            )
            seen = with_image(seen, image)
        return replace(seen, info=self._info(info, seen, arrivals)) if info else seen

    def _info(self, name: str, depth: DepthSeen, images: Arrivals) -> InfoSeen:
        arrivals = self._arrivals[name]
        info = arrivals.message
        if info is None:
            return InfoSeen(name)
        how = lens_of(depth.name, depth.taken.distortion)
        focal_length = focal_length_of(info, how)
        if not depth.messages or depth.fault:
            return InfoSeen(name, arrivals.count, arrivals.rate, focal_length)
        fault, lens, doubt = "", "", ""
        try:
            camera = camera_of(info, depth.width, depth.height, depth.frame_id, how)
            focal_length, doubt = (camera.fx, camera.fy), doubt_of(info, camera)
            if any(info.d):
                why = "the name says rectified" if depth.taken.distortion == "auto" else "distortion is set so"
                lens = f"{info.distortion_model} {f'ignored: {why}' if how == 'ignore' else 'undone'}"
        except CameraInfoError as error:
            fault = str(error)
        return InfoSeen(
            name,
            arrivals.count,
            arrivals.rate,
            focal_length=focal_length,
            fault=fault,
            lens=lens,
            stamped=any(arrivals.stamps),
            pairs=len(set(images.stamps) & set(arrivals.stamps)),
            gap=float(np.abs(np.subtract.outer(images.stamps, arrivals.stamps)).min()) * 1e-9,
            doubt=doubt,
        )

    def _hand_pose(self, node: HandPoseInput, kinds: tuple[str, ...]) -> HandPoseSeen:
        offers = self._node.get_publishers_info_by_topic(node.depth)
        subscriptions = self._node.get_subscriptions_info_by_topic(node.depth)
        requests = [request for request in subscriptions if full_name(request) == node.name]
        reasons = [misfit(offer, request) for offer in offers for request in requests]
        status = self._said.get((node.name, HANDS))
        misfits = reasons[0] if reasons and all(reasons) else ""
        seen = HandPoseSeen(node.name, node.depth, node.info, node.kind, kinds, misfits)
        if status is None:
            return seen
        condition = values_of(status).get(CONDITION, "")
        is_ok = status.level == DiagnosticStatus.OK
        return replace(seen, ok=is_ok, diagnostic=status.message, condition=condition)

    def _taken(self, name: str) -> Taken:
        """How a hand_pose takes images; the defaults where it does not say."""
        names = [entry.name for entry in fields(Taken) if entry.name != "told"]
        answer = self._ask(GetParameters, f"{name}/get_parameters", GetParameters.Request(names=names))
        values: list[Any] = [parameter_value_to_python(value) for value in answer.values] if answer else []
        if len(values) != len(names) or None in values:
            return Taken()
        return Taken(**dict(zip(names, values, strict=True)), told=True)

    def _ask(self, kind: Any, service: str, request: Any) -> Any:
        """What a service answers; None where it does not."""
        client = self._node.create_client(kind, service)
        self._spin(1.0, client.service_is_ready)
        for _ in range(_TRIES):
            # An answer whose way back is not there yet is lost.
            future = client.call_async(request)
            self._spin(0.5, future.done)
            if future.done():
                return future.result()
        return None

    def _models(self) -> dict[str, str]:
        """Name -> lifecycle state, "" where it does not answer."""
        states = {}
        for service, kinds in sorted(self._node.get_service_names_and_types()):
            name, _, last = service.rpartition("/")
            if last == "get_state" and GET_STATE in kinds and name.endswith("hand_model"):
                answer = self._ask(GetState, service, GetState.Request())
                states[name] = str(answer.current_state.label) if answer else ""
        return states

    def _place(self) -> str:
        domain = os.environ.get("ROS_DOMAIN_ID") or "0"
        reach = os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE") or "SUBNET"
        return f"ROS_DOMAIN_ID {domain}, discovery {reach}, {get_rmw_implementation_identifier()}"


def _info_of(depth: str, graph: TopicGraph) -> str:
    """The camera info topic that belongs to a depth topic; "" where there is none."""
    image = PurePosixPath(raw_topic(depth))
    beside = [str(image.parent / "camera_info"), str(image / "camera_info")]
    taken = [node.info for node in graph.inputs if node.depth == depth]
    return next((name for name in [*beside, *taken] if name in graph.infos), "")


def _image_type(name: str, graph: TopicGraph) -> Any:
    return CompressedImage if name in graph.compressed else Image
