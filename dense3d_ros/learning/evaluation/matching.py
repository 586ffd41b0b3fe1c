"""Which estimated hand is which true one, in one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

GATE = 0.08
"""An estimate can be of a true hand if their centres are at most this far apart, metres."""

Pairs = list[tuple[int, int]]


@dataclass(frozen=True)
class Matches:
    """pairs: (index of a true hand, index of an estimate). missed: true hands without, false: estimates without one."""

    pairs: Pairs
    missed: list[int]
    false: list[int]


def match(truths: ArrayLike, estimates: ArrayLike) -> Pairs:
    """(N, 3) and (M, 3) centres -> the most pairs that are at most GATE apart, of these the closest in all."""
    true, estimated = (np.asarray(centres, np.float64).reshape(-1, 3) for centres in (truths, estimates))
    distances = np.linalg.norm(true[:, None] - estimated[None], axis=2)
    # A pair beyond the gate costs more than any number of pairs within.
    beyond = GATE * (len(true) + len(estimated) + 1)
    costs = np.where(distances <= GATE, distances, beyond)
    rows, columns = linear_sum_assignment(costs)
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if costs[row, column] < beyond]


def match_hands(
    truths: Sequence[NDArray[np.floating]],
    ignored: Sequence[NDArray[np.floating]],
    estimates: Sequence[NDArray[np.floating]],
    known: Pairs | None = None,
) -> Matches:
    """Centres (3,) of true hands that count, of true hands that need not be found, and of estimates.

    An estimate of a hand that need not be found is not false. known: pairs that hold whatever else is near.
    """
    pairs = list(known or [])
    rest_true = sorted(set(range(len(truths))) - {true for true, _ in pairs})
    rest = sorted(set(range(len(estimates))) - {estimate for _, estimate in pairs})
    new = match([truths[index] for index in rest_true], [estimates[index] for index in rest])
    pairs += [(rest_true[true], rest[estimate]) for true, estimate in new]
    missed = sorted(set(range(len(truths))) - {true for true, _ in pairs})
    rest = sorted(set(range(len(estimates))) - {estimate for _, estimate in pairs})
    excused = {estimate for _, estimate in match(ignored, [estimates[index] for index in rest])}
    false = [estimate for place, estimate in enumerate(rest) if place not in excused]
    return Matches(sorted(pairs), missed, false)
