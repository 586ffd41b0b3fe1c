"""The trainer: it learns, a killed run goes on as if it had not been, recipes and losses say what is wrong."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dense3d_ros.commands.train import _limit_threads
from dense3d_ros.dense.maps import metric_geometry, normalise_joints, surface, target_maps
from dense3d_ros.dense.network import HourglassNetwork
from dense3d_ros.dense.refinement import Refined
from dense3d_ros.dense.regressor import DenseOutput, dense_output, fuse
from dense3d_ros.learning.synthetic.scenes import SceneAssets
from dense3d_ros.learning.training import hourglass
from dense3d_ros.learning.training.checkpoint import Progress, load_checkpoint
from dense3d_ros.learning.training.data import CROPS_PER_IMAGE, LAG, Batch, SyntheticBatches, loader, make_batch
from dense3d_ros.learning.training.hourglass import HourglassMethod
from dense3d_ros.learning.training.losses import training_loss
from dense3d_ros.learning.training.paper_recipe import read_recipe
from dense3d_ros.learning.training.processes import Processes
from dense3d_ros.learning.training.recipe import Recipe, Stage
from dense3d_ros.learning.training.state import TrainingState, take_weights
from dense3d_ros.learning.training.step import Learner
from dense3d_ros.learning.training.train import _Run, train
from dense3d_ros.perception.model_description import SKELETONS, ModelDescription
from dense3d_ros.perception.model_file import read_model, save_model

TINY = Recipe(name="tiny", stages=(Stage(samples=24, resolution=64),), features=16, batch_size=4, warm_up_samples=4)


REFINED = replace(TINY, stages=(Stage(samples=24, resolution=128),), stride=8, refining_blocks=1)


@pytest.fixture(autouse=True)
def small_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hourglass, "VALIDATION_BATCHES", 1)
    monkeypatch.setattr(hourglass, "VALIDATION_BATCH_SIZE", 16)


@pytest.fixture(scope="module")
def batch() -> Batch:
    # With a left hand, and without a joint that no pixel sees from within the ball.
    return make_batch(SceneAssets.load(), seed=16, number=0, size=12, resolution=128)


def test_batches_depend_on_seed_and_number_only() -> None:
    def crops(workers: int, first: int) -> list[torch.Tensor]:
        dataset = SyntheticBatches(seed=5, batch_size=4, resolution=64, first=first, count=3)
        return [batch.crops for batch in loader(dataset, workers)]

    alone, with_worker, later = crops(0, 0), crops(1, 0), crops(0, 2)
    assert all(torch.equal(a, b) for a, b in zip(alone, with_worker, strict=True))
    assert torch.equal(alone[2], later[0])
    assert not torch.equal(alone[0], alone[1])


def test_every_image_is_learned_in_different_crops() -> None:
    dataset = SyntheticBatches(seed=5, batch_size=4, resolution=64, first=0, count=3 * LAG + 1)
    batches = list(dataset)
    first = batches[0]
    for view in range(1, CROPS_PER_IMAGE):
        again = batches[view * LAG]
        same = torch.cdist(again.joints[view], again.joints[view])
        torch.testing.assert_close(same, torch.cdist(first.joints[0], first.joints[0]), atol=1e-4, rtol=0)
        assert not torch.equal(again.crops[view], first.crops[0])


def test_perfect_maps_lose_almost_nothing(batch: Batch) -> None:
    geometry = metric_geometry()
    seen = surface(batch.crops, batch.cameras, batch.centres, geometry)
    joints = normalise_joints(batch.joints, batch.centres, geometry)
    perfect = target_maps(joints, seen.points, batch.cameras, batch.centres, geometry)
    logits = torch.stack([batch.presence, batch.right], 1) * 40 - 20

    output = DenseOutput(seen, [fuse(perfect, seen)], None, logits)

    loss, parts = training_loss(output, batch, geometry)

    assert parts["heat_2d"] == parts["heat_3d"] == parts["vectors"] == 0
    assert parts["presence"] < 1e-6
    assert parts["right"] < 1e-6
    assert seen.seen.flatten(1).any(1).all()
    # A joint farther than the ball from every seen pixel has no vote, so some of it stays.
    assert parts["joint_mm"] < 1
    assert loss < 0.1


def test_unlabelled_samples_do_not_touch_the_joint_loss(batch: Batch) -> None:
    geometry = metric_geometry()
    torch.manual_seed(0)
    network = HourglassNetwork(features=16, stacks=2).eval()
    output = dense_output(network, batch.crops, batch.cameras, batch.centres, geometry)
    _, before = training_loss(output, batch, geometry)
    joints = torch.where(batch.has_joints[:, None, None] > 0, batch.joints, batch.joints + 1)
    assert (batch.has_joints == 0).any(), "the fixture needs a sample without joints"
    moved = Batch(**{**vars(batch), "joints": joints})
    _, after = training_loss(output, moved, geometry)
    assert before == after


def test_refined_joints_are_learned_where_there_are_joints_and_errors_of_left_hands_too(batch: Batch) -> None:
    assert ((batch.presence == 1) & (batch.right == 0)).any(), "the fixture needs a left hand"
    geometry = metric_geometry(stride=8)
    torch.manual_seed(0)
    network = HourglassNetwork(features=16, stacks=1, stride=8, refining_blocks=1).eval()
    output = dense_output(network, batch.crops, batch.cameras, batch.centres, geometry)
    _, before = training_loss(output, batch, geometry)
    left = ((batch.presence == 1) & (batch.right == 0)).float()[:, None, None]
    _, after = training_loss(output, Batch(**{**vars(batch), "joints": batch.joints + 0.1 * left}), geometry)
    assert before["refined"] == after["refined"]
    assert before["error"] != after["error"]


@pytest.mark.parametrize("expected", [0.1, 0.2, 0.4])
def test_the_expected_error_is_best_where_it_is_the_mean_error(batch: Batch, expected: float) -> None:
    geometry = metric_geometry()
    joints = normalise_joints(batch.joints, batch.centres, geometry)
    found = joints + torch.tensor([0.2, 0.0, 0.0])
    nothing = torch.zeros(len(joints), 2)
    seen = surface(batch.crops, batch.cameras, batch.centres, geometry)

    def surprise(error: float) -> float:
        refined = Refined(found, torch.full(joints.shape[:2], error), nothing)
        return float(training_loss(DenseOutput(seen, [], refined, nothing), batch, geometry)[1]["error"])

    assert surprise(0.2) <= surprise(expected)


def test_a_run_begins_with_another_models_weights(tmp_path: Path) -> None:
    first = train(HourglassMethod(REFINED), tmp_path / "first", workers=0)
    # No step is made, so that only what is new differs.
    second = train(
        HourglassMethod(replace(REFINED, stacks=2)), tmp_path / "second", workers=0, start=str(first), seconds=0
    )
    _, old = read_model(str(first))
    _, new = read_model(str(second))
    for name, tensor in old.state_dict().items():
        assert torch.equal(new.state_dict()[name], tensor), name
    assert any(name.startswith("stacks.1") for name in new.state_dict())


def test_a_run_from_a_network_that_is_like_nothing(tmp_path: Path) -> None:
    first = train(HourglassMethod(TINY), tmp_path / "first", workers=0)
    other = replace(TINY, features=32)
    network = HourglassMethod(other).build_network()
    with torch.no_grad():
        take_weights(network, str(first))
    paper = tmp_path / "paper.safetensors"
    description = ModelDescription(
        "paper", 1, 16, 0.15, 0.08, 128, "none", network="paper", skeleton="nyu14", joints=SKELETONS["nyu14"]
    )
    save_model(paper, description.build_network(), description)
    with pytest.raises(ValueError, match=r"no layer of the model .*paper\.safetensors is like"):
        take_weights(network, str(paper))


@pytest.mark.parametrize("recipe", [TINY, REFINED], ids=["plain", "refined"])
def test_a_killed_run_goes_on_as_if_it_had_not_been(recipe: Recipe, tmp_path: Path) -> None:
    train(HourglassMethod(recipe), tmp_path / "whole", workers=1)

    killed = _Run(HourglassMethod(recipe), tmp_path / "killed", Processes(torch.device("cpu")))
    killed.folder.path.mkdir()
    killed.learn(recipe.stages[0], until=12, workers=0)
    # Without the worker that the whole run had, whose batches are the same.
    train(HourglassMethod(recipe), tmp_path / "killed", workers=0)

    (_, whole), (_, resumed) = (read_model(str(tmp_path / name / "model.safetensors")) for name in ("whole", "killed"))
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], tensor, msg=name)


def test_a_run_learns_and_writes_curves_and_a_model(tmp_path: Path) -> None:
    recipe = Recipe(
        name="small",
        stages=(Stage(samples=2400, resolution=64),),
        features=16,
        batch_size=16,
        warm_up_samples=200,
        learning_rate=5e-3,
    )
    model = train(HourglassMethod(recipe), tmp_path, workers=1)

    rows = list(csv.DictReader((tmp_path / "log.csv").open(encoding="utf-8")))
    assert float(rows[-1]["loss"]) < 0.7 * float(rows[0]["loss"])
    description, _ = read_model(str(model))
    assert description.training["samples"] == 2400
    assert description.errors["synthetic validation"] > 0


def with_value(batch: Batch, value: float) -> Batch:
    crops = batch.crops.clone()
    crops[0, 0, :8, :8] = value
    return replace(batch, crops=crops)


def tiny_learner() -> tuple[Learner, TrainingState]:
    method, processes = HourglassMethod(TINY), Processes(torch.device("cpu"))
    state = TrainingState.new(method, processes.device, None)
    return Learner(method, state, processes), state


# The variance of the last one overflows, so that the statistics are infinite while loss and gradient are not.
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e25])
def test_a_step_that_is_not_finite_leaves_everything_as_it_was(value: float, caplog: pytest.LogCaptureFixture) -> None:
    good = next(iter(SyntheticBatches(seed=5, batch_size=4, resolution=64, first=0, count=1)))
    learner, state = tiny_learner()
    assert learner.step(iter([good]), Progress()) is not None
    modules = {"network": state.network, "average": state.average}
    before = {name: {key: t.clone() for key, t in module.state_dict().items()} for name, module in modules.items()}

    assert learner.step(iter([with_value(good, value)]), Progress()) is None

    assert "skipped" in caplog.text
    for name, module in modules.items():
        for key, tensor in module.state_dict().items():
            assert torch.equal(tensor, before[name][key]), f"{name} {key}"
    learned = learner.step(iter([good]), Progress())
    assert learned is not None
    assert all(torch.isfinite(part) for part in learned.values())


def test_a_run_in_which_no_step_is_finite_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dense3d_ros.learning.training.step.MOST_SKIPPED", 2)
    good = next(iter(SyntheticBatches(seed=5, batch_size=4, resolution=64, first=0, count=1)))
    bad = with_value(good, float("nan"))
    learner, _ = tiny_learner()
    batches = iter([bad, good, bad, bad])
    assert [learner.step(batches, Progress()) is None for _ in range(3)] == [True, False, True]
    with pytest.raises(ValueError, match="2 steps in a row are not finite"):
        learner.step(batches, Progress())


def test_each_process_takes_the_gpu_of_its_own_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for name, value in (("RANK", "5"), ("LOCAL_RANK", "1"), ("WORLD_SIZE", "6")):
        monkeypatch.setenv(name, value)
    assert Processes.from_environment("cuda") == Processes(torch.device("cuda:1"), rank=5, count=6)
    assert Processes.from_environment("cpu").device == torch.device("cpu")
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ValueError, match="there are 2 GPUs for process 3 of this machine"):
        Processes.from_environment("cuda")


def test_torch_leaves_a_core_to_each_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(4))
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    _limit_threads(1)
    monkeypatch.delenv("OMP_NUM_THREADS")
    for workers in (0, 1, 8):
        _limit_threads(workers)
    assert threads == [4, 3, 1]


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    train(HourglassMethod(TINY), tmp_path, workers=0)
    other = Recipe(name="tiny", stages=TINY.stages, features=32, batch_size=4)
    state = TrainingState.new(HourglassMethod(other), torch.device("cpu"), None)
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors belongs to another network"):
        load_checkpoint(tmp_path / "checkpoint.safetensors", state.network, state.average, state.optimiser)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x", "stages"),
        ("name: x\nstages: [{samples: 64, resolution: 64}]\nlearning: 1", "unknown entries \\['learning'\\]"),
        ("name: x\nstages: [{samples: 64, resolution: 100}]", "multiple of 64"),
        ("name: x\nbatch_size: 6\nstages: [{samples: 64, resolution: 64}]", "batch_size must be a multiple of 4"),
        ("stages: [", "no training recipe"),
        ("", "is empty; expected a training recipe"),
        ("# name: x", "is empty"),
        ("- name: x", "it holds a list"),
        ("name: x\nstages: 3", "no training recipe"),
        ("name: x\nstages: [{samples: 1.5e3, resolution: 64}]", "a stage needs"),
        ("name: x\nstages: [{samples: 64, resolution: 64}]\nfeatures: wide", "features must be a whole number"),
        ("name: x\nstages: [{samples: 64, resolution: 64}]\nlearning_rate: .nan", "learning_rate must be a number"),
        (
            "name: x\nstages: [{samples: 64, resolution: 64}]\nnetwork: big",
            "network must be hourglass, detector or paper",
        ),
        ("network: paper", "it has no 'name'"),
        ("name: 7\nnetwork: paper", "name must be a text, got 7"),
        ("name: x\nnetwork: paper\nstages: []", "unknown entries \\['stages'\\]"),
        ("name: x\nnetwork: paper\nepochs: 0", "epochs must be at least 1, got 0"),
        ("name: x\nnetwork: paper\nquirks: [wrong]", "quirks must be a list of names of near_holes_are_surface"),
        ("name: x\nnetwork: paper\nquirks: stale_centre", "quirks must be a list"),
        ("name: x\nnetwork: paper\nloss: median", "loss must be one of sum, mean, got 'median'"),
        ("name: x\nnetwork: paper\ndecay_epochs: {nyu: 0}", "decay_epochs must give whole numbers"),
        ("name: x\nnetwork: paper\ndecay_epochs: 5", "decay_epochs must give whole numbers"),
        ("name: x\nnetwork: paper\nquirks: [misplaced_parenthesis]", "needs norm: batch_renorm"),
    ],
)
def test_a_wrong_recipe_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message) as caught:
        read_recipe(path)
    assert str(path) in str(caught.value)


def test_the_shipped_recipes_can_be_read() -> None:
    recipes = sorted((Path(__file__).parents[2] / "dense3d_ros/learning/training/recipes").glob("*.yaml"))
    assert recipes
    for path in recipes:
        assert read_recipe(path).name == path.stem


def test_processes_that_cannot_share_the_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be a divisor of 16, got 3"):
        train(HourglassMethod(TINY), tmp_path, workers=3)
