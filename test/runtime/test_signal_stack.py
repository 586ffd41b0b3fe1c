"""A signal after an OpenVINO model was dropped is handled; in a process of its own, since a failure ends it."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import gc, os, signal, time
from dense3d_ros.perception.model import load_model
signal.signal(signal.SIGUSR1, lambda *_: print("handled", flush=True))
for _ in range(3):
    model = load_model("hand", "cpu", "openvino")
    model.warm_up()
    del model
    gc.collect()
    os.kill(os.getpid(), signal.SIGUSR1)
    time.sleep(0.05)
"""


def test_a_signal_after_a_model_was_dropped() -> None:
    pytest.importorskip("openvino")
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=120)
    assert (result.returncode, result.stdout) == (0, "handled\n" * 3), result.stderr
