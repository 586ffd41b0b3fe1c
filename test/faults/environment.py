"""The environment of the campaign and the soak, set before rclpy is imported and inherited by the nodes."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CONFIG = Path(__file__).resolve().parents[2] / "config" / "fastdds.xml"


@contextmanager
def own_domain() -> Iterator[None]:
    """A domain that no other program of this machine uses, and logs in a folder that goes."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("AMENT_PREFIX_PATH", sys.prefix)
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    from domain_coordinator import domain_id

    from dense3d_ros.nodes.dds_profile import profile_variable

    os.environ[profile_variable()] = str(CONFIG)
    # Whoever ends this ends the nodes, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="dense3d_ros_log") as logs, domain_id() as number:
        os.environ["ROS_LOG_DIR"] = logs
        os.environ["ROS_DOMAIN_ID"] = str(number)
        yield
