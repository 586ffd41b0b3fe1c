"""One background thread that always works on the newest item."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
_PATIENCE_S = 5.0
"""So long the item at hand may take when the thread is to end."""


class LatestWorker(Generic[Item]):
    """Hands the newest item to `process` on a thread; an item replaced by a newer one is dropped and counted.

    An exception in `process` goes to `on_error` and the thread goes on.
    """

    def __init__(self, name: str, process: Callable[[Item], None], on_error: Callable[[Exception], None]) -> None:
        self._process = process
        self._on_error = on_error
        self._changed = threading.Condition()
        self._item: Item | None = None
        self._stopped = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Make `item` the next one to work on. Never waits for the work."""
        with self._changed:
            if self._item is not None:
                self.dropped += 1
            self._item = item
            self._changed.notify()

    def stop(self) -> bool:
        """Finish the item at hand, start no other. True if the thread has ended, for which it waits a while."""
        with self._changed:
            self._stopped = True
            self._item = None
            self._changed.notify()
        self._thread.join(_PATIENCE_S)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopped or self._item is not None)
                if self._stopped or self._item is None:
                    return
                item, self._item = self._item, None
            try:
                self._process(item)
            except Exception as error:
                self._on_error(error)
            # Not kept while waiting: an image is large, and what it refers to may have to go.
            del item
