"""Keeps a process spinning whatever its callbacks raise, and answers the clients of services that fail."""

from __future__ import annotations

import inspect
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from dense3d_ros.excerpt import excerpt
from dense3d_ros.nodes.diagnostics import LOG_AGAIN_S

_LONGEST_TEXT = 300
"""Characters of an error's words."""
_FRAMES = 4
"""Of a traceback that are named, the innermost ones."""


class FatalError(Exception):
    """Raised in a callback to end the process with status 1 and this sentence in the log."""


class Faults:
    """Logs unexpected exceptions in one line each, those of one kind at most every ten seconds.

    One kind are those of one type from one line of code.
    """

    def __init__(self, logger: Any) -> None:
        self._logger = logger
        self._logged: dict[tuple[str, str], float] = {}

    def report(self, error: Exception, where: str) -> None:
        """What was raised `where`, such as "in service /hand_model/change_state"."""
        places = [
            f"{Path(frame.filename).name}:{frame.lineno} ({frame.name})"
            for frame in traceback.extract_tb(error.__traceback__)[: -_FRAMES - 1 : -1]
        ]
        kind = type(error).__name__, places[0] if places else where
        now = time.monotonic()
        if now - self._logged.get(kind, -LOG_AGAIN_S) < LOG_AGAIN_S:
            return
        self._logged[kind] = now
        self._logger.error(f"{kind[0]} {where}: {_words(error)}; raised at {', '.join(places)}")


def spin(executor: SingleThreadedExecutor, ended: Callable[[], bool], faults: Faults) -> None:
    """Execute callbacks until `ended()` is true after one of them, or the context is shut down.

    Only a FatalError gets out.
    """
    while executor.context.ok() and not ended():
        try:
            executor.spin_once()
        except ExternalShutdownException:
            return
        except FatalError:
            raise
        except Exception as error:
            faults.report(error, "in a callback")
            # What fails for good must not keep the core busy.
            time.sleep(0.001)


def answer_failures(node: Node, faults: Faults) -> None:
    """Make every service of `node` answer, refusing, where its callback raises: rclpy sends nothing then.

    An unknown parameter type, or on Jazzy a transition that the state does not allow, is such a case.
    """
    for service in list(node.services):
        where = f"in service {node.resolve_service_name(service.srv_name)}"
        service.callback = _answering(service, partial(faults.report, where=where))


def _answering(service: Any, report: Callable[[Exception], None]) -> Callable[..., Any]:
    callback = service.callback
    if inspect.iscoroutinefunction(callback):

        async def answer_later(request: Any, response: Any) -> Any:
            try:
                return await callback(request, response)
            except Exception as error:
                report(error)
                return _refusal(service.srv_type, error)

        return answer_later

    def answer(request: Any, response: Any) -> Any:
        try:
            return callback(request, response)
        except Exception as error:
            report(error)
            return _refusal(service.srv_type, error)

    if service.srv_type is not SetParameters:
        return answer

    def set_one_by_one(request: Any, response: Any) -> Any:
        # The others of the request are set, and the client learns which one was refused.
        for parameter in request.parameters:
            one = answer(SetParameters.Request(parameters=[parameter]), SetParameters.Response())
            response.results.append(one.results[0])
        return response

    return set_one_by_one


def _refusal(kind: Any, error: Exception) -> Any:
    """A response that says no where it can say anything."""
    result = SetParametersResult(successful=False, reason=_words(error))
    if kind is SetParameters:
        return SetParameters.Response(results=[result])
    if kind is SetParametersAtomically:
        return SetParametersAtomically.Response(result=result)
    return kind.Response()


def _words(error: Exception) -> str:
    return excerpt(" ".join(str(error).split()), _LONGEST_TEXT)
