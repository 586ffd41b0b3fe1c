"""How the perception node does, in one sentence: in the log when it is bad, and as a diagnostic."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from dense3d_ros.excerpt import excerpt

LOG_AGAIN_S = 10.0
HANDS, STATE, COMMANDS = "hands", "state", "commands"
"""What the statuses of hand_pose, hand_state and hand_retarget are called after the node's name."""
NO_HAND = "no hand"
"""How the sentence on images without a hand begins, and the key of the reason alone among its values."""
CONDITION = "condition"
"""Key of the kind of a status's sentence among its values."""
LONGEST_SENTENCE = 500
"""Characters of a condition or of a line of a traceback: they may quote what came from outside."""


class Level(Enum):
    """Levels of diagnostic_msgs/DiagnosticStatus, which are bytes there."""

    OK = DiagnosticStatus.OK
    WARN = DiagnosticStatus.WARN
    ERROR = DiagnosticStatus.ERROR
    STALE = DiagnosticStatus.STALE


@dataclass(frozen=True)
class Condition:
    """One sentence on how the node does, cut if too long. Conditions of one `kind` may differ in their numbers.

    log_again: seconds in which a bad one of this kind is logged once.
    is_logged: whether the log has it by other ways.
    """

    level: Level
    kind: str
    text: str
    log_again: float = LOG_AGAIN_S
    is_logged: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", excerpt(self.text, LONGEST_SENTENCE))


class Conditions:
    """Collects conditions. A bad one is logged at once, but one kind at most once in its `log_again` seconds."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger
        self._logged: dict[str, float] = {}
        self._latest = Condition(Level.OK, "start", "no frame yet")
        self._bad: Condition | None = None

    def report(self, condition: Condition) -> None:
        """What just happened."""
        self._latest = condition
        if condition.level is Level.OK:
            return
        # A warning does not hide an error of the same second.
        if not (self._bad and self._bad.level is Level.ERROR and condition.level is Level.WARN):
            self._bad = condition
        if condition.is_logged:
            return
        now = time.monotonic()
        if now - self._logged.get(condition.kind, -float("inf")) < condition.log_again:
            return
        self._logged[condition.kind] = now
        # One line for each severity: rclpy does not let a line change it.
        if condition.level is Level.ERROR:
            self._logger.error(condition.text)
        else:
            self._logger.warning(condition.text)

    def take(self) -> Condition:
        """The last bad condition since the last call, errors before warnings; where there was none, the latest one."""
        bad, self._bad = self._bad, None
        return bad or self._latest


def status_name(node: Any, what: str) -> str:
    """What the status of a node is called."""
    return f"{node.get_fully_qualified_name().lstrip('/')}: {what}"


def diagnostic_array(
    stamp: Any, name: str, hardware: str, condition: Condition, values: Mapping[str, object]
) -> DiagnosticArray:
    """One status with its values as text, floats with two digits, and with the kind of its condition."""
    status = DiagnosticStatus(level=condition.level.value, name=name, hardware_id=hardware, message=condition.text)
    status.values = [
        KeyValue(key=key, value=f"{value:.2f}" if isinstance(value, float) else excerpt(value, LONGEST_SENTENCE))
        for key, value in {**values, CONDITION: condition.kind}.items()
    ]
    message = DiagnosticArray(status=[status])
    message.header.stamp = stamp
    return message


def statuses_of(message: Any, node: str, what: str) -> list[Any]:
    """Of a DiagnosticArray the statuses of the nodes with this name in any namespace."""
    return [status for status in message.status if f"/{status.name}".endswith(f"/{node}: {what}")]


def values_of(status: Any) -> dict[str, str]:
    """The values of a DiagnosticStatus by key."""
    return {pair.key: pair.value for pair in status.values}


def traceback_text(error: Exception) -> str:
    """The traceback as for the log, its lines cut where they are too long."""
    lines = "".join(traceback.format_exception(error)).splitlines()
    return "\n".join(excerpt(line, LONGEST_SENTENCE) for line in lines)
