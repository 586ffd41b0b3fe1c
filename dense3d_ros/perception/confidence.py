"""What the network says, turned into scores that mean something, by numbers fitted to images with known hands.

`dense3d calibrate` fits the numbers for a number of views and stores them in the model file's description.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.hand import JOINT_COUNT, joint_scores
from dense3d_ros.perception.evidence import Evidence

Array = NDArray[np.floating[Any]]

_LEAST_SPREAD = 1e-4
"""Metres; votes that agree better than that agree."""
_MOST = 50.0
"""Log-odds beyond which a probability is not told from 0 or 1."""

_NUMBERS = ("min_score", "hold_score")


@dataclass(frozen=True)
class Confidence:
    """Fitted numbers. The defaults, of a model that was never calibrated, pass on what the network says.

    joint_weights: of a joint's log spread, of the mean log spread of the hand and of the presence logit, and
    joint_offsets (21), add up to a predictor; errors_mm are the expected joint errors at predictors, both rising,
    with straight lines between. Without them the spread is taken for the expected error.
    evidence: how sure it is that a hand is there.
    handedness: weights of the right hand's logit, of the agreement of the votes (minus the mean log spread) and of the
    presence logit in the log-odds of a right hand; each counts by how much it is higher in the plain view than in the
    mirrored one.
    min_score: least score of a new hand at which few are seen where there is none; hold_score: of a followed one, not
    above it. fitted: on what, and what came out.
    """

    joint_weights: tuple[float, ...] = (1.0, 0.0, 0.0)
    joint_offsets: tuple[float, ...] = (0.0,) * JOINT_COUNT
    predictors: tuple[float, ...] = ()
    errors_mm: tuple[float, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    handedness: tuple[float, ...] = (1.0, 2.0, 0.0)
    min_score: float = 0.97
    hold_score: float = 0.5
    fitted: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, count in (("joint_weights", 3), ("joint_offsets", JOINT_COUNT), ("handedness", 3)):
            values = getattr(self, name)
            if len(values) != count or not np.isfinite(values).all():
                raise ValueError(f"{name} must be {count} finite numbers, got {values}")
        if len(self.predictors) != len(self.errors_mm):
            raise ValueError(f"{len(self.predictors)} predictors do not fit {len(self.errors_mm)} errors_mm")
        for name in ("predictors", "errors_mm"):
            values = np.asarray(getattr(self, name), np.float64)
            if not np.isfinite(values).all() or (np.diff(values) < 0).any():
                raise ValueError(f"{name} must be finite numbers that rise, got {getattr(self, name)}")
        if self.errors_mm and self.errors_mm[0] < 0:
            raise ValueError(f"errors_mm must not be below 0, got {self.errors_mm[0]}")
        if not 0 < self.min_score <= 1:
            raise ValueError(f"min_score must lie above 0 and not above 1, got {self.min_score}")
        if not 0 <= self.hold_score <= 1:
            raise ValueError(f"hold_score must lie in 0..1, got {self.hold_score}")

    @classmethod
    def from_json(cls, data: Any) -> Confidence:
        """From what `dataclasses.asdict` made of one and JSON of that; ValueError says what is wrong."""
        known = {item.name for item in fields(cls)}
        if not isinstance(data, Mapping) or set(data) - known:
            raise ValueError(f"confidence must be an object of {sorted(known)}, got {data!r}")
        values: dict[str, Any] = {}
        for name, value in data.items():
            if name == "fitted":
                values[name] = value
                if not isinstance(value, dict):
                    raise ValueError(f"fitted must be an object, got {value!r}")
                continue
            if name == "evidence":
                values[name] = Evidence.from_json(value)
                continue
            numbers = value if isinstance(value, (list, tuple)) else [value]
            if not all(isinstance(number, (int, float)) and not isinstance(number, bool) for number in numbers):
                raise ValueError(f"{name} must be made of numbers, got {value!r}")
            if (name in _NUMBERS) == isinstance(value, (list, tuple)):
                raise ValueError(f"{name} must be {'a number' if name in _NUMBERS else 'a list'}, got {value!r}")
            values[name] = value if name in _NUMBERS else tuple(float(number) for number in numbers)
        return cls(**values)

    def predictor(self, spread: Array, presence: Array) -> Array:
        """(B, 21) spreads in metres and (B,) presence logits -> (B, 21), higher where a larger error is expected."""
        log = log_spread_mm(spread)
        of_joint, of_hand, of_presence = self.joint_weights
        predictor: Array = (
            of_joint * log
            + of_hand * log.mean(axis=1, keepdims=True)
            + of_presence * np.asarray(presence)[:, None]
            + np.array(self.joint_offsets)
        )
        return predictor

    def joint_scores(self, spread: Array, presence: Array) -> NDArray[np.float32]:
        """(B, 21) spreads in metres and (B,) presence logits -> (B, 21) scores, see `hand.joint_scores`."""
        predictor = self.predictor(spread, presence)
        errors_mm = np.interp(predictor, self.predictors, self.errors_mm) if self.predictors else np.exp(predictor)
        return joint_scores(errors_mm / 1000)

    def log_likelihood(self, spread: Array, logits: Array) -> Array:
        """(B, 21) spreads in metres and (B, 2) logits -> (B,) the log-likelihood of each as a right hand."""
        agreement = -log_spread_mm(spread).mean(axis=1)
        log_likelihood: Array = (
            self.handedness[0] * logits[:, 1] + self.handedness[1] * agreement + self.handedness[2] * logits[:, 0]
        )
        return log_likelihood


def log_spread_mm(spread: Array) -> Array:
    """Logarithm of a spread in metres, in millimetres."""
    log: Array = np.log(1000 * np.maximum(spread, _LEAST_SPREAD))
    return log


def probability(log_odds: float) -> float:
    """Log-odds -> 0..1."""
    return float(1 / (1 + np.exp(-np.clip(log_odds, -_MOST, _MOST))))
