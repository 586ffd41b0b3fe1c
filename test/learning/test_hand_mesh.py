from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import BONES, JOINT_INDEX, JOINT_NAMES, Handedness, wrist_rotation
from dense3d_ros.geometry.hand_angles import ANGLE_NAMES
from dense3d_ros.learning.synthetic.hand_mesh import FOREARM_RANGE, HandMesh, PosedHand
from dense3d_ros.learning.synthetic.warp import Warp

MESHES = ("soma", "makehuman", "webxr")


@pytest.fixture(scope="module", params=MESHES)
def mesh(request: pytest.FixtureRequest) -> HandMesh:
    return HandMesh.load(request.param)


def angles(**degrees: float) -> NDArray[np.float64]:
    values = np.zeros(len(ANGLE_NAMES))
    for name, value in degrees.items():
        values[ANGLE_NAMES.index(name)] = np.radians(value)
    return values


def random_angles(rng: np.random.Generator) -> NDArray[np.float64]:
    values = rng.uniform(-0.2, 1.2, len(ANGLE_NAMES))
    values[[ANGLE_NAMES.index("met_ring"), ANGLE_NAMES.index("met_pinky")]] = 0
    return values


def bone_lengths(hand: PosedHand) -> NDArray[np.float64]:
    joints = hand.joints.astype(np.float64)
    return np.array([np.linalg.norm(joints[child] - joints[parent]) for parent, child in BONES])


def joint(hand: PosedHand, name: str) -> NDArray[np.float32]:
    return hand.joints[JOINT_INDEX[name]]


def direction(hand: PosedHand, start: str, end: str) -> NDArray[np.float64]:
    bone = (joint(hand, end) - joint(hand, start)).astype(np.float64)
    return bone / np.linalg.norm(bone)


def winding_numbers(hand: PosedHand, points: NDArray[np.float32]) -> NDArray[np.float64]:
    """Solid angle of the surface seen from each point over 4 pi (van Oosterom and Strackee 1983)."""
    a, b, c = (hand.vertices[hand.faces[:, corner]][None] - points[:, None].astype(float) for corner in range(3))
    la, lb, lc = (np.linalg.norm(edge, axis=2) for edge in (a, b, c))
    volume = np.einsum("pfi,pfi->pf", a, np.cross(b, c))
    spread = la * lb * lc + (a * b).sum(2) * lc + (b * c).sum(2) * la + (c * a).sum(2) * lb
    return 2 * np.arctan2(volume, spread).sum(axis=1) / (4 * np.pi)


def test_shapes_and_types(mesh: HandMesh) -> None:
    hand = mesh.pose(angles())
    assert hand.vertices.dtype == hand.joints.dtype == np.float32
    assert hand.faces.dtype == np.int32
    assert hand.joints.shape == (21, 3)
    assert hand.vertices.shape == (hand.faces.max() + 1, 3)
    np.testing.assert_allclose(hand.joints[0], 0, atol=1e-6)


def test_bones_keep_their_length_under_pose(mesh: HandMesh) -> None:
    rng = np.random.default_rng(0)
    straight = bone_lengths(mesh.pose(angles()))
    for _ in range(20):
        np.testing.assert_allclose(bone_lengths(mesh.pose(random_angles(rng))), straight, atol=1e-6)


def test_zero_angles_give_straight_fingers(mesh: HandMesh) -> None:
    hand = mesh.pose(angles())
    for finger in ("index", "middle", "ring", "little"):
        for start, end in (("mcp", "pip"), ("pip", "dip"), ("dip", "tip")):
            bone = direction(hand, f"{finger}_{start}", f"{finger}_{end}")
            np.testing.assert_allclose(bone, [1, 0, 0], atol=1e-4)
    thumb = [direction(hand, f"thumb_{a}", f"thumb_{b}") for a, b in (("cmc", "mcp"), ("mcp", "ip"), ("ip", "tip"))]
    np.testing.assert_allclose(thumb[1:], [thumb[0]] * 2, atol=1e-4)


def test_canonical_frame_is_the_wrist_frame(mesh: HandMesh) -> None:
    rotation = wrist_rotation(mesh.pose(angles(wr_flex=40, wr_dev=10)).joints, Handedness.RIGHT)
    np.testing.assert_allclose(rotation, np.eye(3), atol=1e-4)


def test_mcp_flexion_turns_a_finger_into_the_palm(mesh: HandMesh) -> None:
    hand = mesh.pose(angles(middle_mcp=90))
    np.testing.assert_allclose(direction(hand, "middle_mcp", "middle_pip"), [0, 0, -1], atol=1e-4)
    np.testing.assert_allclose(direction(hand, "middle_dip", "middle_tip"), [0, 0, -1], atol=1e-4)


def test_later_flexions_add_up(mesh: HandMesh) -> None:
    hand = mesh.pose(angles(middle_pip=90, middle_dip=90))
    np.testing.assert_allclose(direction(hand, "middle_pip", "middle_dip"), [0, 0, -1], atol=1e-4)
    np.testing.assert_allclose(direction(hand, "middle_dip", "middle_tip"), [-1, 0, 0], atol=1e-4)


def test_abduction_points_to_the_thumb(mesh: HandMesh) -> None:
    bone = direction(mesh.pose(angles(pinky_abd=-20)), "little_mcp", "little_tip")
    expected = [np.cos(np.radians(20)), -np.sin(np.radians(20)), 0]
    np.testing.assert_allclose(bone, expected, atol=1e-4)


def test_thumb_directions(mesh: HandMesh) -> None:
    zero = joint(mesh.pose(angles()), "thumb_tip")
    assert zero[1] > 0.04
    assert joint(mesh.pose(angles(th_pabd=40)), "thumb_tip")[2] < zero[2] - 0.02
    assert joint(mesh.pose(angles(th_add=30)), "thumb_tip")[1] < zero[1] - 0.02
    assert joint(mesh.pose(angles(th_ip=60)), "thumb_tip")[1] < zero[1] - 0.005


def test_wrist_flexion_moves_the_forearm_only(mesh: HandMesh) -> None:
    straight, bent = mesh.pose(angles(), forearm=0.9), mesh.pose(angles(wr_flex=60), forearm=0.9)
    np.testing.assert_array_equal(straight.joints, bent.joints)
    end = bent.vertices[straight.vertices[:, 0].argmin()]
    assert end[2] < -0.06, "the palm of a flexed hand faces the forearm"


def test_ok_gesture_meets(mesh: HandMesh) -> None:
    hand = mesh.pose(
        angles(th_pabd=25, th_add=5, th_twist=10, th_mcp=25, th_ip=35, index_mcp=52, index_pip=55, index_dip=32)
    )
    gap = np.linalg.norm(joint(hand, "thumb_tip") - joint(hand, "index_tip"))
    assert gap < 0.02


def test_metacarpals_of_ring_and_little_arch(mesh: HandMesh) -> None:
    flat, arched = mesh.pose(angles()), mesh.pose(angles(met_ring=8, met_pinky=15))
    drop = flat.joints[:, 2] - arched.joints[:, 2]
    assert 0.004 < drop[JOINT_INDEX["ring_mcp"]] < drop[JOINT_INDEX["little_mcp"]] < 0.025
    assert abs(drop[JOINT_INDEX["middle_mcp"]]) < 1e-6


def test_left_hand_is_the_mirror_image(mesh: HandMesh) -> None:
    pose = random_angles(np.random.default_rng(1))
    right, left = mesh.pose(pose), mesh.pose(pose, left=True)
    np.testing.assert_array_equal(left.joints * [1, -1, 1], right.joints)
    np.testing.assert_array_equal(left.vertices * [1, -1, 1], right.vertices)
    inside = left.joints[JOINT_INDEX["middle_mcp"]][None]
    np.testing.assert_allclose(winding_numbers(left, inside), 1, atol=1e-3)


def test_length(mesh: HandMesh) -> None:
    shape = np.random.default_rng(2).normal(size=mesh.shape_count)
    shaped = mesh.shaped(shape=shape, length=0.2, finger_scale=[1, 1, 1.2, 1, 1])
    hand = shaped.pose(random_angles(np.random.default_rng(3)))
    middle = [index for index, (_, child) in enumerate(BONES) if JOINT_NAMES[child].startswith("middle")]
    assert bone_lengths(hand)[middle].sum() == pytest.approx(0.2, abs=1e-6)


def test_finger_scale_grows_one_finger(mesh: HandMesh) -> None:
    plain, scaled = mesh.pose(angles()), mesh.shaped(finger_scale=[1, 1, 1, 1, 1.1]).pose(angles())
    ratio = bone_lengths(scaled) / bone_lengths(plain)
    np.testing.assert_allclose(ratio[:17], 1, atol=1e-5)
    np.testing.assert_allclose(ratio[17:], 1.1, atol=1e-5)
    assert scaled.vertices[:, 0].max() == pytest.approx(plain.vertices[:, 0].max(), abs=1e-5)


def test_bone_and_palm_scale(mesh: HandMesh) -> None:
    scale = np.ones(15)
    scale[4] = 1.2
    plain, scaled = mesh.pose(angles(), length=1.0), mesh.shaped(length=1.0, bone_scale=scale).pose(angles())
    expected = np.ones(20)
    expected[6] = 1.2
    np.testing.assert_allclose(bone_lengths(scaled) / bone_lengths(plain), expected, atol=1e-5)
    wide = mesh.shaped(length=1.0, palm_scale=[1.0, 1.1]).pose(angles())
    knuckles = [JOINT_INDEX[f"{finger}_mcp"] for finger in ("index", "middle", "ring", "little")]
    np.testing.assert_allclose(wide.joints[knuckles, 1], 1.1 * plain.joints[knuckles, 1], atol=1e-5)
    for hand in (scaled, wide):
        assert (winding_numbers(hand, hand.joints) > 0.9).all()


def test_warp_gives_other_anatomies_with_their_joints(mesh: HandMesh) -> None:
    rng, plain = np.random.default_rng(4), mesh.pose(angles(), length=0.183)
    for _ in range(4):
        hand = mesh.shaped(warp=Warp.sample(rng, 0.02), length=0.183).pose(angles())
        moved = np.linalg.norm(hand.joints - plain.joints, axis=1)
        assert moved[0] < 1e-7
        assert 0.0005 < moved[1:].mean() < 0.02
        np.testing.assert_allclose(wrist_rotation(hand.joints, Handedness.RIGHT), np.eye(3), atol=1e-5)
        assert (winding_numbers(hand, hand.joints) > 0.9).all()


def test_warp_has_the_deviation_asked_for() -> None:
    rng, points = np.random.default_rng(5), np.array([[0.5, 0.1, -0.2]], np.float32)
    shifts = np.concatenate([Warp.sample(rng, 0.02).moved(points) - points for _ in range(3000)])
    np.testing.assert_allclose(shifts.std(axis=0), 0.02, rtol=0.05)
    np.testing.assert_allclose(shifts.mean(axis=0), 0.0, atol=0.0015)


def test_thickness_moves_the_skin_out(mesh: HandMesh) -> None:
    extra = np.zeros(19)
    extra[[7, 8, 9]] = 0.003
    plain, thick = mesh.pose(angles()), mesh.shaped(thickness=extra).pose(angles())
    np.testing.assert_array_equal(plain.joints, thick.joints)
    moved = np.linalg.norm(thick.vertices - plain.vertices, axis=1)
    assert moved.max() == pytest.approx(0.003, abs=2e-5)
    finger = plain.vertices[moved > 0.002]
    assert finger[:, 0].min() > 0.8 * joint(plain, "index_mcp")[0], "only the index finger"


def test_mesh_is_closed(mesh: HandMesh) -> None:
    edges = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    assert len(np.unique(edges, axis=0)) == len(edges), "an edge is walked twice in one direction"
    np.testing.assert_array_equal(np.unique(edges, axis=0), np.unique(edges[:, ::-1], axis=0))


@pytest.mark.parametrize("pose", [angles(), angles(index_mcp=70, middle_pip=80, ring_dip=50, th_ip=40)])
def test_joints_lie_inside(mesh: HandMesh, pose: NDArray[np.float64]) -> None:
    hand = mesh.pose(pose)
    assert (winding_numbers(hand, hand.joints) > 0.9).all()
    tips = [JOINT_INDEX[name] for name in JOINT_NAMES if name.endswith("tip")]
    distance = np.linalg.norm(hand.vertices[:, None] - hand.joints[tips], axis=2).min(axis=0)
    assert (distance < 0.004).all(), "a tip lies just under the skin"


@pytest.mark.parametrize("forearm", [0.1, 0.4, 0.85])
def test_forearm_length(mesh: HandMesh, forearm: float) -> None:
    hand = mesh.pose(angles(), length=0.2, forearm=forearm)
    assert -hand.vertices[:, 0].min() == pytest.approx(forearm * 0.2, abs=1e-3)


def test_wrong_arguments(mesh: HandMesh) -> None:
    with pytest.raises(ValueError, match="angles must have shape"):
        mesh.pose(np.zeros(24))
    with pytest.raises(ValueError, match="shape must have shape"):
        mesh.pose(angles(), shape=np.zeros(mesh.shape_count + 1))
    with pytest.raises(ValueError, match="forearm must lie in"):
        mesh.pose(angles(), forearm=FOREARM_RANGE[1] + 0.1)
    with pytest.raises(ValueError, match="length must be above 0"):
        mesh.pose(angles(), length=0.0)
    with pytest.raises(ValueError, match=r"no hand mesh is named 'none'; there are .*soma"):
        HandMesh.load("none")
