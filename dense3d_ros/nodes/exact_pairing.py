"""Stands in for `message_filters` where that is not installed: messages of several topics with equal stamps.

The names are message_filters' own, so that either module can be used. See `pairing`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any


class Subscriber:
    """A subscription that passes its messages to registered callbacks, in the order of registration."""

    def __init__(self, node: Any, message: Any, topic: str, **options: Any) -> None:
        self._callbacks: list[Callable[[Any], None]] = []
        self.sub = node.create_subscription(message, topic, self._received, **options)

    def registerCallback(self, callback: Callable[[Any], None]) -> None:
        """Call `callback(message)` for every message."""
        self._callbacks.append(callback)

    def _received(self, message: Any) -> None:
        for callback in self._callbacks:
            callback(message)


class TimeSynchronizer:
    """Calls back with one message of each subscriber when all of one stamp are there.

    Of each subscriber at most `queue_size` messages wait, those with the latest stamps.
    """

    def __init__(self, subscribers: Sequence[Subscriber], queue_size: int) -> None:
        self._queue_size = queue_size
        self._callbacks: list[Callable[..., None]] = []
        self.queues: list[dict[int, Any]] = [{} for _ in subscribers]
        for subscriber, queue in zip(subscribers, self.queues, strict=True):
            subscriber.registerCallback(partial(self._add, queue))

    def registerCallback(self, callback: Callable[..., None]) -> None:
        """Call `callback(*messages)` for every complete set, messages in the order of the subscribers."""
        self._callbacks.append(callback)

    def _add(self, queue: dict[int, Any], message: Any) -> None:
        stamp = message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
        queue[stamp] = message
        if not all(stamp in other for other in self.queues):
            while len(queue) > self._queue_size:
                del queue[min(queue)]
            return
        messages = [other.pop(stamp) for other in self.queues]
        for callback in self._callbacks:
            callback(*messages)
