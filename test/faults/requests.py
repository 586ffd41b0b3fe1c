"""Parameter requests and lifecycle transitions that no well-behaved client sends."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    GetParameterTypes,
    ListParameters,
    SetParameters,
    SetParametersAtomically,
)

from .frames import pick
from .images import random_image
from .judging import Expected
from .subject import Fault, Stuck, Subject

RANGES: dict[str, tuple[float, float]] = {
    "max_hands": (1, 6),
    "min_score": (0.0, 1.0),
    "min_depth": (0.01, 10.0),
    "max_depth": (0.1, 10.0),
    "max_age": (0.0, 3600.0),
    "timeout": (0.1, 60.0),
    "marker_lifetime": (0.0, 60.0),
    "joint_diameter": (0.001, 0.1),
    "bone_width": (0.001, 0.1),
    "depth_unit": (0.0, 1.0),
    "sync_slop": (0.0, 1.0),
}
"""What README and the descriptions promise for hand_pose."""
DEFAULTS: dict[str, float | int | str] = {
    "max_hands": 2,
    "min_score": 0.0,
    "min_depth": 0.15,
    "max_depth": 1.5,
    "depth_unit": 0.0,
    "sync_slop": 0.0,
    "distortion": "auto",
}
NAMES = (
    *RANGES,
    "transport",
    "distortion",
    "model",
    "views",
    "device",
    "runtime",
    "cameras",
    "autostart",
    "use_sim_time",
    "",
    " ",
    "no_such",
    "qos_overrides",
)
NAMES = (*NAMES, "max_hands.x", "🖐", "x" * 100_000)
TEXTS = ("", "undo", "inverse", "raw", "hand", "cuda:99", "abacus", "../..", "\n", "🖐", "y" * 1_000_000)
QUESTIONS = (
    (ListParameters, "list_parameters"),
    (GetParameters, "get_parameters"),
    (DescribeParameters, "describe_parameters"),
    (GetParameterTypes, "get_parameter_types"),
)
DOUBLES = (0.0, -0.0, 0.5, 1.0, 1.0000001, 2.0, -1.0, 1e308, -1e308, 5e-324, np.nan, np.inf, -np.inf)
INTEGERS = (0, 1, 2, 4, 5, -1, 2**31, 2**63 - 1, -(2**63))


def some_requests(subject: Subject, rng: np.random.Generator, count: int) -> None:
    """`count` requests to both nodes; then the parameters are as they were."""
    for index in range(count):
        node = pick(rng, (f"{subject.namespace}/hand_pose", "/hand_model"))
        if rng.random() < 0.7:
            _set(subject, rng, node)
        else:
            _ask(subject, rng, node)
        if index % 5 == 0:
            frame = random_image(rng, subject.now())
            # A request that is allowed may keep a hand from being published.
            may_be_none = Expected.RIGHT_HAND if frame.expected is Expected.EXACT_HAND else frame.expected
            subject.publish(replace(frame, expected=may_be_none))
    for name, value in {**DEFAULTS, "max_age": subject.limits.max_age}.items():
        _call(
            subject, SetParameters, f"{subject.namespace}/hand_pose", "set_parameters", parameters=[_named(name, value)]
        )
    _call(subject, SetParameters, "/hand_model", "set_parameters", parameters=[_named("model", "rigid")])
    for node in (f"{subject.namespace}/hand_pose", "/hand_model"):
        _call(subject, SetParameters, node, "set_parameters", parameters=[_named("use_sim_time", False)])


def some_transitions(subject: Subject, rng: np.random.Generator, count: int, folder: Path) -> None:
    """`count` requests to change the state or to configure with a model that cannot be; then a model is active."""
    models = unusable_models(folder)
    for _ in range(count):
        if rng.random() < 0.3:
            kind, model = pick(rng, models) if rng.random() < 0.6 else ("a good one", "rigid")
            subject.count(f"model: {kind}")
            _call(subject, SetParameters, "/hand_model", "set_parameters", parameters=[_named("model", model)])
        legal = (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_DEACTIVATE)
        number = int(rng.choice([*legal, Transition.TRANSITION_CLEANUP, 0, 9, 60, 97, 99, 254, 255]))
        label = pick(rng, ("", "", "", "configure", "explode", "z" * 100_000))
        subject.count(f"transition {number}")
        transition = Transition(id=number, label=label)
        _call(subject, ChangeState, "/hand_model", "change_state", transition=transition)
        subject.publish(random_image(rng, subject.now()))
    _make_active(subject)


def unusable_models(folder: Path) -> list[tuple[str, str]]:
    """(kind, model): paths that lead to no model."""
    pipe = folder / "pipe"
    if not pipe.exists():
        os.mkfifo(pipe)
        (folder / "empty.safetensors").touch()
        (folder / "noise.safetensors").write_bytes(np.random.default_rng(0).bytes(4096))
    return [
        ("no such file", str(folder / "missing.safetensors")),
        ("a folder", str(folder)),
        ("an empty file", str(folder / "empty.safetensors")),
        ("noise", str(folder / "noise.safetensors")),
        ("a pipe", str(pipe)),
        ("a device", "/dev/null"),
        ("nobody's home", "~no_such_user/model.safetensors"),
        ("a long name", "/" + "x" * 300),
        ("a very long name", "x" * 1_000_000),
        ("odd characters", "model\n🖐\0.safetensors"),
        ("a dot", "."),
    ]


def _make_active(subject: Subject) -> None:
    """By legal transitions only. A model node that was shut down stays so, and the process with it."""
    _call(subject, SetParameters, "/hand_model", "set_parameters", parameters=[_named("model", "rigid")])
    steps = {
        State.PRIMARY_STATE_UNCONFIGURED: Transition.TRANSITION_CONFIGURE,
        State.PRIMARY_STATE_INACTIVE: Transition.TRANSITION_ACTIVATE,
    }
    for _ in range(4):
        answer = _call(subject, GetState, "/hand_model", "get_state")
        if (state := answer.current_state.id) == State.PRIMARY_STATE_ACTIVE:
            return
        if state in steps:
            _call(subject, ChangeState, "/hand_model", "change_state", transition=Transition(id=steps[state]))
    raise Stuck("stuck", f"the model node does not become active, it is {answer.current_state.label}")


def _set(subject: Subject, rng: np.random.Generator, node: str) -> None:
    names = [pick(rng, NAMES) for _ in range(int(rng.choice([0, 1, 1, 1, 2, 50])))]
    parameters = [Parameter(name=name, value=_random_value(rng)) for name in names]
    if rng.random() < 0.8:
        subject.count("set_parameters")
        results = _call(subject, SetParameters, node, "set_parameters", parameters=parameters).results
        if len(results) != len(parameters):
            subject.faults.append(Fault("wrong answer", f"{len(results)} results for {len(parameters)} parameters"))
        for parameter, result in zip(parameters, results, strict=False):
            if result.successful and not _allowed(parameter):
                text = f"{parameter.name} := {parameter.value.double_value or parameter.value.integer_value} accepted"
                subject.faults.append(Fault("wrong answer", text))
    else:
        subject.count("set_parameters_atomically")
        _call(subject, SetParametersAtomically, node, "set_parameters_atomically", parameters=parameters)


def _allowed(parameter: Parameter) -> bool:
    if parameter.name not in RANGES:
        return True
    low, high = RANGES[parameter.name]
    if parameter.value.type == ParameterType.PARAMETER_INTEGER:
        return bool(low <= parameter.value.integer_value <= high)
    return bool(low <= parameter.value.double_value <= high)


def _ask(subject: Subject, rng: np.random.Generator, node: str) -> None:
    names = [pick(rng, NAMES) for _ in range(int(rng.choice([0, 1, 2, 100])))]
    kind, name = pick(rng, QUESTIONS)
    subject.count(name)
    if kind is ListParameters:
        _call(subject, kind, node, name, prefixes=names, depth=pick(rng, (0, 1, 2**32, 2**64 - 1)))
    else:
        _call(subject, kind, node, name, names=names)


def _random_value(rng: np.random.Generator) -> ParameterValue:
    """Of any type, known or not, with every field filled."""
    value = ParameterValue(type=int(rng.choice([0, 1, 2, 2, 3, 3, 3, 4, 4, 5, 6, 7, 8, 9, 10, 11, 77, 255])))
    value.bool_value = bool(rng.random() < 0.5)
    value.integer_value = pick(rng, INTEGERS)
    value.double_value = float(rng.choice(DOUBLES))
    value.string_value = pick(rng, TEXTS)
    value.byte_array_value = [b"\x00", b"\xff"]
    value.double_array_value = rng.choice(DOUBLES, 3)
    value.string_array_value = ["", "🖐"]
    return value


def _named(name: str, value: str | float | int | bool) -> Parameter:
    if isinstance(value, bool):
        return Parameter(name=name, value=ParameterValue(type=ParameterType.PARAMETER_BOOL, bool_value=value))
    if isinstance(value, int):
        return Parameter(name=name, value=ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=value))
    if isinstance(value, float):
        return Parameter(name=name, value=ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=value))
    return Parameter(name=name, value=ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=value))


def _call(subject: Subject, kind: Any, node: str, service: str, **fields: Any) -> Any:
    """The answer. Raises Stuck if none comes."""
    try:
        return subject.client.call(kind, f"{node}/{service}", kind.Request(**fields))
    except AssertionError as error:
        subject.check_alive()
        raise Stuck("stuck", f"{service}: {error}") from error
