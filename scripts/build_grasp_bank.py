#!/usr/bin/env python3
"""Settle hands on things they hold and write the grasps as `grasps.npz`, offline, the same for the same seed.

    python scripts/build_grasp_bank.py dense3d_ros/learning/synthetic/assets/grasps.npz

A thing is put where a grasp of `grasps.yaml` holds it, pushed against the palm where it lies there, and the digits are
closed: all joints together until a digit's skin touches, then those beyond the touching bone, until the tip touches or
the joints are at their limits. What ends with too few tips on the thing, or too deep in it, is dropped. Skin is the
mean hand's of the mesh `soma`; distances are the things' own. Lengths are in hand lengths.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from grasp_closing import HAND, Skin, opened, pushed, settle, under_skin
from grasp_things import Rng, draw, scaled
from scipy.spatial.transform import Rotation

from dense3d_ros.learning.synthetic.collision import hand_spheres
from dense3d_ros.learning.synthetic.grasps import GraspBank, GraspType, grasp_types
from dense3d_ros.learning.synthetic.held_things import ThingKind, held_thing
from dense3d_ros.learning.synthetic.poses import pose_space
from dense3d_ros.learning.synthetic.solids import Placed

SEED = 16
WANTED = 420
"""Grasps of each type."""
MOST_TRIES = 4000
TOUCHES, TOO_DEEP = 0.0028 / HAND, 0.0032 / HAND
"""Furthest that a touching tip may be from the surface, and deepest that any skin may be in the thing."""
THROUGH = 0.6
"""Share of a finger's half thickness that a thing must stay away from its bones."""


def attempt(rng: Rng, skin: Skin, kind: GraspType) -> tuple[GraspBank | None, str]:
    """One try: a bank of one grasp, or why it failed."""
    angles = kind.angles.copy()
    angles[2:23] += np.radians(rng.normal(0.0, 4.0, 21))
    thing_kind, sizes, pose, against = draw(rng, skin, kind, angles)
    numbers = scaled(thing_kind, sizes)
    solid = held_thing(thing_kind, list(numbers))
    # Fingers go through a mug's handle already bent: straight ones are in its body.
    hand = opened(angles, kind, 0.0) if thing_kind == ThingKind.MUG else opened(angles, kind)
    if against:
        pose = pushed(skin, solid, pose, hand, against)
    rotation, place = pose
    held = Placed(solid, rotation, place)
    if under_skin(hand, held, THROUGH).min() < 0:
        return None, "in the way"
    settle(skin, held, kind, hand)
    quaternion = Rotation.from_matrix(rotation).as_quat()[[3, 0, 1, 2]]
    bank = GraspBank(
        hand[None],
        np.array([grasp_types().index(kind)]),
        np.zeros(1, np.uint8),
        np.array([int(thing_kind)]),
        numbers[None],
        quaternion[None],
        place[None],
    )
    return judged(bank, skin, kind)


def judged(bank: GraspBank, skin: Skin, kind: GraspType) -> tuple[GraspBank | None, str]:
    """The grasp, as it will be read back, with the digits whose tips touch; or why it is none."""
    space = pose_space()
    steps = (space.high - space.low) / 255
    angles = space.low + np.round((bank.angles[0] - space.low) / steps) * steps
    rounded = {name: getattr(bank, name).astype(np.float16).astype(np.float64) for name in ("sizes", "turns", "places")}
    held = replace(bank, **rounded).grasp(0).held
    if held.distance(skin.at(angles)).min() < -TOO_DEEP:
        return None, "too deep"
    if under_skin(angles, held, THROUGH).min() < 0:
        return None, "through"
    gaps = skin.gaps(angles, held)
    touching = (np.abs(gaps[:, 2]) < TOUCHES) & np.isin(np.arange(5), kind.touching)
    # Around a thin handle tips end in the palm; what is between fingers touches their sides anywhere.
    near = touching if kind.opposition == "pad" else (np.abs(gaps) < TOUCHES).any(axis=1)
    good = near[list(kind.needed)].all()
    if not good:
        return None, "no contact"
    if hand_spheres().collide(angles, 0.22):
        return None, "collision"
    bits = np.array([int((touching << np.arange(5)).sum())])
    return replace(bank, angles=angles[None], touching=bits), ""


def search(rng: Rng, skin: Skin, kind: GraspType, wanted: int) -> list[GraspBank]:
    """`wanted` grasps of a kind, or as many as are found."""
    found: list[GraspBank] = []
    failed: Counter[str] = Counter()
    while len(found) < wanted and len(found) + failed.total() < MOST_TRIES:
        grasp, why = attempt(rng, skin, kind)
        if grasp is None:
            failed[why] += 1
        else:
            found.append(grasp)
    sys.stderr.write(f"{kind.name}: {len(found)} grasps; dropped: {dict(failed)}\n")
    return found


def main() -> None:
    """Search and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="file to write")
    output = parser.parse_args().output
    skin, found = Skin(), []
    for number, kind in enumerate(grasp_types()):
        found += search(np.random.default_rng([SEED, number]), skin, kind, WANTED)
    names = ("angles", "types", "touching", "things", "sizes", "turns", "places")
    arrays = (np.concatenate([getattr(grasp, name) for grasp in found]) for name in names)
    GraspBank(*arrays).save(output)


if __name__ == "__main__":
    main()
