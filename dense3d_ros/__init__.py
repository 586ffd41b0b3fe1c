"""Hands in depth images: 21 joints in metres. What a user without ROS needs can be imported from here."""

from __future__ import annotations

from importlib import import_module
from pkgutil import extend_path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dense3d_ros.geometry.camera import Camera
    from dense3d_ros.geometry.depth import DepthImage
    from dense3d_ros.geometry.hand import JOINT_NAMES, Handedness, HandPose
    from dense3d_ros.perception.estimator import Estimate, HandPoseEstimator
    from dense3d_ros.perception.model import load_model

# The generated messages are installed as another folder of this package.
__path__ = extend_path(__path__, __name__)
__all__ = [
    "JOINT_NAMES",
    "Camera",
    "DepthImage",
    "Estimate",
    "HandPose",
    "HandPoseEstimator",
    "Handedness",
    "load_model",
]

_ROOMS = {
    "JOINT_NAMES": "geometry.hand",
    "Camera": "geometry.camera",
    "DepthImage": "geometry.depth",
    "Estimate": "perception.estimator",
    "HandPose": "geometry.hand",
    "Handedness": "geometry.hand",
    "HandPoseEstimator": "perception.estimator",
    "load_model": "perception.model",
}


def __getattr__(name: str) -> Any:
    """Import the names of `__all__` when they are used: the messages alone must not bring torch."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
