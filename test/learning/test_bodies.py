from __future__ import annotations

import numpy as np

from dense3d_ros.learning.synthetic.bodies import load_bodies, random_body


def test_bodies_are_people_in_metres() -> None:
    bodies = load_bodies()
    assert len(bodies) == 6
    for vertices, faces in bodies:
        assert vertices.dtype == np.float32
        assert faces.dtype == np.int32
        assert faces.min() == 0
        assert faces.max() == len(vertices) - 1
        assert -0.7 < vertices[:, 1].min() < -0.45, "the head is up, at negative y"
        assert 0.15 < vertices[:, 1].max() < 0.35
        assert 0.35 < np.ptp(vertices[:, 0]) < 1.0


def test_faces_point_outwards() -> None:
    for vertices, faces in load_bodies():
        a, b, c = (vertices[faces[:, corner]].astype(float) for corner in range(3))
        volume = np.einsum("fi,fi->", a, np.cross(b, c)) / 6
        assert 0.01 < volume < 0.1


def test_bodies_face_negative_z() -> None:
    for vertices, _ in load_bodies():
        head = vertices[vertices[:, 1] < vertices[:, 1].min() + 0.2]
        middle = (head[:, 2].min() + head[:, 2].max()) / 2
        assert np.median(head[:, 2]) < middle - 0.01, "most vertices of a head are in the face"


def test_people_are_upright_but_for_those_that_the_camera_sees_turned() -> None:
    bodies = tuple(load_bodies())
    heads = tuple(int(vertices[:, 1].argmin()) for vertices, _ in bodies)
    hips = tuple(int(vertices[:, 1].argmax()) for vertices, _ in bodies)

    def up(share: float) -> np.ndarray:
        rng = np.random.default_rng(0)
        found = []
        for _ in range(300):
            vertices, faces = random_body(rng, np.array([0.0, 0.0, 0.8]), bodies, share)
            kind = [faces is body[1] for body in bodies].index(True)
            axis = vertices[hips[kind]] - vertices[heads[kind]]
            found.append(axis[1] / np.linalg.norm(axis))
        return np.array(found)

    assert (up(0.0) > 0.3).mean() > 0.98
    assert 0.05 < (up(0.25) < 0.0).mean() < 0.2
    assert abs(up(1.0).mean()) < 0.1
