"""The recipe of the paper's training, and the faults of the published code that it can reproduce by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from dense3d_ros.learning.training.recipe import Recipe, check_names, check_types, read_entries

QUIRKS: dict[str, str] = {
    "near_holes_are_surface": (
        "in crops nearer than 300 mm, missing depth (0) is taken for surface; corrected: it is background"
    ),
    "half_pixel_rotation": (
        "the image turns about (63.5, 63.5), its joints about (64, 64); corrected: both about (64, 64)"
    ),
    "stale_centre": (
        "the reference point stays that of the crop before it is turned and stretched; corrected: it is that of what "
        "the network sees, as in testing"
    ),
    "misplaced_parenthesis": (
        "Batch Renorm limits its mean correction to 5 / (5000 exp(-2t)), almost none; corrected: "
        "5 / (1 + 4999 exp(-2t)). With `norm: batch_renorm`"
    ),
    "train_on_test_subject": (
        "MSRA15: the training list holds the held-out subject's frames, eight times over; corrected: the other eight "
        "subjects' frames"
    ),
    "published_cameras": (
        "crops and back-projected labels use fx=588.235 fy=587.084 (NYU) and 241.42 (ICVL); corrected: the cameras "
        "that results are scored with, 588.03/587.07 and 240.99/240.96"
    ),
}
"""Name -> what the published code does, and what is done unless the recipe's `quirks` name it."""

DECAY_EPOCHS: Mapping[str, int] = {"nyu": 10, "icvl": 20, "msra": 20, "synthetic": 10}
"""Epochs between steps of the learning rate. The published code has none for ICVL and ends with an error there."""

CHOICES = {"norm": ("batch", "batch_renorm"), "loss": ("sum", "mean"), "clip": ("element", "norm")}


@dataclass(frozen=True)
class PaperRecipe:
    """Sections of Wan et al.'s published training; the defaults are theirs, without the faults in QUIRKS.

    epochs of a data set's training frames, or of `epoch_samples` synthetic ones. A step learns `accumulate` batches.
    The rate is multiplied by `decay` every `decay_epochs` (data set -> epochs).
    norm: batch norm, or "batch_renorm" as published. loss: "sum" over samples, pixels and joints as published, or
    that divided by their number ("mean"). clip: each element of the gradient ("element", as published) or its length
    ("norm") to `gradient_limit`. l2: of half the squared weights of all convolutions but those between the stacks.
    box_jitter: standard deviation in camera pixels of the four sides of the training boxes; 0 as published, a few
    pixels for crops that are not made from the truth. quirks: names of QUIRKS to reproduce.
    """

    name: str
    network: str = "paper"
    stacks: int = 2
    features: int = 128
    epochs: int = 80
    epoch_samples: int = 72_757
    batch_size: int = 40
    accumulate: int = 5
    learning_rate: float = 1e-3
    decay: float = 0.1
    decay_epochs: Mapping[str, int] = field(default_factory=lambda: dict(DECAY_EPOCHS))
    norm: str = "batch"
    loss: str = "sum"
    clip: str = "element"
    gradient_limit: float = 0.2
    l2: float = 0.0005
    ema_decay: float = 0.0
    box_jitter: float = 0.0
    quirks: tuple[str, ...] = ()
    seed: int = 0

    @classmethod
    def from_entries(cls, path: Path, data: dict[str, Any]) -> PaperRecipe:
        """A recipe of the entries in the file `path`; ValueError names the file and what is wrong in it."""
        check_names(path, data, [item.name for item in fields(cls)])
        if "name" not in data:
            raise ValueError(f"{path} is no training recipe: it has no 'name'")
        quirks, decay_epochs = data.get("quirks", []), data.get("decay_epochs", {})
        if not isinstance(quirks, list) or not all(isinstance(quirk, str) and quirk in QUIRKS for quirk in quirks):
            raise ValueError(f"{path}: quirks must be a list of names of {', '.join(QUIRKS)}, got {quirks!r}")
        if not isinstance(decay_epochs, dict) or not all(
            name in DECAY_EPOCHS and isinstance(epochs, int) and epochs > 0 for name, epochs in decay_epochs.items()
        ):
            raise ValueError(
                f"{path}: decay_epochs must give whole numbers of epochs for some of {', '.join(DECAY_EPOCHS)}, "
                f"got {decay_epochs!r}"
            )
        recipe = cls(**{**data, "quirks": tuple(quirks), "decay_epochs": {**DECAY_EPOCHS, **decay_epochs}})
        check_types(path, recipe)
        for name in ("stacks", "features", "epochs", "epoch_samples", "batch_size", "accumulate"):
            if getattr(recipe, name) < 1:
                raise ValueError(f"{path}: {name} must be at least 1, got {getattr(recipe, name)}")
        for name, choices in CHOICES.items():
            if getattr(recipe, name) not in choices:
                raise ValueError(f"{path}: {name} must be one of {', '.join(choices)}, got {getattr(recipe, name)!r}")
        if recipe.network != "paper":
            raise ValueError(f"{path}: network must be paper, got {recipe.network!r}")
        if "misplaced_parenthesis" in recipe.quirks and recipe.norm != "batch_renorm":
            raise ValueError(f"{path}: the quirk misplaced_parenthesis needs norm: batch_renorm")
        return recipe


def read_recipe(path: Path) -> Recipe | PaperRecipe:
    """A recipe of either kind, told apart by its `network`; ValueError names the file and what is wrong in it."""
    entries = read_entries(path)
    if entries.get("network") == "paper":
        return PaperRecipe.from_entries(path, entries)
    return Recipe.from_entries(path, entries)
