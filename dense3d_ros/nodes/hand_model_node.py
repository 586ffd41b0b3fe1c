"""`hand_model`: the lifecycle node that owns the model."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from typing import Any, TypeAlias

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from dense3d_ros.nodes.allocator import give_back_freed_memory
from dense3d_ros.nodes.model_slot import ModelSlot
from dense3d_ros.nodes.parameters import HandModelSettings, NodeParameters
from dense3d_ros.nodes.process import steady_clock
from dense3d_ros.perception.model import HandModel, load_model

SUCCESS = TransitionCallbackReturn.SUCCESS
FAILURE = TransitionCallbackReturn.FAILURE
ERROR = TransitionCallbackReturn.ERROR

LoadModel: TypeAlias = Callable[[str, str, str], HandModel]


class HandModelNode(LifecycleNode):  # type: ignore[misc]
    """Configure reads, checks, builds and warms up the model; cleanup frees its memory.

    Activate puts it into the slot, deactivate takes it out.

    `load(name_or_path, device, runtime)` makes a model, or raises ValueError with a sentence for the user.
    """

    def __init__(self, slot: ModelSlot, load: LoadModel = load_model, **options: Any) -> None:
        super().__init__("hand_model", **options)
        self._slot = slot
        self._load = load
        self._model: HandModel | None = None
        self._configuration = NodeParameters(self, HandModelSettings())
        if self._configuration.settings.autostart:
            # From the executor, so that the services answer and the transitions are published.
            self._start = self.create_timer(0.0, self._autostart, clock=steady_clock())

    @property
    def cameras(self) -> list[str]:
        """The namespaces that are to have a perception node, absolute; "" for this node's own."""
        base = self.get_namespace().rstrip("/")
        return [
            f"{base}/{name}" if name[:1] not in ("", "/") else name for name in self._configuration.settings.cameras
        ]

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model that the parameters name."""
        return self._logged("configure", self._configure, lambda: super(HandModelNode, self).on_configure(state))

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Make the model available."""
        return self._logged(
            "activate",
            lambda: self._slot.change(self._model),
            lambda: super(HandModelNode, self).on_activate(state),
        )

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take the model away; when this returns, nobody uses it any more."""
        return self._logged(
            "deactivate",
            lambda: self._slot.change(None),
            lambda: super(HandModelNode, self).on_deactivate(state),
        )

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the model's memory."""
        return self._logged("cleanup", self._release, lambda: super(HandModelNode, self).on_cleanup(state))

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From any state: take the model away and free its memory."""
        return self._logged("shutdown", self._release, lambda: super(HandModelNode, self).on_shutdown(state))

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """After an unexpected exception: back to unconfigured, without a model."""
        return self._logged("error", self._release, lambda: super(HandModelNode, self).on_error(state))

    def _configure(self) -> None:
        settings = self._configuration.settings
        started = time.monotonic()
        if settings.runtime == "compiled":
            self.get_logger().info("Compiling the network, which takes minutes")
        model = self._load(settings.model, settings.device, settings.runtime)
        model.warm_up()
        self._model = model
        seconds = time.monotonic() - started
        self.get_logger().info(
            f"Model '{model.description.name}' is ready on {model.device} after {seconds:.1f} s, "
            f"run by {model.runtime} ({model.runtime_reason})"
        )

    def _release(self) -> None:
        self._slot.change(None)
        self._model = None
        give_back_freed_memory()

    def _logged(
        self, transition: str, work: Callable[[], None], base: Callable[[], TransitionCallbackReturn]
    ) -> TransitionCallbackReturn:
        """Do `work`, then what the base class does. rclpy swallows exceptions, so they are logged here.

        A ValueError says what the user has to change: the transition fails and the state stays. Anything else
        is an error, which ends in on_error.
        """
        try:
            work()
        except ValueError as error:
            self.get_logger().error(f"Cannot {transition}: {error}")
            return FAILURE
        except Exception:
            self.get_logger().error(f"Unexpected error in {transition}:\n{traceback.format_exc()}")
            return ERROR
        return base()

    def _autostart(self) -> None:
        self._start.cancel()
        if self.trigger_configure() == SUCCESS:
            self.trigger_activate()
