"""What a training run is made of, read from a YAML file."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Stage:
    """`samples` crops of `resolution` pixels; a coarse first stage is several times cheaper a sample."""

    samples: int
    resolution: int


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a run gives. half_size and ball_radius are metres; angles need no entry."""

    name: str
    stages: tuple[Stage, ...]
    network: str = "hourglass"
    stacks: int = 1
    features: int = 128
    half_size: float = 0.15
    ball_radius: float = 0.1
    batch_size: int = 32
    learning_rate: float = 1.5e-3
    final_learning_rate: float = 1e-5
    weight_decay: float = 0.01
    warm_up_samples: int = 10_000
    gradient_norm: float = 1.0
    ema_decay: float = 0.999
    seed: int = 0

    @property
    def samples(self) -> int:
        """Samples of all stages."""
        return sum(stage.samples for stage in self.stages)

    @classmethod
    def read(cls, path: Path) -> Recipe:
        """Read a recipe; ValueError names the file and what is wrong in it."""
        try:
            data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
            unknown = set(data) - {field.name for field in fields(cls)}
            if unknown:
                raise ValueError(f"unknown entries {sorted(unknown)}; known: {[f.name for f in fields(cls)]}")
            data["stages"] = tuple(Stage(**stage) for stage in data["stages"])
            recipe = cls(**data)
        except (OSError, yaml.YAMLError, TypeError, KeyError, ValueError) as error:
            raise ValueError(f"{path} is no training recipe: {error}") from error
        for stage in recipe.stages:
            if stage.resolution % 64 or stage.samples < recipe.batch_size:
                raise ValueError(
                    f"{path}: a stage needs a resolution that is a multiple of 64 and at least one batch of "
                    f"samples, got {stage}"
                )
        return recipe
