"""Where the lifecycle node puts the active model and the perception node looks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dense3d_ros.perception.model import HandModel


class ModelSlot:
    """Holds the active model, or None. Any thread may ask; one thread changes it."""

    def __init__(self) -> None:
        self._model: HandModel | None = None
        self._listeners: list[Callable[[], None]] = []

    def current(self) -> HandModel | None:
        """The model to use now."""
        return self._model

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change; when it returns, it must have let go of the former model."""
        self._listeners.append(listener)

    def forget(self, listener: Callable[[], None]) -> None:
        """Call `listener` no more."""
        self._listeners.remove(listener)

    def change(self, model: HandModel | None) -> None:
        """Make `model` the current one. When this returns, nobody uses the former one any more."""
        self._model = model
        for listener in list(self._listeners):
            listener()
