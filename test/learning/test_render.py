"""The renderer against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.learning.synthetic import primitives
from dense3d_ros.learning.synthetic.render import render_depth

CAMERA = Camera(fx=475.0, fy=470.0, cx=101.3, cy=78.6, width=200, height=160)


def rays(camera: Camera) -> np.ndarray:
    v, u = np.mgrid[: camera.height, : camera.width].astype(float)
    return camera.back_project(np.stack([u, v], axis=-1), np.ones(u.shape))


def rotation(axis: str, angle: float) -> np.ndarray:
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = np.cos(angle)
    matrix[i, j], matrix[j, i] = -np.sin(angle), np.sin(angle)
    return matrix


def moved(mesh: primitives.Mesh, offset: tuple[float, float, float], turn: np.ndarray | None = None) -> primitives.Mesh:
    vertices, faces = mesh
    return ((vertices @ (np.eye(3) if turn is None else turn).T + offset).astype(np.float32), faces)


@pytest.mark.parametrize("divisions", [1, 7])
def test_tilted_plane_is_exact(divisions: int) -> None:
    turn = rotation("x", 0.5) @ rotation("y", -0.4)
    centre = np.array([0.02, -0.01, 0.6])
    depth = render_depth(*moved(primitives.plane(0.9, 0.9, divisions), tuple(centre), turn), CAMERA)
    normal = turn[:, 2]
    expected = normal @ centre / (rays(CAMERA) @ normal)
    assert depth.dtype == np.float32
    assert depth.shape == (160, 200)
    np.testing.assert_allclose(depth, expected, atol=1e-5)


def test_sphere_matches_the_ray() -> None:
    centre, radius = np.array([0.03, -0.02, 0.5]), 0.05
    depth = render_depth(*moved(primitives.sphere(radius, 200), tuple(centre)), CAMERA)
    directions = rays(CAMERA)
    a, b = (directions**2).sum(-1), directions @ centre
    discriminant = b**2 - a * (centre @ centre - radius**2)
    hit = discriminant > 0
    expected = (b - np.sqrt(np.maximum(discriminant, 0))) / a
    assert np.mean((depth > 0) != hit) < 0.001
    inner = discriminant > 0.2 * discriminant.max()
    np.testing.assert_allclose(depth[inner], expected[inner], atol=3e-5)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_nearer_mesh_wins_in_any_order(order: tuple[int, int]) -> None:
    meshes = [moved(primitives.plane(3, 3), (0, 0, 0.9)), moved(primitives.box(0.1, 0.1, 0.1), (0, 0, 0.5))]
    depth = np.zeros((160, 200), np.float32)
    ids = np.zeros((160, 200), np.uint8)
    for index in order:
        assert render_depth(*meshes[index], CAMERA, depth, ids=ids, object_id=index + 3) is depth
    assert depth[79, 101] == pytest.approx(0.45)
    assert ids[79, 101] == 4
    assert depth[2, 2] == pytest.approx(0.9)
    assert ids[2, 2] == 3
    np.testing.assert_array_equal(ids == 4, depth < 0.6)


def test_covers_exactly_the_pixel_centres_within() -> None:
    camera = Camera(100.0, 100.0, 0.0, 0.0, 12, 10)
    vertices = np.array([[2, 3, 100], [7.4, 3, 100], [7.4, 5.6, 100], [2, 5.6, 100]], np.float32) / 100
    depth = render_depth(vertices, np.array([[0, 1, 2], [0, 2, 3]]), camera)
    expected = np.zeros((10, 12), bool)
    expected[3:6, 2:8] = True
    np.testing.assert_array_equal(depth > 0, expected)


def test_no_cracks_between_small_triangles() -> None:
    turn = rotation("y", 0.4) @ rotation("z", 0.3)
    depth = render_depth(*moved(primitives.plane(1.0, 1.0, 97), (0, 0, 0.6), turn), CAMERA)
    assert (depth > 0).all()


@pytest.mark.parametrize(
    "offset",
    [(0, 0, -0.5), (0, 0, -0.02), (9, 0, 0.5), (-9, 0, 0.5), (0, 9, 0.5), (0, -9, 0.5), (np.nan, 0, 0.5)],
)
def test_out_of_view_draws_nothing(offset: tuple[float, float, float]) -> None:
    depth = render_depth(*moved(primitives.sphere(0.06), offset), CAMERA)
    assert not depth.any()


def test_cut_by_the_border_and_by_the_near_plane() -> None:
    whole = Camera(475.0, 470.0, 301.3, 278.6, 600, 560)
    mesh = moved(primitives.sphere(0.2), (-0.15, -0.1, 0.5))
    np.testing.assert_allclose(render_depth(*mesh, CAMERA), render_depth(*mesh, whole)[200:360, 200:400], atol=1e-6)
    around = render_depth(*moved(primitives.sphere(0.3, 40), (0, 0, 0.1)), CAMERA)
    assert (around > 0.05).all()


def test_rendering_in_a_window_equals_the_window_of_the_rendering() -> None:
    mesh = moved(primitives.cylinder(0.03, 0.1), (0.01, 0.02, 0.4), rotation("z", 0.5))
    window = CAMERA.cropped(60, 40, 90, 100)
    np.testing.assert_allclose(render_depth(*mesh, window), render_depth(*mesh, CAMERA)[40:140, 60:150], atol=1e-6)


@pytest.mark.parametrize(
    ("mesh", "volume"),
    [
        (primitives.box(0.1, 0.2, 0.3), 0.006),
        (primitives.sphere(0.1, 200), 4 / 3 * np.pi * 1e-3),
        (primitives.cylinder(0.1, 0.3, 500), np.pi * 0.01 * 0.3),
    ],
)
def test_primitives_are_closed_and_face_outwards(mesh: primitives.Mesh, volume: float) -> None:
    vertices, faces = mesh
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    forward = {tuple(edge) for edge in edges.tolist()}
    assert len(forward) == len(edges)
    assert {(b, a) for a, b in forward} == forward
    corners = vertices.astype(float)[faces]
    measured = np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    assert measured == pytest.approx(volume, rel=1e-3)


def test_primitive_sizes() -> None:
    assert len(primitives.sphere(0.1)[1]) == 200
    assert len(primitives.cylinder(0.1, 0.2)[1]) == 60
    assert len(primitives.box(1, 1, 1)[1]) == 12
    vertices, faces = primitives.plane(0.4, 0.2)
    np.testing.assert_allclose(np.ptp(vertices, axis=0), [0.4, 0.2, 0.0], rtol=1e-6)
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    assert (normals[:, 2] < 0).all()


def test_bad_arguments_are_named() -> None:
    vertices, faces = primitives.box(0.1, 0.1, 0.1)
    with pytest.raises(ValueError, match="depth must be"):
        render_depth(vertices, faces, CAMERA, np.zeros((5, 5), np.float32))
    with pytest.raises(ValueError, match="ids must be"):
        render_depth(vertices, faces, CAMERA, ids=np.zeros((160, 200), np.int32))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="vertices must be"):
        render_depth(vertices[:, :2], faces, CAMERA)
    with pytest.raises(ValueError, match=r"outside 0\.\.7"):
        render_depth(vertices, faces + 1, CAMERA)
    with pytest.raises(ValueError, match="object_id"):
        render_depth(vertices, faces, CAMERA, object_id=256)
