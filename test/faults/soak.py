"""Hours of ordinary use: hands come and go at 60 Hz, cameras restart, the model's views change; nothing may grow."""

from __future__ import annotations

import argparse
import itertools
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dense3d_ros.perception.views import VIEWS

from .environment import own_domain
from .soak_report import Sample, Soak, faults, write_report

if TYPE_CHECKING:
    from node_processes import Client, NodeProcess

RATE = "60"
HAND_PERIOD_S = "9"
SAMPLE_S = 5.0
CAMERA_S, VIEWS_S = 45.0, 70.0
"""Between two restarts of the camera, and two changes of the model. Never together for long."""
MAX_AGE_S = 5.0
"""Beside other work, frames may wait."""


def main() -> int:
    """Run the soak; 0 if nothing grew and nothing ended."""
    parser = argparse.ArgumentParser(prog="python -m faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long (60)")
    parser.add_argument(
        "--views", nargs="+", type=int, choices=VIEWS, default=list(VIEWS), help="views that take turns (1 3)"
    )
    parser.add_argument("--runtime", default="auto", help="what the model runs in (auto)")
    parser.add_argument("--output", type=Path, default=Path("soak_output"), help="folder of the report (soak_output)")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    with own_domain(), ExitStack() as stack:
        soak = Soak(minutes=options.minutes, views=options.views, runtime=options.runtime)
        nodes = stack.enter_context(_nodes(options.views[0], options.runtime, options.output))
        try:
            _watch(soak, nodes, options.output)
        except KeyboardInterrupt:
            print("interrupted; the report holds what was done")
        finally:
            write_report(soak, options.output)
    for fault in faults(soak):
        print(f"FAULT: {fault}")
    print(f"{len(faults(soak))} faults: {options.output / 'soak.png'}")
    return 1 if faults(soak) else 0


@contextmanager
def _nodes(views: int, runtime: str, folder: Path) -> Iterator[NodeProcess]:
    from .areas import SHIPPED
    from .subject import start_nodes

    parameters = [f"views:={views}", f"runtime:={runtime}", f"max_age:={MAX_AGE_S}"]
    nodes = start_nodes((folder / "nodes.txt").resolve(), parameters, SHIPPED)
    try:
        yield nodes
    finally:
        nodes.stop()


def _watch(soak: Soak, nodes: NodeProcess, folder: Path) -> None:
    from node_processes import Client

    from .resources import resources

    client = Client("soak")
    camera = _camera(folder)
    endings = itertools.cycle([signal.SIGINT, signal.SIGKILL])
    turns = itertools.cycle([*soak.views[1:], soak.views[0]])
    try:
        client.until(lambda: client.hands, 300.0)
        started = time.monotonic()
        views = soak.views[0]
        sample, restart, change = (started + seconds for seconds in (0.0, CAMERA_S, VIEWS_S))
        while (now := time.monotonic()) < started + 60 * soak.minutes:
            if not nodes.running():
                soak.broken.append(f"the nodes ended with status {nodes.wait()}")
                return
            if now >= restart:
                camera.send(next(endings))
                camera.wait()
                camera, restart = _camera(folder), now + CAMERA_S
                soak.camera_restarts.append(now - started)
            if now >= change:
                views = next(turns)
                if problem := _change_views(client, views):
                    soak.broken.append(problem)
                    return
                change = time.monotonic() + VIEWS_S
                soak.model_changes.append(now - started)
            if now >= sample:
                held = resources(nodes.pid)
                hands = sum(bool(message.hands) for message in client.hands)
                soak.samples.append(Sample(now - started, views, held, len(client.hands), hands))
                for heard in (client.hands, client.joints, client.markers, client.diagnostics):
                    heard.clear()
                sample = now + SAMPLE_S
            client.spin(0.5)
    finally:
        camera.kill()
        client.close()


def _change_views(client: Client, views: int) -> str:
    """As a user does it; what went wrong, or ""."""
    try:
        for transition in ("deactivate", "cleanup"):
            if not client.change_state(transition):
                return f"{transition} was refused"
        if not client.set_parameter("/hand_model", "views", views).successful:
            return f"views {views} was refused"
        for transition in ("configure", "activate"):
            if not client.change_state(transition):
                return f"{transition} with views {views} was refused"
    except AssertionError as error:
        return str(error)
    return ""


def _camera(folder: Path) -> NodeProcess:
    from node_processes import NodeProcess

    from .peers import CAMERA_PROCESS

    return NodeProcess([CAMERA_PROCESS, "", RATE, "rendered", HAND_PERIOD_S], (folder / "camera.txt").resolve())


if __name__ == "__main__":
    sys.exit(main())
