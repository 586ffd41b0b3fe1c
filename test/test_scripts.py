"""The scripts that draw and write the documentation's figures."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import FINGERS, JOINT_NAMES, Handedness, HandPose, hand_centre, upright_roll
from dense3d_ros.learning.evaluation.candidates import CandidateScore
from dense3d_ros.learning.evaluation.evidence_curves import EvidenceScore
from dense3d_ros.learning.evaluation.many_hands import ManyHandsImage
from dense3d_ros.learning.evaluation.metrics import full_summary, grouped
from dense3d_ros.learning.evaluation.recall import recall_summary
from dense3d_ros.learning.evaluation.scores import reliability, wilson_interval
from dense3d_ros.learning.evaluation.tracking_metrics import (
    SeenHand,
    SequenceScore,
    idf1,
    numbers_per_hand,
    tracking_summary,
)
from dense3d_ros.learning.synthetic.hand_mesh import HandMesh
from dense3d_ros.learning.synthetic.labelled import LabelledHand
from dense3d_ros.perception.detector import Candidate
from dense3d_ros.perception.evidence import Evidence
from dense3d_ros.perception.hypotheses import Place
from dense3d_ros.perception.model import Prediction
from dense3d_ros.perception.model_description import ModelDescription
from dense3d_ros.perception.model_file import read_model, save_model

pytest.importorskip("matplotlib", reason="the scripts draw with matplotlib")

SCRIPTS = Path(__file__).parents[1] / "scripts"


def load(name: str) -> ModuleType:
    path = SCRIPTS / f"{name}.py"
    if not path.is_file():
        pytest.skip(f"{path} is not there: this is an installed package")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look
    spec.loader.exec_module(module)
    return module


def write_log(folder: Path, errors: list[float]) -> Path:
    folder.mkdir()
    rows = [f"{1000 * (index + 1)},{error}" for index, error in enumerate(errors)]
    (folder / "log.csv").write_text("\n".join(["samples,joint_mm", *rows]) + "\n")
    return folder


def test_training_curves(tmp_path: Path) -> None:
    curves = load("training_curves")
    runs = {"one": write_log(tmp_path / "one", [40.0, 30.0, 20.0]), "two": write_log(tmp_path / "two", [50.0, 10.0])}
    assert curves.plot(runs, tmp_path / "curves.png") == [
        "one: 20.00 mm after 3000 samples, size unknown",
        "two: 10.00 mm after 2000 samples, size unknown",
    ]
    assert (tmp_path / "curves.png").stat().st_size > 1000
    (tmp_path / "foreign.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"foreign\.csv is no log of"):
        curves.read_log(tmp_path / "foreign.csv")


def test_models_of_known_size_are_named_beside_their_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    curves = load("training_curves")
    drawn: list[Figure] = []
    monkeypatch.setattr(curves, "FigureCanvasAgg", drawn.append)
    monkeypatch.setattr(curves, "weight_count", lambda path: {"small": 540_000, "large": 3_400_000}[path.name])
    runs = {name: write_log(tmp_path / name, [40.0, 30.0]) for name in ("small", "large")}
    curves.plot(runs, tmp_path / "curves.png")
    right = drawn[0].axes[1]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["small", "large"]
    low, high = right.get_xlim()
    shown = [
        label.get_text() for label in right.get_xticklabels(which="both") if low <= label.get_position()[0] <= high
    ]
    assert [text for text in shown if text] == ["0.5", "1", "2"]


def test_smoothing_is_the_mean_of_the_last_twentieth() -> None:
    smoothed = load("training_curves").smoothed(np.arange(60.0))
    assert smoothed[:4].tolist() == [0.0, 0.5, 1.0, 2.0]
    assert smoothed[-1] == 58.0


def result() -> dict[str, Any]:
    """Eight images of two meshes, one missed; every joint of image n is off by n + 1 mm."""
    errors = np.repeat(np.arange(1.0, 9.0)[:, None], len(JOINT_NAMES), axis=1)
    own = errors.copy()
    own[3] = np.nan
    meshes = ["trained on", "never trained on"] * 4

    def mode(values: np.ndarray) -> dict[str, Any]:
        kinds = ("mesh", "sensor", "distance", "visible_share", "image", "in_view", "pose", "view", "handedness")
        return {
            **full_summary(values, JOINT_NAMES),
            "per_finger_mm": dict.fromkeys(("wrist", *FINGERS), float(np.nanmean(values))),
            "seen_joints_mm": 1.0,
            "hidden_joints_mm": None,
            **{f"by_{kind}": grouped(values, meshes) for kind in kinds},
        }

    return {
        "data": {"frames": 8, "hand_free": 1000},
        "oracle_crop": mode(errors),
        "own_detector": {
            **mode(own),
            "missed": 0.125,
            "missed_95": wilson_interval(1, 8),
            "correct_handedness": 0.9,
            "false_hand_rate": 0.004,
            "false_hand_rate_95": wilson_interval(4, 1000),
            "frames_with_a_false_hand": 0.0,
        },
        "many_hands": many_hands(),
        "working_hands": {
            **mode(errors),
            "by_holds": grouped(errors, ["a thing"] * 3 + ["nothing"] * 5),
            "by_work": grouped(errors, ["glove"] * 8),
        },
        "two_hands": two_hands(),
        "holding": holding(),
        "sequences": {"mean_joint_error_mm": 7.25, "missed": 0.0, "false": 0.0, "correct_handedness": None},
        "free_motion": {"trained on": {"mean_joint_error_mm": 7.75}, "never trained on": {"mean_joint_error_mm": 9.25}},
        "reliability": reliability(own, own),
        "detector": candidates(),
        "evidence": evidence(),
    }


class Detector:
    """Finds the second hand of each image, and a hand that is not there."""

    def __init__(self, images: list[ManyHandsImage]) -> None:
        self.hands = iter([image.hands[1].joints for image in images])

    def __call__(self, depth: DepthImage, camera: Camera) -> list[HandPose]:
        places = [next(self.hands), np.full((21, 3), 5.0, np.float32)]
        return [HandPose(joints, np.ones(21, np.float32), 0.9, Handedness.RIGHT) for joints in places]


def many_hands() -> dict[str, Any]:
    """Two images of a left and a right hand, both in full view; the right one is found."""
    mesh = HandMesh.load().pose(np.zeros(25))
    joints = [mesh.joints + np.float32([x, 0.0, 0.5]) for x in (-0.15, 0.15)]
    handednesses = (Handedness.LEFT, Handedness.RIGHT)
    hands = tuple(
        LabelledHand(one, handedness, 1.0, 1.0, 1.0) for one, handedness in zip(joints, handednesses, strict=True)
    )
    labels = {"hands": "2", "mesh": "trained on", "sensor": "stereo"}
    image = ManyHandsImage(DepthImage(np.ones((4, 4), np.float32)), Camera(4, 4, 2, 2, 4, 4), hands, labels)
    return recall_summary(Detector([image] * 2), [image] * 2)


def candidates() -> dict[str, Any]:
    """Two images of a hand, named at log-odds of 1 and 0.5, and two false candidates at 2 and 0.75."""
    joints = HandMesh.load().pose(np.zeros(25)).joints + np.float32([0.0, 0.0, 0.55])
    centre = hand_centre(joints)
    score = CandidateScore()
    away = centre + np.float32([0.3, 0.0, 0.0])
    for places in ({1.0: centre}, {2.0: away, 0.75: away, 0.5: centre}):
        found = [Candidate(place, log_odds, upright_roll(joints)) for log_odds, place in places.items()]
        score.add(found, [joints], {"in_view": "fully"})
    return score.summary()


def evidence() -> dict[str, Any]:
    """Two images of a hand, of which one is found, and no false hand."""
    joints = HandMesh.load().pose(np.zeros(25)).joints + np.float32([0.0, 0.0, 0.55])
    place = Place.at(hand_centre(joints), 0.0, Handedness.LEFT)
    place.best.prediction = Prediction(joints, np.ones(21, np.float32), 1.0, 0.0, 0.0, np.ones(21, np.float32))
    score = EvidenceScore(Evidence())
    score.add([place], [joints])
    score.add([], [joints])
    return score.summary()


def two_hands() -> dict[str, Any]:
    """Four frames of two hands, one of them renamed once."""
    score = SequenceScore()
    hands = [SeenHand(number, np.array([0.3 * number, 0.0, 0.5]), Handedness.RIGHT) for number in (0, 1)]
    for number in (1, 1, 2, 2):
        score.add(hands, [], [hands[0], replace(hands[1], number=number)])
    summary = tracking_summary(score.frames)
    both = {**summary, "idf1": idf1([score]), "mean_joint_error_mm": 4.5}
    return {**both, "by_mesh": {"trained on": both}, "by_scene": {"touch": summary}}


def holding() -> dict[str, Any]:
    """Four frames of one hand, which is missed once, renamed after that, and then beside a false one."""
    score = SequenceScore()
    hand, false = (SeenHand(0, np.array([x, 0.0, 0.5]), Handedness.LEFT) for x in (0.0, 0.3))
    for found in ([hand], [], [replace(hand, number=1)], [replace(hand, number=1), false]):
        score.add([hand], [], found)
    summary = {**tracking_summary(score.frames), "mean_joint_error_mm": 6.5}
    one = {**summary, "numbers_per_hand": numbers_per_hand([score])}
    return {**one, "by_mesh": {"trained on": one}, "by_scene": {"shake": summary}}


def test_the_model_card_gets_its_figures(tmp_path: Path) -> None:
    script = load("model_card")
    for folder in ("results", "images"):
        (tmp_path / folder).mkdir()
    blocks = (
        "training",
        "overview",
        "confidence",
        "detector",
        "evidence",
        "hands",
        "work",
        "followed",
        "held",
        "details",
        "failures",
    )
    marks = "\n".join(f"<!-- generated: {name} -->\nFORMER\n<!-- end -->" for name in blocks)
    card = tmp_path / "model_card.md"
    card.write_text(f"# Card\n{marks}\nthe end\n")
    with pytest.raises(ValueError, match=r"holds no views_N\.json"):
        script.write_card(tmp_path, images=False)
    (tmp_path / "results" / "views_1.json").write_text(json.dumps(result()))
    (tmp_path / "results" / "no_hand").mkdir()
    for folder, count in (("rooms", 1), ("tables", 0)):
        seen = {"frames": 12, "frames_with_a_hand": count}
        (tmp_path / "results" / "no_hand" / f"views_1_{folder}.json").write_text(json.dumps(seen))
    assert script.write_card(tmp_path, images=False) == [card, tmp_path / "images" / "reliability.png"]
    text = card.read_text()
    assert text.startswith("# Card\n")
    assert text.endswith("the end\n")
    assert "FORMER" not in text
    # Images 0, 2, 4 and 6: 1, 3, 5 and 7 mm; 1, 5 and 7, since 3 was missed: 2, 6 and 8 mm.
    assert "| mean joint error, own detector, meshes trained on (mm) | 4.0 |" in text
    assert "| the same, mesh never trained on | 5.3 |" in text
    assert "| no hand in view: a hand is seen (95 %) | 0.40 % (0.16–1.02 %) |" in text
    assert "| hand mesh: never trained on | 4 | 5.0 | 5.3 | 25.0 % |" in text
    assert "| hidden joints | – | – |" in text
    assert "| real frames without a hand: one is seen | 1 of 24 |" in text
    assert "| none to four hands: missed (95 %) | 50.0 % (15.0–85.0 %) |" in text
    assert "| the same: images with a false hand (95 %) | 100.0 % (34.2–100.0 %) |" in text
    assert "| handedness: left | 2 | 100.0 % (34.2–100.0 %) | – | – |  |" in text
    assert "| hands in the image: 2 | 4 | 50.0 % (15.0–85.0 %) | 100.0 % | 0.0 | 2 |" in text
    # One false candidate is above the one hand, both are above the other.
    recalls = "0.0 % | 50.0 % | 100.0 % | 100.0 % | 100.0 % | 100.0 % (34.2–100.0 %)"
    assert f"| 0.5-1 m | 2 | {recalls} |" in text
    assert "| 0.5-1 m | 0, 0 | 0, 0 | 0, 0 |" in text
    assert "| all terms | 50.0 % | 50.0 % | 50.0 % | 50.0 % | 50.0 % |" in text
    # Of images 0, 1 and 2: 1, 2 and 3 mm.
    assert "| the same: those that hold a thing | 2.0 |" in text
    assert "| kind: glove | 8 | 4.5 | 4.5 |" in text
    assert "| scene: touch | 4 | 100.0 % | 0.0 % | 250.0 | 0.0 | 0 | 100.0 % | 0.875 | – | – |" in text
    assert "| hand mesh: trained on | 4 | 75.0 % | 2.00 | 250.0 | 0.0 | 250.0 | 100.0 % | 6.5 |" in text
    assert "| motion: shake | 4 | 75.0 % | – | 250.0 | 0.0 | 250.0 | 100.0 % | 6.5 |" in text
    assert "differ by 0.0 mm" in text
    again = card.read_bytes()
    script.write_card(tmp_path, images=False)
    assert card.read_bytes() == again


def test_a_card_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no block <!-- generated: overview -->"):
        load("model_card").put("text", "overview", "table")


def test_the_images_of_the_method(tmp_path: Path) -> None:
    draw = load("draw_method")
    view = draw.run_model("hand", 17.4)
    assert np.abs(view.fused - view.joints).mean() < 10  # mm: the model sees this hand well
    draw.draw_maps(tmp_path / "maps.png", view)
    draw.draw_fusion(tmp_path / "fusion.png", view)
    assert all((tmp_path / name).stat().st_size > 10_000 for name in ("maps.png", "fusion.png"))


def test_average_of_two_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    average = load("average_models")
    description = ModelDescription("small", 1, 16, 0.15, 0.1, 64, "Apache-2.0", errors={"synthetic": 9.0})
    files = [tmp_path / "later.safetensors", tmp_path / "earlier.safetensors"]
    networks = []
    for seed, file in enumerate(files):
        torch.manual_seed(seed)
        networks.append(description.build_network())
        save_model(file, networks[-1], replace(description, name=file.stem))
    output = tmp_path / "average.safetensors"
    arguments = ["average_models.py", *map(str, files), "--share", "0.75", "--output", str(output)]
    monkeypatch.setattr(sys, "argv", arguments)
    assert average.main() == 0
    found, network = read_model(str(output))
    assert (found.name, found.errors) == ("later", {})
    later, earlier = (one.state_dict() for one in networks)
    for name, tensor in network.state_dict().items():
        # Files hold half precision.
        expected = 0.75 * later[name] + 0.25 * earlier[name]
        torch.testing.assert_close(tensor, expected, rtol=2e-3, atol=1e-4, check_dtype=False)
    save_model(files[1], replace(description, features=32).build_network(), replace(description, features=32))
    with pytest.raises(SystemExit):
        average.main()
    assert "the two models have different layers" in capsys.readouterr().err
