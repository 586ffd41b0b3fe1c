"""A fast runtime with eager float32 behind it, for paths that a machine's driver or memory may break."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from copy import deepcopy

from dense3d_ros.dense.regressor import DenseRegressor
from dense3d_ros.excerpt import excerpt
from dense3d_ros.geometry.crop import Crop
from dense3d_ros.runtime.interface import Outputs, Runtime, RuntimeUnavailableError, is_finite


class FallbackRuntime:
    """Runs `make(regressor)` until it fails for the first time, and `make_eager(regressor)` from then on.

    A failure is any exception, and any output that is not finite where eager's is. failure: one sentence, empty
    while there was none; it is logged as well. RuntimeUnavailableError is no failure: it says what a machine lacks.
    """

    def __init__(
        self,
        name: str,
        regressor: DenseRegressor,
        make: Callable[[DenseRegressor], Runtime],
        make_eager: Callable[[DenseRegressor], Runtime],
    ) -> None:
        self.failure = ""
        self._name = name
        self._eager = make_eager(deepcopy(regressor))
        self._fast: Runtime | None = None
        try:
            self._fast = make(regressor)
        except RuntimeUnavailableError:
            raise
        except Exception as error:
            self._fail(error)
        # As it is made for: after a later failure the regions' images are made for eager, which takes longer.
        self.crops_itself = self._fast is not None and self._fast.crops_itself

    def run(self, crops: Sequence[Crop]) -> Outputs:
        """See `Runtime.run`."""
        if self._fast is None:
            return self._eager.run(crops)
        try:
            outputs = self._fast.run(crops)
        except Exception as error:
            self._fail(error)
            return self._eager.run(crops)
        if not is_finite(outputs):
            certain = self._eager.run(crops)
            if is_finite(certain):
                self._fail(ArithmeticError("numbers that are not finite"))
            return certain
        return outputs

    def _fail(self, error: Exception) -> None:
        self._fast = None
        reason = excerpt(str(error).strip().partition("\n")[0] or type(error).__name__, 200)
        self.failure = f"{self._name} failed ({reason})"
        logging.getLogger(__name__).warning("Runtime %s; going on in torch, in float32", self.failure)
