"""`hand_state` as its own process over real DDS: what it sends while a hand is followed, held and lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 here: neither an installation is sourced nor are the wheels installed")

from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseArray, PoseStamped
from node_processes import Client, NodeProcess
from rclpy.qos import QoSProfile
from rendered_hands import gesture, hand_pose
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from dense3d_ros.geometry.hand import Handedness, HandPose
from dense3d_ros.geometry.rotation import quaternion
from dense3d_ros.hand_state.conventions import JOINT_CONVENTIONS, convention_poses
from dense3d_ros.hand_state.frames import hand_frames
from dense3d_ros.msg import HandGrasp, HandPoseArray
from dense3d_ros.nodes.messages import HandMessages

RIGHT, LEFT = Handedness.RIGHT, Handedness.LEFT
SCRIPT = str(Path(__file__).parents[2] / "scripts" / "hand_state")


class Person:
    """Publishes hands and keeps what the node says of them."""

    def __init__(self, client: Client) -> None:
        self.client, self.time = client, 100.0
        self.received: dict[str, list[Any]] = {}
        self._publisher = client.node.create_publisher(HandPoseArray, "/hand_pose/hands", QoSProfile(depth=20))
        for handedness in ("left", "right"):
            for topic in ("wrist", "palm", "pinch", "power_grasp"):
                self._collect(PoseStamped, f"{handedness}/{topic}")
            self._collect(HandGrasp, f"{handedness}/grasp")
            self._collect(JointState, f"{handedness}/angles")
        self._collect(HandPoseArray, "hands")
        self._topics = [name for name in self.received if name != "hands"]

    def _collect(self, message: Any, topic: str) -> None:
        self.received[topic] = []
        client = self.client
        subscription = client.collect(message, f"/hand_state/{topic}", self.received[topic])
        assert client.until(lambda: client.node.count_publishers(subscription.topic_name))

    def ready(self) -> bool:
        return self._publisher.get_subscription_count() > 0

    def show(
        self,
        *hands: HandPose,
        after: float = 1 / 30,
        message: Any = None,
        others_follow: float = 0.1,
        is_stamped: bool = True,
    ) -> Header:
        """One message; waits for the smoothed hands that answer it, then seconds for other topics. Its header."""
        self.time += after
        stamp = Time(sec=int(self.time), nanosec=round(self.time % 1 * 1e9)) if is_stamped else Time()
        header = Header(stamp=stamp, frame_id="optical")
        answers = self.received["hands"]
        count = len(answers)
        message = message or HandMessages().hands(header, hands, "test")
        message.header = header
        self._publisher.publish(message)
        assert self.client.until(lambda: len(answers) > count)
        self.client.spin(others_follow)
        return header


def values(client: Client) -> dict[str, str]:
    """The values of the node's next diagnostics."""

    def told() -> list[dict[str, str]]:
        statuses = [status for message in client.diagnostics for status in message.status]
        own = [status for status in statuses if status.name == "hand_state: state"]
        return [{value.key: value.value for value in status.values} for status in own]

    client.diagnostics.clear()
    assert client.until(told)
    return told()[-1]


def counted(client: Client, what: str) -> int:
    """What the node's next diagnostics count."""
    return int(values(client)[what])


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    client = Client("test_hand_state")
    yield client
    client.close()


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    process = NodeProcess([SCRIPT], tmp_path_factory.mktemp("state") / "log.txt")
    yield process
    process.kill()


@pytest.fixture(scope="module")
def person(client: Client, process: NodeProcess) -> Person:
    person = Person(client)
    assert client.until(person.ready), process.output()
    client.spin(0.5)
    return person


@pytest.fixture(autouse=True)
def nothing_heard(person: Person) -> None:
    """Each test begins with both hands lost and nothing received."""
    person.show(after=5.0)
    for messages in person.received.values():
        messages.clear()


def test_a_hand_gives_poses_grasp_angles_and_smoothed_joints(person: Person) -> None:
    joints = gesture("pinch_i")
    header = person.show(hand_pose(joints))
    expected = hand_frames(joints, RIGHT)
    for topic, frame in (("wrist", "wrist"), ("palm", "palm"), ("pinch", "pinch"), ("power_grasp", "grasp")):
        (message,) = person.received[f"right/{topic}"]
        assert message.header == header
        position, orientation = message.pose.position, message.pose.orientation
        np.testing.assert_allclose([position.x, position.y, position.z], expected[frame].position, atol=1e-6)
        turn = [orientation.x, orientation.y, orientation.z, orientation.w]
        assert abs(np.dot(turn, quaternion(expected[frame].rotation))) == pytest.approx(1.0, abs=1e-6)
    (grasp,) = person.received["right/grasp"]
    assert (grasp.header, grasp.handedness, grasp.tracked, grasp.pinch, grasp.fist) == (header, 2, True, True, False)
    assert grasp.aperture == pytest.approx(np.linalg.norm(joints[4] - joints[8]), abs=1e-5)
    assert grasp.pinch_confidence == pytest.approx(0.8)
    (angles,) = person.received["right/angles"]
    assert len(angles.name) == len(angles.position) == 23
    assert np.degrees(angles.position[angles.name.index("right_index_pip")]) == pytest.approx(50.0, abs=0.1)
    (smoothed,) = person.received["hands"]
    assert smoothed.header == header
    assert smoothed.hands[0].joints[8].x == pytest.approx(joints[8, 0], abs=1e-6)
    assert not any(person.received[topic] for topic in person.received if topic.startswith("left"))


def test_a_short_loss_ages_the_grasp_and_the_end_is_told_once(person: Person) -> None:
    header = person.show(hand_pose(gesture("fist")))
    person.show(after=0.05)
    lost = person.show(after=0.2)
    person.show(after=0.05)
    seen, held, gone = person.received["right/grasp"]
    assert (seen.age, held.age) == (0.0, pytest.approx(0.05, abs=1e-4))
    assert seen.header == held.header == header
    assert (held.tracked, held.fist) == (True, True)
    assert (gone.header, gone.tracked, gone.fist, gone.aperture) == (lost, False, False, 0.0)
    # A stale pose is never sent again.
    assert len(person.received["right/wrist"]) == len(person.received["right/angles"]) == 1


def test_silence_loses_the_hand(person: Person) -> None:
    header = person.show(hand_pose(gesture("open"), LEFT))
    assert person.client.until(lambda: len(person.received["left/grasp"]) == 2)
    assert (person.received["left/grasp"][1].header, person.received["left/grasp"][1].tracked) == (header, False)


def test_silence_clears_the_smoothed_hands(person: Person) -> None:
    header = person.show(hand_pose(gesture("open")))
    hands = person.received["hands"]
    assert person.client.until(lambda: len(hands) == 2)
    assert (hands[0].header, len(hands[0].hands)) == (header, 1)
    assert (hands[1].header, len(hands[1].hands)) == (header, 0)


def test_a_message_that_comes_twice_or_late_is_not_taken(person: Person) -> None:
    person.show(hand_pose(gesture("open")))
    count = len(person.received["right/grasp"])
    before = counted(person.client, "out of order")
    for late in (0.0, -0.02):
        header = Header(stamp=Time(sec=int(person.time + late), nanosec=round((person.time + late) % 1 * 1e9)))
        person._publisher.publish(HandMessages().hands(header, [hand_pose(gesture("fist"))], "test"))
    assert person.client.until(lambda: counted(person.client, "out of order") == before + 2)
    assert len(person.received["right/grasp"]) == count


def test_without_stamps_a_hand_is_followed_by_when_it_comes(person: Person) -> None:
    joints = gesture("open")
    first, second = (replace(hand_pose(joints), track_id=number) for number in (1, 2))
    person.show(first, is_stamped=False)
    for _ in range(5):
        person.show(is_stamped=False)
    assert not person.received["right/grasp"][-1].tracked
    person.show(second, is_stamped=False)
    assert person.received["right/grasp"][-1].tracked
    assert person.received["hands"][-1].hands[0].track_id == 2


def test_both_hands_each_the_most_certain(person: Person) -> None:
    other = hand_pose(gesture("open") + 0.3)
    other.score = 0.4
    person.show(other, hand_pose(gesture("open"), LEFT), hand_pose(gesture("fist")))
    assert person.received["right/grasp"][0].fist
    assert not person.received["left/grasp"][0].fist
    assert len(person.received["hands"][0].hands) == 2


def test_a_bystander_does_not_take_over_and_a_change_is_told(person: Person, process: NodeProcess) -> None:
    """Two right hands whose scores alternate, of which one is gone in the end."""
    client = person.client
    operator, bystander = hand_pose(gesture("open")), hand_pose(gesture("fist") + np.array([0.6, 0.0, 0.0]))
    operator.track_id, bystander.track_id = 4, 5
    for frame in range(24):
        operator.score, bystander.score = 0.998 + 0.001 * (frame // 6 % 2), 0.9985 if frame else 0.9
        person.show(*((operator, bystander) if frame % 4 < 2 else (bystander, operator)), others_follow=0.0)
    person.show(bystander, after=0.05)
    poses = person.received["right/wrist"]
    assert len(poses) == 24
    assert {round(message.pose.position.x - float(operator.joints[0, 0]), 5) for message in poses} == {0.0}
    assert {message.tracked for message in person.received["right/grasp"]} == {True}
    assert not any(message.fist for message in person.received["right/grasp"])
    assert {hand.track_id for message in person.received["hands"] for hand in message.hands} == {4}
    client.diagnostics.clear()
    header = person.show(bystander, after=0.3)
    lost, taken = person.received["right/grasp"][-2:]
    assert (lost.header, lost.tracked) == (header, False)
    assert lost.reason == "another one is followed: track_id 5 instead of 4 (last seen 0.350 s before)"
    assert (taken.header, taken.tracked, taken.fist, taken.age) == (header, True, True, 0.0)
    # Not smoothed across.
    assert poses[-1].pose.position.x == pytest.approx(bystander.joints[0, 0], abs=1e-6)
    sentence = f"right hand on /hand_pose/hands: {lost.reason}"
    told = client.until(lambda: [s for m in client.diagnostics for s in m.status if s.message == sentence])
    assert client.until(lambda: sentence in process.output())
    assert int({value.key: value.value for value in told[0].values}["changes to another hand"]) >= 1


def test_a_lone_hand_comes_back_without_a_warning_and_is_doubted_beside_a_sure_one(
    person: Person, process: NodeProcess
) -> None:
    client = person.client
    first, again, sure = hand_pose(gesture("open"), LEFT), hand_pose(gesture("fist"), LEFT), hand_pose(gesture("fist"))
    first.track_id, again.track_id, sure.track_id = 6, 7, 8
    person.show(first)
    person.show(after=0.4)
    person.show(again, after=0.8)
    assert [message.tracked for message in person.received["left/grasp"]] == [True, False, True]
    sentence = "left hand on /hand_pose/hands is back (track_id 7) after 1.2 s"
    assert client.until(lambda: sentence in process.output())
    assert "[INFO]" in next(line for line in process.output().splitlines() if sentence in line)

    again.score, sure.score, sure.handedness = 0.85, 0.999, LEFT
    client.diagnostics.clear()
    for _ in range(6):
        person.show(sure, again, after=0.25, others_follow=0.0)
    doubt = "left hand on /hand_pose/hands: track_id 7 is followed, but track_id 8 is more likely to be a hand"

    def doubted() -> Any:
        return next((s for m in client.diagnostics for s in m.status if s.message.startswith(doubt)), None)

    assert client.until(doubted)
    assert doubted().level == b"\x01"
    told = {value.key: value.value for value in doubted().values}
    assert int(told["returns after a loss"]) >= 1
    assert told["left track_id"] == "7"
    assert {hand.track_id for message in person.received["hands"] for hand in message.hands} == {6, 7}


def test_hands_come_in_the_order_of_their_tracks(person: Person) -> None:
    left, right = hand_pose(gesture("open"), LEFT), hand_pose(gesture("open"))
    left.track_id, right.track_id = 9, 8
    for left.score in (0.9999, 0.9998):
        person.show(left, right, others_follow=0.0)
    assert [[hand.track_id for hand in message.hands] for message in person.received["hands"]] == [[8, 9]] * 2


def test_bad_hands_are_named_and_the_node_lives(person: Person, process: NodeProcess) -> None:
    person.show(hand_pose(gesture("open"), Handedness.UNKNOWN))
    broken = HandMessages().hands(Header(), [hand_pose(gesture("open"))], "test")
    broken.hands[0].joint_scores[3] = float("nan")
    person.show(message=broken)
    broken.hands[0].joint_scores[3] = 0.5
    broken.hands[0].joints[8].x = float("inf")
    person.show(message=broken)
    assert not any(person.received[topic] for topic in person.received if topic != "hands")
    assert "right hand on /hand_pose/hands: joint_scores are" in process.output()
    person.show(hand_pose(gesture("open")))
    assert person.received["right/grasp"][0].tracked


def test_stamps_that_go_back_start_over(person: Person) -> None:
    person.show(hand_pose(gesture("open")))
    header = person.show(hand_pose(gesture("open") + 0.2), after=-50.0)
    wrist = person.received["right/wrist"][1]
    assert wrist.header == header
    assert wrist.pose.position.x == pytest.approx(0.2, abs=1e-6)


def test_parameters_change_at_run_time_and_bad_ones_are_refused(person: Person) -> None:
    client = person.client
    assert client.set_parameter("/hand_state", "lead", 0.05).successful
    refused = client.set_parameter("/hand_state", "pinch_on", 0.05)
    assert not refused.successful
    assert refused.reason == "pinch_on (0.05 m) must be above 0 and below pinch_off (0.035 m)"
    assert not client.set_parameter("/hand_state", "max_speed", 0.01).successful
    joints, speed = gesture("open"), 0.3
    for frame in range(45):
        moved = hand_pose(joints + np.array([speed * frame / 30, 0.0, 0.0]))
        person.show(moved, others_follow=0.0 if frame < 44 else 0.1)
    ahead = person.received["right/wrist"][-1].pose.position.x - speed * 44 / 30
    # 50 ms ahead at 0.3 m/s, less the filter's lag.
    assert 0.005 < ahead < 0.0151
    assert client.set_parameter("/hand_state", "lead", 0.0).successful


def test_joints_come_in_the_convention_that_is_asked_for(person: Person) -> None:
    client = person.client
    shown = {RIGHT: gesture("pinch_i"), LEFT: gesture("open", LEFT) + np.array([0.4, 0.0, 0.0], np.float32)}
    for handedness in shown:
        person.received[f"{handedness.name.lower()}/joints"] = []
        client.collect(
            PoseArray,
            f"/hand_state/{handedness.name.lower()}/joints",
            person.received[f"{handedness.name.lower()}/joints"],
        )
    refused = client.set_parameter("/hand_state", "convention", "manus")
    assert refused.reason == "convention is 'manus'; accepted: none, mediapipe, openxr, mano, dex_retargeting"
    for name in (*JOINT_CONVENTIONS, "none"):
        assert client.set_parameter("/hand_state", "convention", name).successful
        header = person.show(*(hand_pose(joints, handedness) for handedness, joints in shown.items()), after=5.0)
        for handedness, joints in shown.items():
            messages = person.received[f"{handedness.name.lower()}/joints"]
            if name == "none":
                assert messages == []
                continue
            (message,) = messages
            messages.clear()
            assert message.header == header
            expected = convention_poses(name, joints, handedness)
            assert len(message.poses) == len(expected) == (26 if name == "openxr" else 21)
            for pose, true in zip(message.poses, expected, strict=True):
                place, turn = pose.position, pose.orientation
                np.testing.assert_allclose([place.x, place.y, place.z], true.position, atol=1e-6)
                assert abs(np.dot([turn.x, turn.y, turn.z, turn.w], quaternion(true.rotation))) > 1.0 - 1e-6
    # A palm without a plane has no frame: it is said, and the node goes on.
    assert client.set_parameter("/hand_state", "convention", "mano").successful
    flat = gesture("open").copy()
    flat[5] = 0.5 * (flat[0] + flat[9])
    person.show(hand_pose(flat), after=5.0)
    assert person.received["right/joints"] == []
    person.show(hand_pose(gesture("open")), after=5.0)
    assert len(person.received["right/joints"]) == 1
    assert client.set_parameter("/hand_state", "convention", "none").successful


def test_a_hand_whose_score_is_none_wins_over_nobody(person: Person) -> None:
    before = counted(person.client, "refused hands")
    broken = hand_pose(gesture("open") + 0.2)
    broken.score = float("nan")
    good = hand_pose(gesture("fist"))
    for hands in ([broken, good], [good, broken]):
        person.show(*hands)
        assert [hand.score for hand in person.received["hands"][-1].hands] == [pytest.approx(0.9)]
        assert person.received["right/grasp"][-1].fist
    person.show(broken)
    assert not person.received["hands"][-1].hands
    assert len(person.received["right/wrist"]) == 2
    assert counted(person.client, "refused hands") == before + 3


def test_a_wrist_elsewhere_is_counted_where_nothing_is_held(person: Person) -> None:
    client = person.client
    assert client.set_parameter("/hand_state", "max_hold", 0.0).successful
    before, joints = counted(client, "glitches"), gesture("open")
    for far in (0.0, 0.8, 0.0):
        person.show(hand_pose(joints + far))
    assert [message.pose.position.x for message in person.received["right/wrist"]] == pytest.approx([joints[0, 0]] * 2)
    assert "the wrist is 1.39 m from where it was 0.033 s before" in person.received["right/grasp"][1].reason
    assert counted(client, "glitches") == before + 1
    assert client.set_parameter("/hand_state", "max_hold", 0.1).successful


def test_it_ends_with_status_0(tmp_path: Path, person: Person) -> None:
    own = NodeProcess([SCRIPT, "--ros-args", "-r", "__ns:=/ends"], tmp_path / "log.txt")
    wrist = person.client.collect(PoseStamped, "/ends/hand_state/right/wrist", [])
    try:
        assert person.client.until(lambda: person.client.node.count_subscribers("/ends/hand_pose/hands"))
        # Nobody wants hands any more: it stops wanting them, too.
        person.client.node.destroy_subscription(wrist)
        assert person.client.until(lambda: not person.client.node.count_subscribers("/ends/hand_pose/hands"))
        assert own.stop() == 0
    finally:
        own.kill()
