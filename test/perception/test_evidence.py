"""The terms of the evidence on made-up scenes whose values are known, and how they add up."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from room import CAMERA

from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import BONES, hand_centre
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.learning.synthetic.primitives import box
from dense3d_ros.learning.synthetic.render import render_depth
from dense3d_ros.perception.evidence import DESCRIPTIONS, NAMES, TERMS, Evidence, Term, bone_statistics

UPRIGHT = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], np.float32)
PLACE = np.float32([0.02, -0.01, 0.6])


def hand(angles: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, faces and joints of an upright hand at PLACE, with hardly any forearm."""
    posed = HandMesh.load().pose(np.zeros(25) if angles is None else angles, forearm=0.1)
    shift = PLACE - hand_centre(posed.joints @ UPRIGHT.T)
    return posed.vertices @ UPRIGHT.T + shift, posed.faces, (posed.joints @ UPRIGHT.T + shift).astype(np.float32)


def measure(depth: np.ndarray, *joints: np.ndarray, evidence: Evidence | None = None) -> list[dict[str, float]]:
    stacked = np.stack(joints)
    rows = (evidence or Evidence()).measure(
        stacked,
        [1.5] * len(joints),
        np.full((len(joints), 21), 0.005),
        np.full_like(stacked, np.nan),
        [0.7] * len(joints),
        DepthImage(depth),
        CAMERA,
    )
    return [dict(zip(NAMES, row, strict=True)) for row in rows]


def test_a_hand_explains_its_surface_and_the_surface_the_hand() -> None:
    vertices, faces, joints = hand()
    depth = render_depth(vertices, faces, CAMERA)
    (terms,) = measure(depth, joints)
    assert terms["presence"] == 1.5
    assert terms["detector"] == 0.7
    assert terms["spread"] == pytest.approx(np.log(5.0))
    assert np.isnan(terms["unsteady"])
    assert terms["unexplained"] == 0
    for name in ("unexplained_behind", "in_front", "hidden", "unmeasured"):
        assert terms[name] < 0.03, name


def test_a_hand_beside_its_surface_is_found_out() -> None:
    vertices, faces, joints = hand()
    depth = render_depth(vertices, faces, CAMERA)
    true, nearer, deeper, aside = measure(
        depth, joints, *(joints + np.float32(shift) for shift in ([0, 0, -0.05], [0, 0, 0.06], [0.07, 0, 0]))
    )
    assert nearer["in_front"] > 0.9 > 0.1 > true["in_front"]
    assert deeper["hidden"] > 0.9 > 0.1 > true["hidden"]
    assert aside["unmeasured"] > 0.5 > 0.1 > true["unmeasured"]
    assert aside["unexplained"] > 0.3


def test_a_wall_of_the_hands_depth_is_no_hand() -> None:
    """Of the plane within 12 cm, before the wrist, a good half is further than 28 mm from every bone."""
    _, _, joints = hand()
    wall = np.full((480, 640), joints[:, 2].mean() - 0.01, np.float32)
    behind = np.full((480, 640), joints[:, 2].max() + 0.05, np.float32)
    vertices, faces, _ = hand()
    render_depth(vertices, faces, CAMERA, behind)
    level, before_wall = measure(wall, joints)[0], measure(behind, joints)[0]
    assert level["unexplained"] == pytest.approx(0.56, abs=0.05)
    assert before_wall["unexplained"] == 0
    assert before_wall["unexplained_behind"] > 0.4


def test_the_forearm_is_no_surface_to_explain() -> None:
    vertices, faces, joints = hand()
    depth = render_depth(vertices, faces, CAMERA)
    arm, arm_faces = box(0.06, 0.3, 0.05)
    render_depth((arm + joints[0] + np.float32([0, 0.15, 0])).astype(np.float32), arm_faces, CAMERA, depth)
    assert measure(depth, joints)[0]["unexplained"] < 0.02


def test_hands_are_measured_each_by_itself() -> None:
    vertices, faces, joints = hand()
    depth = render_depth(vertices, faces, CAMERA)
    other = joints + np.float32([0.03, 0.02, 0.01])
    together = measure(depth, joints, other)
    for one, alone in zip(together, (measure(depth, joints)[0], measure(depth, other)[0]), strict=True):
        assert one == pytest.approx(alone, nan_ok=True)


def test_proportions_and_size() -> None:
    """By hand: bones 1.1 times as long are log(1.1) / 0.1 deviations too large, and of usual proportions."""
    joints = np.stack([hand()[2]] * 2) - PLACE
    bones, size = bone_statistics(joints)
    evidence = Evidence(bones=(bones[0], (0.2,) * len(BONES)), size=(size[0], 0.1))
    empty = np.zeros((480, 640), np.float32)
    usual, larger = measure(empty, joints[0] + PLACE, 1.1 * joints[0] + PLACE, evidence=evidence)
    assert usual["size"] == pytest.approx(0, abs=1e-3)
    assert larger["size"] == pytest.approx(np.log(1.1) / 0.1, abs=1e-3)
    assert larger["bones"] == pytest.approx(0, abs=1e-3)
    wrong = joints[0].copy()
    parent, child = BONES[3]
    wrong[child] = wrong[parent] + 2 * (wrong[child] - wrong[parent])
    assert measure(empty, wrong + PLACE, evidence=evidence)[0]["bones"] > 0.7


@pytest.mark.parametrize("size", [(1, 1), (480, 640)])
def test_odd_places_have_numbers(size: tuple[int, int]) -> None:
    """Joints outside of the image, and all in one point."""
    _, _, joints = hand()
    for odd in (joints + np.float32([5, 0, 0]), np.tile(joints[:1], (21, 1)), joints * np.float32([1, 1, 1e-3])):
        values = np.array(list(measure(np.full(size, 0.5, np.float32), odd)[0].values()))
        assert np.isfinite(np.delete(values, NAMES.index("unsteady"))).all()


FITTED = Evidence(
    -1.0,
    {"presence": Term(0.5, -4.0, 8.0, 6.0), "unexplained": Term(-3.0, 0.0, 0.8, 0.1), "unsteady": Term(-0.1, 0, 50, 5)},
    ((0.0,) * len(BONES), (1.0,) * len(BONES)),
    (-3.6, 0.1),
)


def test_terms_add_up_within_their_bounds() -> None:
    values = np.zeros((3, len(TERMS)))
    values[:, NAMES.index("presence")] = (2.0, 100.0, np.nan)
    values[:, NAMES.index("unexplained")] = (0.5, 5.0, 0.0)
    values[:, NAMES.index("unsteady")] = (10.0, np.nan, 0.0)
    odds = FITTED.log_odds(values)
    assert odds[0] == pytest.approx(-1 + 0.5 * 2 - 3 * 0.5 - 0.1 * 10)
    assert odds[1] == pytest.approx(-1 + 0.5 * 8 - 3 * 0.8 - 0.1 * 5), "bounds, and the usual value of what is unknown"
    assert np.isnan(odds[2]), "a network that says nothing sees no hand"


def test_what_speaks_most_against_a_hand() -> None:
    values = np.zeros(len(TERMS))
    values[NAMES.index("presence")], values[NAMES.index("unexplained")] = 5.0, 0.8
    assert FITTED.against(values) == "unexplained"
    values[NAMES.index("presence")] = -4.0
    assert FITTED.against(values) == "presence"
    assert set(DESCRIPTIONS) == set(TERMS)


def test_json_round_trip() -> None:
    assert Evidence.from_json(json.loads(json.dumps(asdict(FITTED)))) == FITTED
    assert Evidence.from_json(json.loads(json.dumps(asdict(Evidence())))) == Evidence()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"terms": {"luck": {"weight": 1.0}}}, "unknown terms"),
        ({"terms": {"presence": {"weight": -1.0}}}, "presence must be finite, ordered and of its own sign"),
        ({"terms": {"bones": {"weight": 1.0}}}, "bones must be finite, ordered and of its own sign"),
        ({"terms": {"presence": {"weight": 1.0, "low": 2.0, "high": 1.0}}}, "presence must be finite, ordered"),
        ({"terms": {"presence": {"heavy": 1.0}}}, "made of numbers by name"),
        ({"terms": {"presence": {"weight": "much"}}}, "could not convert"),
        ({"terms": []}, "made of numbers by name"),
        ({"bias": float("nan")}, "bias and size"),
        ({"size": [1.0]}, "made of numbers by name"),
        ({"size": [1.0, 0.0]}, "bias and size"),
        ({"bones": [[1.0]]}, "bones of the evidence"),
        ({"bones": [[0.0] * 20, [0.0] * 20]}, "bones of the evidence"),
        ({"other": 1}, "must be an object"),
    ],
)
def test_wrong_numbers_are_refused(entries: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Evidence.from_json({**json.loads(json.dumps(asdict(FITTED))), **entries})
