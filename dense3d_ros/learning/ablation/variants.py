"""What is compared: each variant differs from the reference, or from another variant, in one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Vectors = Literal["unit", "offset", "none"]


@dataclass(frozen=True)
class Variant:
    """One network and its losses.

    holistic: coordinates of all joints straight from the features, no maps at all.
    heat_2d, heat_3d: which heat maps there are. vectors: unit vectors, whole offsets, or none, in which case a pixel's
    own surface point is its vote. cascade: each head sees the heads before it.
    masked: vectors learn inside the ball only, instead of being zero outside.
    joint_loss: an error of the fused joints is learned beside the maps, as by the default model.
    """

    name: str
    title: str
    holistic: bool = False
    heat_2d: bool = True
    heat_3d: bool = True
    vectors: Vectors = "unit"
    cascade: bool = True
    masked: bool = False
    stacks: int = 1
    joint_loss: bool = False


REFERENCE = "decomposed"

VARIANTS: tuple[Variant, ...] = (
    Variant("holistic", "holistic: coordinates from the features", holistic=True),
    Variant("detection", "2D detection lifted to 3D", heat_3d=False, vectors="none"),
    Variant("direct", "offsets direct, 2D heat map", heat_3d=False, vectors="offset"),
    Variant("direct_masked", "offsets direct, 2D heat map, masked", heat_3d=False, vectors="offset", masked=True),
    Variant("direct_3d", "offsets direct, both heat maps", vectors="offset"),
    Variant(REFERENCE, "3D heat map and unit vector (reference)"),
    Variant("no_2d", "reference without 2D heat map", heat_2d=False),
    Variant("no_cascade", "reference without cascade", cascade=False),
    Variant("masked", "reference, masked outside the ball", masked=True),
    Variant("two_stacks", "reference with two stacks", stacks=2),
    Variant("joint_loss", "reference + loss on the fused joints", joint_loss=True),
)


@dataclass(frozen=True)
class Claim:
    """That `better` has the smaller error than `worse`."""

    text: str
    better: str
    worse: str


CLAIMS: tuple[Claim, ...] = (
    Claim("dense beats holistic", REFERENCE, "holistic"),
    Claim("dense beats 2D detection", REFERENCE, "detection"),
    Claim("decomposed beats direct", REFERENCE, "direct"),
    Claim("decomposed beats direct, both with both heat maps", REFERENCE, "direct_3d"),
    Claim("the 2D heat map helps", REFERENCE, "no_2d"),
    Claim("the cascade helps", REFERENCE, "no_cascade"),
    Claim("zero outside the ball beats masking", REFERENCE, "masked"),
    Claim("zero outside the ball beats masking, direct offsets", "direct", "direct_masked"),
    Claim("two stacks beat one", "two_stacks", REFERENCE),
    Claim("a loss on the fused joints helps", "joint_loss", REFERENCE),
)


def find_variants(names: list[str] | None) -> tuple[Variant, ...]:
    """The named variants in their usual order, all without names; ValueError for a name that is none."""
    known = {variant.name: variant for variant in VARIANTS}
    for name in names or []:
        if name not in known:
            raise ValueError(f"no variant is named '{name}'; accepted: {', '.join(known)}")
    return tuple(variant for variant in VARIANTS if not names or variant.name in names)
