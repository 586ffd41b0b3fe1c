"""The options of the training scenes, from scenes.yaml."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path

import yaml

Range = tuple[float, float]


@dataclass(frozen=True)
class SceneOptions:
    """What scenes.yaml says; see the comments there. Plain numbers from 0 to 1 are shares.

    Raises ValueError for a share outside 0..1, a range that is not ordered, or a length that is not above 0.
    """

    right_hands: float
    stacked_poses: float
    pinches: float
    contact_poses: float
    contact_jitter: float
    shown_objects: float
    larger_objects: float
    distance: Range
    view: Range
    hand_length: Range
    forearm: Range
    finger_sizes: float
    bone_sizes: float
    palm_sizes: float
    finger_thickness: float
    anatomies: float
    gloves: float
    sleeves: float
    things_in_palm: float
    bodies: float
    turned_bodies: float
    hair: float
    arms: float
    owners: float
    things: float
    bars_in_front: float
    planes: float
    second_hands: float
    touching_hands: float
    image_borders: float
    clipped_depths: float
    matching_windows: float
    own_views: float
    head_views: float
    grasps: float
    working_grasps: float
    other_hands: float
    children: float
    child_length: Range
    thick_gloves: float
    glove: Range
    nails: float
    rings: float
    bands: float
    half_sleeves: float
    empty: float
    elsewhere: float
    found_centres: float
    first_candidates: float
    first_candidate: Range
    settled: Range
    upright_error: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("first_candidate", "settled"):
                if not min(value) > 0:
                    raise ValueError(f"{field.name} must be a median and a sigma above 0, got {value}")
            elif field.type == "Range":
                if not 0 < value[0] <= value[1]:
                    raise ValueError(f"{field.name} must be two ordered values above 0, got {value}")
            elif field.name == "contact_jitter":
                if not value >= 0:
                    raise ValueError(f"contact_jitter must be at least 0 degrees, got {value}")
            elif not 0 <= value <= 1:
                raise ValueError(f"{field.name} must lie in 0..1, got {value}")
        if self.empty + self.elsewhere > 1:
            raise ValueError(f"empty and elsewhere must not exceed 1 together, got {self.empty} and {self.elsewhere}")

    @classmethod
    def read(cls, path: Path) -> SceneOptions:
        """Options from a YAML file; ValueError if one is missing, unknown or of the wrong type."""
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict):
            raise ValueError(f"{path}: expected names and values")
        known = {field.name: field.type for field in fields(cls)}
        if wrong := sorted(map(str, set(data) ^ set(known))):
            raise ValueError(f"{path}: missing or unknown option {', '.join(wrong)}")
        values: dict[str, float | Range] = {}
        for name, value in data.items():
            numbers = value if known[name] == "Range" else [value]
            if not isinstance(numbers, list) or not all(type(number) in (int, float) for number in numbers):
                raise ValueError(f"{path}: {name} must be {'two numbers' if known[name] == 'Range' else 'a number'}")
            if known[name] == "Range":
                if len(numbers) != 2:
                    raise ValueError(f"{path}: {name} must be two numbers, got {value}")
                values[name] = (float(numbers[0]), float(numbers[1]))
            else:
                values[name] = float(numbers[0])
        try:
            return cls(**values)  # type: ignore[arg-type]
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error


def before_working_hands(options: SceneOptions) -> SceneOptions:
    """Scenes as they were before hands were at work in some: what the ablations are measured on."""
    return replace(
        options,
        anatomies=0.0,
        pinches=0.0,
        turned_bodies=0.0,
        hair=0.0,
        arms=0.0,
        clipped_depths=0.0,
        matching_windows=0.0,
        own_views=0.0,
        grasps=0.0,
        other_hands=0.0,
    )


def without_later_options(options: SceneOptions) -> SceneOptions:
    """What the fixed test sets are drawn with: they were there before these options and must stay as they are."""
    return replace(before_working_hands(options), stacked_poses=0.0, larger_objects=0.0)


@cache
def scene_options() -> SceneOptions:
    """The options that come with the package."""
    return SceneOptions.read(Path(__file__).parent / "scenes.yaml")
