"""What a training run is made of, read from a YAML file."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from dense3d_ros.dense.layout import SMALLEST_MAP, STRIDES


@dataclass(frozen=True)
class Stage:
    """`samples` crops of `resolution` pixels; a coarse first stage is several times cheaper a sample."""

    samples: int
    resolution: int


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a run gives. half_size and ball_radius are metres."""

    name: str
    stages: tuple[Stage, ...]
    network: str = "hourglass"
    stacks: int = 1
    features: int = 128
    wide_blocks: int = 0
    stride: int = 4
    refining_blocks: int = 0
    half_size: float = 0.15
    ball_radius: float = 0.1
    batch_size: int = 32
    learning_rate: float = 0.02
    final_learning_rate: float = 2e-4
    weight_decay: float = 0.01
    warm_up_samples: int = 10_000
    gradient_norm: float = 1.0
    ema_decay: float = 0.997
    seed: int = 0

    @property
    def samples(self) -> int:
        """Samples of all stages."""
        return sum(stage.samples for stage in self.stages)

    def rate_after(self, samples: int) -> float:
        """Learning rate: a linear warm-up, then half a cosine down to the final rate."""
        warm = min(1.0, (samples + 1) / max(1, self.warm_up_samples))
        share = min(1.0, max(0.0, samples - self.warm_up_samples) / max(1, self.samples - self.warm_up_samples))
        cosine = 0.5 * (1 + math.cos(math.pi * share))
        return warm * (self.final_learning_rate + (self.learning_rate - self.final_learning_rate) * cosine)

    @classmethod
    def read(cls, path: Path) -> Recipe:
        """Read a recipe; ValueError names the file and what is wrong in it."""
        return cls.from_entries(path, read_entries(path))

    @classmethod
    def from_entries(cls, path: Path, data: dict[str, Any]) -> Recipe:
        """A recipe of the entries in the file `path`."""
        check_names(path, data, [field.name for field in fields(cls)])
        try:
            recipe = cls(**{**data, "stages": tuple(Stage(**stage) for stage in data["stages"])})
        except KeyError as error:
            raise ValueError(f"{path} is no training recipe: it has no {error}") from error
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path} is no training recipe: {error}") from error
        check_types(path, recipe)
        if recipe.network not in ("hourglass", "detector"):
            raise ValueError(f"{path}: network must be hourglass, detector or paper, got {recipe.network!r}")
        if recipe.batch_size < 4 or recipe.batch_size % 4:
            raise ValueError(
                f"{path}: batch_size must be a multiple of 4, the crops of an image, got {recipe.batch_size}"
            )
        if recipe.stride not in STRIDES:
            raise ValueError(f"{path}: stride must be 4 or 8, got {recipe.stride}")
        for stage in recipe.stages:
            whole = all(isinstance(value, int) for value in (stage.samples, stage.resolution))
            edge = SMALLEST_MAP * recipe.stride
            if not whole or stage.resolution % edge or stage.samples < recipe.batch_size:
                raise ValueError(
                    f"{path}: a stage needs a resolution that is a multiple of {edge} and at least one batch of "
                    f"samples, got {stage}"
                )
        return recipe


def read_entries(path: Path) -> dict[str, Any]:
    """The entries of a recipe file, not yet checked."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        text = " ".join(str(error).split())
        raise ValueError(f"{path} is no training recipe: {text}") from error
    if data is None:
        raise ValueError(f"{path} is empty; expected a training recipe with at least a name")
    if not isinstance(data, dict):
        raise ValueError(
            f"{path} is no training recipe: it holds a {type(data).__name__}, expected `name: value` lines"
        )
    return data


def check_names(path: Path, data: dict[str, Any], known: list[str]) -> None:
    """ValueError for entries that no recipe of this kind has."""
    unknown = sorted(str(name) for name in set(data) - set(known))
    if unknown:
        raise ValueError(f"{path} is no training recipe: unknown entries {unknown}; known: {known}")


def check_types(path: Path, recipe: Any) -> None:
    """ValueError for numbers that are none or negative, and texts that are none; kinds as in the dataclass."""
    for field in fields(recipe):
        value = getattr(recipe, field.name)
        if field.type in ("int", "float"):
            kinds = int if field.type == "int" else (int, float)
            if not isinstance(value, kinds) or isinstance(value, bool) or not 0 <= value < float("inf"):
                number = "whole number" if field.type == "int" else "number"
                raise ValueError(f"{path}: {field.name} must be a {number} of at least 0, got {value!r}")
        elif field.type == "bool" and not isinstance(value, bool):
            raise ValueError(f"{path}: {field.name} must be true or false, got {value!r}")
        elif field.type == "str" and not (isinstance(value, str) and value):
            raise ValueError(f"{path}: {field.name} must be a text, got {value!r}")
