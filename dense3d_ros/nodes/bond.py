"""The bond that nav2's lifecycle manager wants with each of its active nodes, to notice when one dies."""

from __future__ import annotations

from typing import Any

try:
    from bondpy import bondpy
except ImportError:  # not a dependency: who does not use nav2 has no use for it
    bondpy = None

TOPIC = "bond"
"""Relative to the node's namespace, as in nav2's own nodes; the bond's id is the node's name."""


class Bond:
    """A bond of `node` while it is started; nothing where `bondpy` is not installed."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._bond: Any = None

    def start(self) -> None:
        """Let a lifecycle manager hear that the node lives."""
        if bondpy is not None:
            self._bond = bondpy.Bond(self._node, TOPIC, self._node.get_name())
            self._bond.start()

    def stop(self) -> None:
        """Break the bond, so that the manager does not take it for a death."""
        if self._bond is not None:
            # bondpy destroys both behind the node's back, which would go on waiting for them.
            self._node.destroy_subscription(self._bond.sub)
            self._bond.shutdown()
            self._node.destroy_publisher(self._bond.pub)
            self._bond = None
