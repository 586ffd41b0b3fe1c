"""Depth images and camera infos as the drivers of real cameras send them; docs/cameras.md says where values come from.

The images are rendered with a fine pinhole camera and seen through each lens by OpenCV's models, not by ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from node_processes import depth_message
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.hand import hand_centre
from dense3d_ros.learning.synthetic.animation import HandAnimation, empty_room
from dense3d_ros.learning.synthetic.render import render_depth

NONE5, NONE8 = (0.0,) * 5, (0.0,) * 8
WIDEST = 1.9
"""x / z up to which images are rendered."""
AZURE = (3.130577, 2.324939, 0.000081, -0.000051, 0.130416, 3.458652, 3.350115, 0.662942)
FEMTO = (8.68957, 4.46817, 0.0, 0.0, 0.172922, 9.01699, 7.37854, 1.05598)
KINECT2 = (0.0905474, -0.26819, 0.0, 0.0, 0.0950862)
SR300 = (0.0981389656662941, 0.203301951289177, 0.00310043292120099, 0.00264186388812959, -0.11238544434309)


@dataclass(frozen=True)
class Driver:
    """A row of the table: intrinsics of the image in pixels, and what the driver does with them in its messages.

    depth, info: topics. d: coefficients. bends: whether the image is bent by them. k_is_zero: only P is filled in.
    options: parameters to set, in place of the defaults.
    """

    name: str
    depth: str
    info: str
    encoding: str
    frame: str
    size: tuple[int, int]
    focal: tuple[float, float]
    middle: tuple[float, float]
    model: str = "plumb_bob"
    d: tuple[float, ...] = NONE5
    bends: bool = False
    is_inverse: bool = False
    k_is_zero: bool = False
    nothing: float = 0.0
    options: tuple[tuple[str, str], ...] = ()

    @property
    def camera(self) -> Camera:
        """The same camera with an ideal lens."""
        return Camera(*self.focal, *self.middle, *self.size)

    def messages(self, metres: NDArray[np.float32], stamp: Time) -> tuple[Image, CameraInfo]:
        """Of an image as the lens shows it."""
        image = depth_message(metres, stamp, encoding=self.encoding, frame=self.frame)
        if self.encoding == "32FC1" and self.nothing:
            values = np.where(metres > 0, metres, np.float32(self.nothing)).astype("<f4")
            image.data = type(image.data)("B", values.tobytes())
        (fx, fy), (cx, cy) = self.focal, self.middle
        k = [0.0] * 9 if self.k_is_zero else [fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0]
        info = CameraInfo(
            header=image.header,
            width=self.size[0],
            height=self.size[1],
            distortion_model=self.model,
            d=list(self.d),
            k=k,
            r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
            p=[fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
        )
        return image, info

    def rays(self) -> NDArray[np.float64]:
        """(H, W, 2) x / z and y / z of every pixel by OpenCV; NaN where its inverse does not settle."""
        camera = self.camera
        seen = np.stack(np.meshgrid(np.arange(camera.width), np.arange(camera.height)), -1).reshape(-1, 2).astype(float)
        seen = (seen - self.middle) / self.focal
        if not self.bends:
            rays = seen
        elif self.is_inverse:
            rays = _bent(seen, self.d)
        else:
            # Its iteration may swing: it is let run, and checked by the model itself.
            until = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 500, 1e-9)
            rays = cv2.undistortPoints(seen[:, None], np.eye(3), np.array(self.d), criteria=until)[:, 0]
            off = np.abs(_bent(rays, self.d) - seen).max(axis=1)
            rays[~(off * max(self.focal) < 0.05)] = np.nan
        return rays.reshape(camera.height, camera.width, 2)


def _bent(points: NDArray[np.float64], d: tuple[float, ...]) -> NDArray[np.float64]:
    spatial = np.column_stack([points, np.ones(len(points))])[:, None]
    return np.asarray(cv2.projectPoints(spatial, np.zeros(3), np.zeros(3), np.eye(3), np.array(d))[0][:, 0])


class Scene:
    """A hand away from the optical axis, where a lens bends the most, before a wall."""

    def __init__(self) -> None:
        self._hands = HandAnimation(Camera(475.0, 475.0, 319.5, 239.5, 640, 480), seed=5)

    def image(
        self, camera: Camera, rays: NDArray[np.float64], seconds: float, place: tuple[float, float, float]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(H, W) metres along z where each pixel looks, 0 for NaN, and the true joints (21, 3)."""
        hand = self._hands.hand(seconds)
        shift = (np.array(place) - hand_centre(hand.joints)).astype(np.float32)
        reach = np.minimum(np.nanmax(np.abs(rays), axis=(0, 1)), WIDEST)
        focal = 2.0 * camera.fx
        middle = np.ceil(reach * focal) + 1
        width, height = (int(2 * value + 1) for value in middle)
        fine = Camera(focal, focal, float(middle[0]), float(middle[1]), width, height)
        depth = empty_room(fine)
        render_depth(hand.vertices + shift, hand.faces, fine, depth)
        cols, rows = np.moveaxis(np.rint(rays * focal + middle), -1, 0)
        inside = (cols >= 0) & (cols < width) & (rows >= 0) & (rows < height)
        cols, rows = (np.where(inside, places, 0).astype(np.intp) for places in (cols, rows))
        return np.where(inside, depth[rows, cols], np.float32(0)), hand.joints + shift


DRIVERS = (
    Driver(
        "RealSense D4xx", "/camera/camera/depth/image_rect_raw", "/camera/camera/depth/camera_info", "16UC1",
        "camera_depth_optical_frame", (640, 480), (384.0898742675781, 384.0898742675781),
        (322.4656677246094, 240.64073181152344),
    ),
    Driver(
        "RealSense L515", "/camera/depth/image_rect_raw", "/camera/depth/camera_info", "16UC1",
        "camera_depth_optical_frame", (640, 480), (457.0, 461.0), (320.0, 240.0),
    ),
    Driver(
        "RealSense SR300", "/camera/depth/image_rect_raw", "/camera/depth/camera_info", "16UC1",
        "camera_depth_optical_frame", (640, 480), (472.950256347656, 472.950256347656),
        (310.209411621094, 245.262771606445), d=SR300, bends=True, is_inverse=True,
        options=(("distortion", "inverse"),),
    ),
    Driver(
        "Azure Kinect NFOV", "/depth/image_raw", "/depth/camera_info", "16UC1", "depth_camera_link", (640, 576),
        (503.927643, 503.978729), (332.064270, 325.880615), "rational_polynomial", AZURE, bends=True,
    ),
    Driver(
        "Azure Kinect WFOV", "/depth/image_raw", "/depth/camera_info", "32FC1", "depth_camera_link", (512, 512),
        (251.9638, 251.9894), (261.7821, 252.6903), "rational_polynomial", AZURE, bends=True,
    ),
    Driver(
        "Femto Bolt, Mega", "/camera/depth/image_raw", "/camera/depth/camera_info", "16UC1",
        "camera_depth_optical_frame", (640, 576), (505.284, 505.233), (338.666, 325.513), d=FEMTO, bends=True,
    ),
    Driver(
        "ZED", "/zed/zed_node/depth/depth_registered", "/zed/zed_node/depth/camera_info", "32FC1",
        "zed_left_camera_optical_frame", (640, 360), (262.5, 262.5), (322.1, 181.7), nothing=float("inf"),
    ),
    Driver(
        "OAK-D", "/oak/stereo/image_raw", "/oak/stereo/camera_info", "16UC1", "oak_rgb_camera_optical_frame",
        (1280, 720), (1000.0875854492188, 999.4518432617188), (673.2560424804688, 339.93072509765625),
        "rational_polynomial", NONE8, k_is_zero=True,
    ),
    Driver(
        "Kinect v1", "/camera/depth/image_raw", "/camera/depth/camera_info", "16UC1", "camera_depth_optical_frame",
        (640, 480), (575.815735, 575.815735), (314.5, 235.5),
    ),
    Driver(
        "Kinect v2", "/kinect2/sd/image_depth_rect", "/kinect2/sd/camera_info", "16UC1", "kinect2_ir_optical_frame",
        (512, 424), (365.456, 365.456), (254.878, 205.395), d=KINECT2,
    ),
    Driver(
        "Kinect v2, raw", "/kinect2/sd/image_depth", "/kinect2/sd/camera_info", "16UC1", "kinect2_ir_optical_frame",
        (512, 424), (365.456, 365.456), (254.878, 205.395), d=KINECT2, bends=True,
    ),
    Driver(
        "Astra", "/camera/depth/image_raw", "/camera/depth/camera_info", "16UC1", "camera_depth_optical_frame",
        (640, 480), (570.342224, 570.342224), (319.5, 239.5),
    ),
    Driver(
        "Isaac Sim", "/depth", "/camera_info", "32FC1", "sim_camera", (1280, 720), (958.8, 958.8), (640.0, 360.0),
    ),
    Driver(
        "Gazebo", "/rgbd_camera/depth_image", "/rgbd_camera/camera_info", "32FC1", "camera_link", (320, 240),
        (277.0, 277.0), (160.0, 120.0), nothing=float("inf"),
    ),
)  # fmt: skip
