"""Where the lifecycle node puts the active model and the perception nodes find it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from dense3d_ros.excerpt import excerpt
from dense3d_ros.nodes.diagnostics import Condition, Level

if TYPE_CHECKING:
    from dense3d_ros.perception.model import HandModel


class ModelSlot:
    """Holds the active model, or None and why. Any thread may ask; one at a time changes it."""

    def __init__(self) -> None:
        self._model: HandModel | None = None
        self._listeners: list[Callable[[], None]] = []
        self._why_none = _not_active

    def current(self) -> HandModel | None:
        """The model to use now."""
        return self._model

    def why_none(self) -> Condition:
        """Why there is no model while there is none."""
        return self._why_none()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change; when it returns, it must have let go of the former model."""
        self._listeners.append(listener)

    def forget(self, listener: Callable[[], None]) -> None:
        """Call `listener` no more."""
        self._listeners = [other for other in self._listeners if other != listener]

    def change(self, model: HandModel | None) -> None:
        """Make `model` the current one. When this returns, nobody uses the former one any more."""
        self._model = model
        for listener in list(self._listeners):
            listener()

    def loading(self, name: str) -> None:
        """A model is being loaded, from now on."""
        started = time.monotonic()

        def condition() -> Condition:
            seconds = time.monotonic() - started
            return Condition(Level.OK, "loading", f"loading model '{excerpt(name)}' ({seconds:.0f} s)")

        self._why_none = condition

    def loaded(self) -> None:
        """The model is loaded, and not active yet."""
        self._why_none = _not_active

    def failed(self, reason: str) -> None:
        """No model could be loaded; said until the next one is."""
        condition = Condition(Level.ERROR, "failed model", f"no model: {reason}")
        self._why_none = lambda: condition


def _not_active() -> Condition:
    return Condition(Level.WARN, "no model", "no active model: hand_model is not in its active state")
