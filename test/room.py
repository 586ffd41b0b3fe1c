"""Made-up images for the tests: a hand on its arm, before a person, over a table, behind a desk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import JOINT_INDEX, hand_centre
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.learning.synthetic.placing import random_rotation
from dense3d_ros.learning.synthetic.poses import sample_angles
from dense3d_ros.learning.synthetic.primitives import Mesh, box, cylinder, sphere
from dense3d_ros.learning.synthetic.random_sensor import random_sensor
from dense3d_ros.learning.synthetic.render import render_depth

CAMERA = Camera(476.0, 476.0, 319.5, 239.5, 640, 480)


@dataclass(frozen=True)
class Room:
    """depth in metres (H, W), the camera, the hand's true joints (21, 3) in metres, and which hand it is."""

    depth: DepthImage
    camera: Camera
    joints: NDArray[np.float32]
    right: bool

    @property
    def centre(self) -> NDArray[np.float32]:
        return hand_centre(self.joints)


def make_room(
    rng: np.random.Generator,
    mesh: HandMesh,
    *,
    person: bool = False,
    table: bool = False,
    desk: bool = False,
    wall: bool = False,
    noise: bool = True,
) -> Room:
    """One hand with its arm 0.3-1.1 m away; the hand is in the image and at least 40 % of it is seen."""
    right = bool(rng.random() < 0.5)
    angles = sample_angles(rng)
    length = float(rng.uniform(0.165, 0.2))
    while True:
        hand = mesh.pose(angles, length=length, forearm=0.85, left=not right)
        z = float(np.exp(rng.uniform(np.log(0.3), np.log(1.1))))
        place = np.array([rng.uniform(-0.45, 0.45) * z, rng.uniform(-0.32, 0.32) * z, z])
        rotation = random_rotation(rng)
        joints = hand.joints @ rotation.T
        forearm = joints[0] - joints[JOINT_INDEX["middle_mcp"]]
        forearm /= np.linalg.norm(forearm)
        # Elbows are further away than hands, and not above them.
        if forearm[2] < -0.3 or forearm[1] < -0.5:
            continue
        shift = place - hand_centre(joints)
        depth = np.zeros((CAMERA.height, CAMERA.width), np.float32)
        ids = np.zeros(depth.shape, np.uint8)
        vertices = hand.vertices @ rotation.T + shift
        render_depth(vertices, hand.faces, CAMERA, depth, ids=ids)
        own = np.count_nonzero(ids)
        wrist = joints[0] + shift
        elbow = wrist + forearm * 0.26
        shoulder = elbow + np.array([0.05, -0.12, 0.22])
        things = [_limb(wrist + forearm * 0.1, elbow, 0.042), _limb(elbow, shoulder, 0.055)]
        if person:
            things += _person(shoulder + np.array([rng.choice([-0.2, 0.2]), 0.05, 0.03]))
        if table:
            lowest = float(vertices[:, 1].max()) + rng.uniform(0.0, 0.1)
            things.append(_moved(box(1.4, 0.02, 1.2), place * [0, 0, 1] + [0, lowest + 0.01, 0.1]))
        if desk:
            top = place[1] + rng.uniform(0.1, 0.16)
            things.append(_moved(box(1.2, 0.3, 0.05), np.array([0, (top + 0.15) * 0.7, z * 0.7])))
        if wall:
            things.append(_moved(box(6, 4, 0.1), np.array([0, 0, z + rng.uniform(0.5, 1.5)])))
        for mesh_part in things:
            render_depth(*mesh_part, CAMERA, depth, ids=ids, object_id=2)
        if np.count_nonzero(ids == 1) < 0.4 * own or own < 400:
            continue
        if noise:
            depth = random_sensor(rng, z).apply(depth, CAMERA, rng)
        return Room(DepthImage(depth), CAMERA, (joints + shift).astype(np.float32), right)


def _person(place: NDArray[np.float64]) -> list[Mesh]:
    """Trunk, neck and head, the shoulders' middle at `place`."""
    trunk, faces = cylinder(1.0, 0.6, 24)
    head, head_faces = sphere(1.0, 16)
    return [
        _moved((trunk * np.float32([0.2, 1, 0.12]), faces), place + np.array([0, 0.25, 0])),
        _moved(cylinder(0.06, 0.2), place + np.array([0, -0.1, 0])),
        _moved((head * np.float32([0.08, 0.12, 0.1]), head_faces), place + np.array([0, -0.25, -0.02])),
    ]


def _limb(start: NDArray[np.floating], end: NDArray[np.floating], radius: float) -> Mesh:
    vertices, faces = cylinder(radius, float(np.linalg.norm(end - start)))
    y = (end - start) / np.linalg.norm(end - start)
    x = np.cross(y, [0.3, 0.1, 0.9])
    x /= np.linalg.norm(x)
    axes = np.stack([x, y, np.cross(x, y)], axis=1)
    return (vertices @ axes.T + (start + end) / 2).astype(np.float32), faces


def _moved(mesh: Mesh, place: NDArray[np.floating]) -> Mesh:
    return (mesh[0] + place).astype(np.float32), mesh[1]
