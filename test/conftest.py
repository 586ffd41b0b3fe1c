"""The environment of all tests, set before rclpy or torch is imported and inherited by child processes."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

_cleanup = ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    # A run in the background ignores Ctrl-C, and so would the processes whose interruption is tested.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Tests share a machine with other work, and with the node processes that they start.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    os.environ["ROS_LOG_DIR"] = _cleanup.enter_context(tempfile.TemporaryDirectory(prefix="dense3d_ros_log"))
    # The ROS 2 wheels are found under the environment's prefix; an installation has set this already.
    os.environ.setdefault("AMENT_PREFIX_PATH", sys.prefix)
    profile = str(Path(__file__).resolve().parents[1] / "config" / "fastdds.xml")
    try:
        from domain_coordinator import domain_id

        from dense3d_ros.nodes.dds_profile import profile_variable
    except ImportError:
        return  # no ROS here: the tests that need it skip
    os.environ[profile_variable()] = profile
    # Reserved until this process ends, so that test runs side by side do not hear each other.
    os.environ["ROS_DOMAIN_ID"] = str(_cleanup.enter_context(domain_id()))


def pytest_unconfigure(config: pytest.Config) -> None:
    _cleanup.close()
