"""`hand_model`: the lifecycle node that owns the model."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeAlias

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.task import Future

from dense3d_ros.excerpt import excerpt
from dense3d_ros.nodes.allocator import give_back_freed_memory
from dense3d_ros.nodes.bond import Bond
from dense3d_ros.nodes.diagnostics import LONGEST_SENTENCE, traceback_text
from dense3d_ros.nodes.model_slot import ModelSlot
from dense3d_ros.nodes.parameters import NodeParameters
from dense3d_ros.nodes.process import steady_clock
from dense3d_ros.nodes.settings import HandModelSettings
from dense3d_ros.perception.model import HandModel, load_model

SUCCESS = TransitionCallbackReturn.SUCCESS
FAILURE = TransitionCallbackReturn.FAILURE
ERROR = TransitionCallbackReturn.ERROR
PATIENCE_S = 5.0
"""How long a transition may take to end when the node is destroyed."""

LoadModel: TypeAlias = Callable[[str, str, str, int], HandModel]


class HandModelNode(LifecycleNode):  # type: ignore[misc]
    """Configure reads, checks, builds and warms up the model; cleanup frees its memory.

    Activate puts it into the slot, deactivate takes it out. Transitions run on a thread, one at a time, because
    loading takes seconds: the executor goes on meanwhile, and the service answers when the transition is done.

    `load(name_or_path, device, runtime, views)` makes a model, or raises ValueError with a sentence for the user.
    """

    def __init__(self, slot: ModelSlot, load: LoadModel = load_model, **options: Any) -> None:
        super().__init__("hand_model", **options)
        self._slot = slot
        self._load = load
        self._model: HandModel | None = None
        self._bond = Bond(self)
        self._breaking_bond: Any = None
        self._configuration = NodeParameters(self, HandModelSettings())
        self._changing_state = threading.Lock()
        self._change_state_on_a_thread()
        if self._configuration.settings.autostart:
            # From the executor, so that the services answer and the transitions are published.
            self._start = self.create_timer(0.0, self._autostart, clock=steady_clock())

    def destroy_node(self) -> None:
        """Let a transition end, then destroy the node."""
        if self._changing_state.acquire(timeout=PATIENCE_S):
            self._changing_state.release()
        self._bond.stop()
        super().destroy_node()

    @property
    def has_hand_state(self) -> bool:
        """Whether each camera has a hand_state in this process."""
        return self._configuration.settings.hand_state

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
        return self._logged("activate", self._activate, lambda: super(HandModelNode, self).on_activate(state))

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take the model away; when this returns, nobody uses it any more."""
        return self._logged("deactivate", self._deactivate, lambda: super(HandModelNode, self).on_deactivate(state))

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
        self._slot.loading(settings.model)
        try:
            if settings.runtime == "compiled":
                self.get_logger().info("Compiling the network, which takes minutes")
            model = self._load(settings.model, settings.device, settings.runtime, settings.views)
            model.warm_up()
        except ValueError as error:
            self._slot.failed(str(error))
            raise
        except Exception as error:
            self._slot.failed(f"unexpected {type(error).__name__}, see the log: {error}")
            raise
        self._slot.loaded()
        self._model = model
        seconds = time.monotonic() - started
        self.get_logger().info(
            f"Model '{model.description.name}', views {model.views}, is ready on {model.device} after {seconds:.1f} s, "
            f"run by {model.runtime} ({model.runtime_reason})"
        )
        if doubt := model.calibration_doubt:
            self.get_logger().warning(doubt)

    def _activate(self) -> None:
        self._slot.change(self._model)
        self._bond.start()

    def _deactivate(self) -> None:
        # Not on this thread: rclpy raises where it is about to wait for what another thread destroys.
        if self.executor is not None:
            self._breaking_bond = self.executor.create_task(self._bond.stop)
        self._slot.change(None)

    def _release(self) -> None:
        self._deactivate()
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
            self.get_logger().error(f"Cannot {transition}: {excerpt(error, LONGEST_SENTENCE)}")
            return FAILURE
        except Exception as error:
            self.get_logger().error(f"Unexpected error in {transition}:\n{traceback_text(error)}")
            return ERROR
        return base()

    def _autostart(self) -> None:
        self._start.cancel()

        def configure_and_activate() -> None:
            if self.trigger_configure() == SUCCESS:
                self.trigger_activate()

        self._in_thread(configure_and_activate)

    def _change_state_on_a_thread(self) -> None:
        service = self._service_change_state
        change_state = service.callback

        async def answer(request: Any, response: Any) -> Any:
            executor = self.executor
            assert executor is not None
            done: Any = Future(executor=executor)

            def change() -> None:
                # rclpy logs labels that it does not know.
                request.transition.label = excerpt(request.transition.label)
                try:
                    change_state(request, response)
                except Exception as error:
                    # On a transition that the state does not allow, Jazzy's rclpy raises and sends no reply.
                    response.success = False
                    if self.context.ok():
                        self.get_logger().error(f"Transition refused: {error}")
                finally:
                    done.set_result(response)
                    executor.wake()

            self._in_thread(change)
            await done
            if self._breaking_bond is not None:
                await self._breaking_bond
            return response

        service.callback = answer
        # In the node's own group, no other callback would run before the answer.
        service.callback_group = MutuallyExclusiveCallbackGroup()
        service.callback_group.add_entity(service)

    def _in_thread(self, transition: Callable[[], None]) -> None:
        def run() -> None:
            with self._changing_state:
                try:
                    transition()
                except Exception as error:
                    # After an interrupt rclpy cannot complete a transition.
                    if self.context.ok():
                        self.get_logger().error(traceback_text(error))

        threading.Thread(target=run, name="transition", daemon=True).start()
