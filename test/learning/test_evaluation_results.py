"""The types of results are those of the files that `dense3d evaluate` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from dense3d_ros.learning.evaluation.results import EvaluationResult

RESULTS = sorted((Path(__file__).parents[2] / "docs" / "results").glob("views_*.json"))


def differences(value: Any, kind: Any, where: str) -> list[str]:
    """Where a value from JSON is not what its type says; kinds of label ("by_...") may be more than the type names."""
    if is_typeddict(kind):
        hints = get_type_hints(kind)
        missing = [f"{where} has no {name}" for name in sorted(kind.__required_keys__ - set(value))]
        unknown = [f"{where}.{name} has no type" for name in value if name not in hints and not name.startswith("by_")]
        parts = [(item, hints[name], f"{where}.{name}") for name, item in value.items() if name in hints]
        return missing + unknown + [one for part in parts for one in differences(*part)]
    of = get_args(kind)
    if get_origin(kind) is list:
        return [one for index, item in enumerate(value) for one in differences(item, of[0], f"{where}[{index}]")]
    if get_origin(kind) is dict:
        return [one for name, item in value.items() for one in differences(item, of[1], f"{where}.{name}")]
    if type(None) in of:
        return [] if value is None else differences(value, of[0], where)
    return [] if isinstance(value, (int, float) if kind is float else kind) else [f"{where} is {value!r}"]


def test_results_of_both_numbers_of_views_are_stored() -> None:
    assert [path.stem for path in RESULTS] == ["views_1", "views_3"]


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_the_stored_results_are_of_their_type(path: Path) -> None:
    result = json.loads(path.read_text(encoding="utf-8"))
    assert differences(result, EvaluationResult, path.stem) == []
    del result["reliability"]["bins"][3]["score"]
    result["failures"]["missed"][0] = "3"
    result["own_detector"]["by_pose"]["fist"]["lost"] = 0.5
    assert set(differences(result, EvaluationResult, "it")) == {
        "it.reliability.bins[3] has no score",
        "it.failures.missed[0] is '3'",
        "it.own_detector.by_pose.fist.lost has no type",
    }
