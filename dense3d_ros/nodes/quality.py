"""Qualities of service that do not fit, from the graph: what is there now, not what once was.

Of both sides as the graph tells them: a profile as it was asked for has other values for "no deadline".
"""

from __future__ import annotations

from typing import Any

from rclpy.qos import QoSCompatibility, qos_check_compatible


def unfit_publisher(node: Any, topic: str) -> str:
    """Why no publisher of `topic` fits the node's subscription; "" where one does or none is there."""
    offers = node.get_publishers_info_by_topic(topic)
    requests = _own(node, node.get_subscriptions_info_by_topic(topic))
    reasons = [misfit(offer, request) for request in requests for offer in offers]
    return reasons[0] if reasons and all(reasons) else ""


def unfit_subscriber(node: Any, topic: str) -> str:
    """A sentence on a subscription that hears nothing of the node's publisher of `topic`; "" if there is none."""
    offers = _own(node, node.get_publishers_info_by_topic(topic))
    for request in node.get_subscriptions_info_by_topic(topic):
        for offer in offers:
            if reason := misfit(offer, request):
                name = f"{request.node_namespace.rstrip('/')}/{request.node_name}"
                return f"{name} subscribes to {topic}, but receives nothing ({reason})"
    return ""


def _own(node: Any, endpoints: list[Any]) -> list[Any]:
    name = node.get_name(), node.get_namespace()
    return [endpoint for endpoint in endpoints if (endpoint.node_name, endpoint.node_namespace) == name]


def misfit(offer: Any, request: Any) -> str:
    """Why a subscription asks for more than a publisher offers; "" where they fit."""
    compatibility, reason = qos_check_compatible(offer.qos_profile, request.qos_profile)
    if compatibility != QoSCompatibility.ERROR:
        return ""
    return str(reason).replace("ERROR: ", "").strip("; ").replace(";", ", ").lower()
