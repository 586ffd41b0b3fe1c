"""`dense3d watch`: its sentences one by one, and an inspection of real nodes over real DDS."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dense3d_ros import cli
from dense3d_ros.nodes.watch_findings import findings, launch_line
from dense3d_ros.nodes.watch_seen import DepthSeen, HandPoseSeen, InfoSeen, Said, Seen, Taken
from dense3d_ros.nodes.watch_table import table

INFO = InfoSeen("/cam/depth/camera_info", 150, 30.0, (475.0, 475.0), pairs=140)
DEPTH = DepthSeen("/cam/depth/image", ("/cam",), "reliable", 150, 30.0, "16UC1", 640, 480, "optical", 0.01, info=INFO)
NODE = HandPoseSeen("/hand_pose", DEPTH.name, INFO.name, ok=True, diagnostic="1 in the last frame")
SEEN = Seen(5.0, (DEPTH,), hand_poses=(NODE,), models={"/hand_model": "active"}, place="ROS_DOMAIN_ID 7")


def test_nothing_is_wrong_where_all_is_well() -> None:
    assert findings(SEEN) == []


@pytest.mark.parametrize("change", [{"rate": 0.0}, {"stamped": False}])
def test_camera_infos_that_come_once_or_without_stamp_are_kept(change: dict[str, object]) -> None:
    info = replace(INFO, pairs=0, gap=9.0, **change)  # type: ignore[arg-type]
    assert findings(replace(SEEN, depth=(replace(DEPTH, info=info),))) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"messages": 0},
            "/cam/depth/image is published by /cam, but no message came in 5 s, while 150 camera infos came on "
            "/cam/depth/camera_info; with Fast DDS",
        ),
        ({"messages": 0, "info": None}, "but no message came in 5 s: is the camera plugged in?"),
        ({"fault": "encoding 'rgb8' is no depth encoding"}, "/cam/depth/image cannot be read: encoding 'rgb8' is no"),
        ({"stamped": False}, "the stamps of /cam/depth/image are 0"),
        ({"age": 3 * 86400.0}, "are 3 days old: play a bag with --clock, and start hand_pose with use_sim_time:=true"),
        ({"age": 1.25}, "images of /cam/depth/image are 1.25 s old when they come, and hand_pose refuses those older"),
        ({"age": -2.0}, "stamps of /cam/depth/image lie 2.00 s in the future: the camera's clock is ahead"),
        ({"far": 0.0, "near": 0.0}, "/cam/depth/image measures nothing: all values are 0 or no number"),
        ({"near": 120.0, "far": 900.0}, "shows things from 120 to 900 m as 16UC1"),
        ({"near": 0.0004, "far": 0.002}, "set hand_pose's depth_unit to what the camera's values count"),
        (
            {"near": 4.6, "far": 12.4},
            "count, such as 0.0001 or 0.000125 (then they are 0.46 or 0.57 m away; see the camera's "
            "documentation), unless nothing is before the",
        ),
        ({"rate": 3.0}, "/cam/depth/image comes 3.0 times a second only; 5 are needed"),
        (
            {"rate": 12.0},
            "of /cam/depth/image 12.0 images a second arrive, of its camera info 30.0; with Fast DDS",
        ),
        ({"info": None}, "/cam/depth/image has no camera info beside it (sensor_msgs/msg/CameraInfo)"),
        ({"info": replace(INFO, messages=0)}, "no camera info came on /cam/depth/camera_info"),
        (
            {"info": replace(INFO, fault="it describes 1280x720 pixels")},
            "the camera info on /cam/depth/camera_info does not fit /cam/depth/image: it describes 1280x720 pixels",
        ),
        (
            {"info": replace(INFO, doubt="these intrinsics are unusual")},
            "camera info on /cam/depth/camera_info: these intrinsics are unusual",
        ),
        (
            {"info": replace(INFO, pairs=0, gap=0.0031)},
            "the nearest are 3.1 ms apart; if they belong together, set hand_pose's sync_slop to 0.0046",
        ),
    ],
)
def test_what_is_wrong_with_a_depth_topic(change: dict[str, object], sentence: str) -> None:
    (found,) = findings(replace(SEEN, depth=(replace(DEPTH, **change),)))  # type: ignore[arg-type]
    assert sentence in found


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        ({"stamped": False, "age": 1.8e9}, Taken(max_age=0.0)),
        ({"age": 3 * 86400.0}, Taken(max_age=0.0)),
        ({"age": 1.25}, Taken(max_age=0.0)),
        ({"age": 1.25}, Taken(max_age=2.0)),
        ({"info": replace(INFO, pairs=0, gap=0.004)}, Taken(sync_slop=0.006)),
    ],
)
def test_what_hand_pose_is_set_to_take_is_no_fault(change: dict[str, object], taken: Taken) -> None:
    depth = replace(DEPTH, **change)  # type: ignore[arg-type]
    assert findings(replace(SEEN, depth=(replace(depth, taken=taken),))) == []
    assert len(findings(replace(SEEN, depth=(depth,)))) == 1


def test_a_unit_by_which_hands_were_found_is_no_fault() -> None:
    assert findings(replace(SEEN, depth=(replace(DEPTH, near=4.6, far=12.4, has_hands=True),))) == []


def test_images_that_come_more_rarely_but_evenly_are_not_lost() -> None:
    for rate in (12.0, 4.98):
        assert findings(replace(SEEN, depth=(replace(DEPTH, rate=rate, is_even=True),))) == []
    (found,) = findings(replace(SEEN, depth=(replace(DEPTH, rate=3.0, is_even=True),)))
    assert found == "/cam/depth/image comes 3.0 times a second only; 5 are needed to follow a hand"


@pytest.mark.parametrize("rate", [0.6, 12.0])
def test_a_loss_is_told_once(rate: float) -> None:
    says = replace(NODE, ok=False, condition="lost images", diagnostic="of /cam/depth/image 0.6 images a second arrive")
    (found,) = findings(replace(SEEN, depth=(replace(DEPTH, rate=rate),), hand_poses=(says,)))
    assert "with Fast DDS" in found
    (alone,) = findings(replace(SEEN, hand_poses=(says,)))
    assert alone == "/hand_pose says: of /cam/depth/image 0.6 images a second arrive"


def test_the_limit_is_that_of_the_node() -> None:
    for taken, limit in ((Taken(), "0.5 s unless set otherwise"), (Taken(max_age=1.0, told=True), "1 s")):
        (found,) = findings(replace(SEEN, depth=(replace(DEPTH, age=1.25, taken=taken),)))
        assert f"refuses those older than max_age ({limit}): is the camera's clock behind" in found
    (unstamped,) = findings(replace(SEEN, depth=(replace(DEPTH, stamped=False),)))
    # ROS refuses an integer.
    assert unstamped.endswith("set its max_age to 0.0")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kinds": ("sensor_msgs/msg/CompressedImage",)}, "but it is published as sensor_msgs/msg/CompressedImage"),
        ({"misfit": "reliability"}, "do not fit (reliability); set its parameter qos_overrides./cam/depth/image.subsc"),
        (
            {"info_topic": "/other/camera_info"},
            "takes its camera info from /other/camera_info; beside its depth is",
        ),
        ({"ok": None}, "/hand_pose sent no diagnostics"),
        ({"ok": False, "diagnostic": "no frame for 3.0 s"}, "/hand_pose says: no frame for 3.0 s"),
        (
            {"depth_topic": "/depth", "kinds": ()},
            "/hand_pose waits for /depth, which nobody publishes; use: ros2 launch dense3d_ros hand.launch.py "
            "depth:=/cam/depth/image camera_info:=/cam/depth/camera_info",
        ),
    ],
)
def test_what_is_wrong_with_hand_pose(change: dict[str, object], sentence: str) -> None:
    (found,) = findings(replace(SEEN, hand_poses=(replace(NODE, **change),)))  # type: ignore[arg-type]
    assert sentence in found


@pytest.mark.parametrize(
    ("change", "condition"),
    [
        ({"age": 1.25}, "too old"),
        ({"age": -2.0}, "camera clock"),
        ({"fault": "encoding 'rgb8' is no depth encoding"}, "depth image"),
        ({"near": 4.6, "far": 12.4}, "depth unit"),
        ({"rate": 3.0}, "no frames"),
        ({"rate": 12.0}, "no frames"),
        ({"info": replace(INFO, fault="it describes 1280x720 pixels")}, "camera info"),
        ({"info": replace(INFO, pairs=0, gap=0.0031)}, "no frames"),
    ],
)
def test_what_is_known_is_not_said_again(change: dict[str, object], condition: str) -> None:
    depth = replace(DEPTH, **change)  # type: ignore[arg-type]
    node = replace(NODE, ok=False, diagnostic="it does not go", condition=condition)
    (found,) = findings(replace(SEEN, depth=(depth,), hand_poses=(node,)))
    assert "says" not in found
    other = replace(node, condition="network output")
    assert findings(replace(SEEN, depth=(depth,), hand_poses=(other,)))[1] == "/hand_pose says: it does not go"


def test_what_is_known_of_one_camera_does_not_explain_another() -> None:
    second = replace(DEPTH, name="/second")
    nodes = [replace(NODE, ok=False, condition="too old", depth_topic=name) for name in (DEPTH.name, "/second")]
    nodes[1] = replace(nodes[1], name="/second/hand_pose", diagnostic="frames are 2 s old")
    old, second_old = findings(replace(SEEN, depth=(replace(DEPTH, age=1.25), second), hand_poses=tuple(nodes)))
    assert "are 1.25 s old" in old
    assert second_old == "/second/hand_pose says: frames are 2 s old"


def test_a_model_that_is_not_active_is_said_once_and_why_it_failed_too() -> None:
    node = replace(NODE, ok=False, diagnostic="no active model", condition="no model")
    seen = replace(SEEN, hand_poses=(node,), models={"/hand_model": "unconfigured"})
    assert len(findings(seen)) == 1
    failed = replace(node, diagnostic="no model: x is not there", condition="failed model")
    assert findings(replace(seen, hand_poses=(failed,)))[0] == "/hand_pose says: no model: x is not there"


def test_what_waits_for_a_camera_is_said_once() -> None:
    node = replace(NODE, kinds=(), ok=False, diagnostic="no frame for 3.0 s", condition="no frames")
    waits = Said("/hand_state", False, "no message on /hand_pose/hands for 3.0 s", "no messages")
    (nothing,) = findings(replace(SEEN, depth=(), hand_poses=(node,), said=(waits,)))
    assert nothing.startswith("nobody publishes depth images")


def test_what_nodes_behind_hand_pose_say_is_found() -> None:
    transform = Said("/hand_state", False, "there is no transform of the frame 'arm'", "transform")
    waits = Said("/hand_retarget", False, "no message on /hand_state/hands yet", "no messages")
    good = Said("/second/hand_state", True, "idle: nobody subscribes", "idle")
    seen = replace(SEEN, said=(transform, waits, good))
    assert findings(seen) == [
        "/hand_state says: there is no transform of the frame 'arm'",
        "/hand_retarget says: no message on /hand_state/hands yet",
    ]
    assert "  says          idle: nobody subscribes" in table(seen).splitlines()


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("inactive", "/hand_model is inactive, so no hands are published; `ros2 lifecycle set /hand_model activate`"),
        ("unconfigured", "`ros2 lifecycle set /hand_model configure`"),
        ("", "/hand_model does not answer what state it is in"),
    ],
)
def test_what_is_wrong_with_the_model(state: str, sentence: str) -> None:
    (found,) = findings(replace(SEEN, models={"/hand_model": state}))
    assert sentence in found


def test_where_nothing_is_published_the_place_is_told() -> None:
    nothing, no_node = findings(
        Seen(5.0, others=("/rgb",), compressed=("/d/compressedDepth",), place="ROS_DOMAIN_ID 7")
    )
    assert (
        "nobody publishes depth images as sensor_msgs/msg/Image; other images: /rgb; compressed: /d/compressed"
        in nothing
    )
    assert "Here: ROS_DOMAIN_ID 7" in nothing
    assert no_node == "no hand_pose runs; start it with: ros2 launch dense3d_ros hand.launch.py"


def test_only_topics_that_matter_are_judged() -> None:
    colour = replace(DEPTH, name="/depth_registered/colour", fault="encoding 'rgb8' is no depth encoding")
    assert findings(replace(SEEN, depth=(colour, DEPTH))) == []
    (found,) = findings(replace(SEEN, depth=(colour, DEPTH), hand_poses=()))
    assert found.startswith("no hand_pose runs")
    assert f"depth:={DEPTH.name}" in launch_line(replace(SEEN, depth=(colour, DEPTH)))


def test_compressed_depth_is_started_by_its_images_topic() -> None:
    name = f"{DEPTH.name}/compressedDepth"
    packed = replace(DEPTH, name=name, encoding="16UC1; compressedDepth png")
    compressed = "sensor_msgs/msg/CompressedImage"
    node = replace(NODE, depth_topic=name, kind=compressed, kinds=(compressed,))
    seen = replace(SEEN, depth=(packed,), compressed=(name,), hand_poses=(node,))
    assert findings(seen) == []
    assert findings(replace(seen, hand_poses=())) == [
        "no hand_pose runs; start it with: ros2 launch dense3d_ros hand.launch.py depth:=/cam/depth/image "
        "transport:=compressedDepth camera_info:=/cam/depth/camera_info"
    ]
    (found,) = findings(replace(seen, hand_poses=(replace(node, kinds=("sensor_msgs/msg/Image",)),)))
    assert "as sensor_msgs/msg/CompressedImage, but it is published as sensor_msgs/msg/Image" in found


def test_the_table_fits_a_terminal() -> None:
    lines = table(SEEN).splitlines()
    assert max(map(len, lines)) <= 100
    for shown in ("640x480 16UC1, 30.0 Hz", "f = 475.0, 475.0 pixels", "10 ms", "0.50 to 1.00 m", "active"):
        assert any(shown in line for line in lines)


def test_seconds_out_of_range_are_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["watch", "--seconds", "0"]) == 2
    assert "--seconds must be 0.5 to 3600, got 0" in capsys.readouterr().err


def test_a_live_system_is_watched(tmp_path: Path) -> None:
    """Our nodes on a camera as it should be, and beside it one whose clock is ahead and whose info does not fit."""
    pytest.importorskip("rclpy", reason="ROS 2 is not installed")
    from builtin_interfaces.msg import Time
    from node_processes import Client, NodeProcess, Source, depth_message, info_message
    from node_rigid_model import CAMERA, scene

    from dense3d_ros.nodes.watcher import watch

    script = str(Path(__file__).parents[1] / "node_rigid_model.py")
    client = Client("test_watch")
    sources = [Source(client, f"/{name}/depth/image", f"/{name}/depth/camera_info") for name in ("cam", "odd")]
    metres = scene((0.0, 0.0, 0.5))[0]
    stop = threading.Event()

    def publish() -> None:
        while not stop.wait(0.05):
            now = client.now()
            image = depth_message(metres, now)
            sources[0].publish(image, info_message(image, CAMERA))
            image.header.stamp = Time(sec=now.sec + 5, nanosec=now.nanosec)
            sources[1].publish(image, info_message(image, replace(CAMERA, width=1280)))

    remaps = ["-r", f"depth:={DEPTH.name}", "-r", f"camera_info:={INFO.name}"]
    arguments = ["--ros-args", "-p", "model:=rigid", "-p", "max_age:=5.0", *remaps]
    process = NodeProcess([script, *arguments], tmp_path / "node" / "log.txt")
    thread = threading.Thread(target=publish)
    thread.start()
    try:
        assert client.until(lambda: client.hands), process.output()
        begun = time.monotonic()
        seen = watch(2.0)
        # It listens while it looks around.
        assert time.monotonic() - begun < 5.0
    finally:
        stop.set()
        thread.join()
        process.stop()
        client.close()
    assert findings(seen) == [], table(seen)
    good, odd = seen.depth
    assert (good.name, good.publishers, good.reliability) == (DEPTH.name, ("/test_watch",), "reliable")
    assert (good.encoding, good.width, good.height, good.frame_id) == ("16UC1", 320, 240, "test_optical_frame")
    assert 5 < good.rate < 21
    assert -0.01 < good.age < 1.0
    assert good.near == pytest.approx(np.percentile(metres[metres > 0], 2), abs=0.01)
    assert good.info is not None
    assert good.info.pairs > 10
    assert good.info.focal_length == (CAMERA.fx, CAMERA.fy)
    assert [(node.depth_topic, node.info_topic) for node in seen.hand_poses] == [(DEPTH.name, INFO.name)]
    assert seen.hand_poses[0].diagnostic == "1 in the last frame"
    assert seen.models == {"/hand_model": "active"}
    ahead, unfit, _ = findings(replace(seen, depth=(odd,), hand_poses=()))
    assert re.match(r"stamps of /odd/depth/image lie [45]\.\d\d s in the future", ahead)
    assert "on /odd/depth/camera_info does not fit /odd/depth/image: it describes 1280x240 pixels" in unfit
