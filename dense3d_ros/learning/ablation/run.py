"""Trains every variant with every seed on the same crops and scores it; what is finished is never done again."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from dense3d_ros.atomic_write import make_folder, write_text
from dense3d_ros.dense.maps import restore_joints
from dense3d_ros.learning.ablation.crops import Crops, cached_crops
from dense3d_ros.learning.ablation.field import (
    FUSIONS,
    GEOMETRY,
    PAPER_FUSION,
    SOFTMAX,
    Truth,
    decode,
    surface_gap,
    training_loss,
    truth_of,
)
from dense3d_ros.learning.ablation.network import AblationNetwork, Output
from dense3d_ros.learning.ablation.variants import Variant
from dense3d_ros.learning.evaluation.metrics import joint_errors

_GAP_CROPS = 2000
_TEST_BATCH = 100


@dataclass(frozen=True)
class Settings:
    """Everything that is equal for all variants.

    samples: crops a run learns from. rounds: how often, each time seen by a camera turned by another quarter.
    """

    samples: int
    test: int
    dataset: str = "synthetic"
    rounds: int = 1
    features: int = 64
    batch_size: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    warm_up: float = 0.05
    gradient_norm: float = 1.0


@dataclass(frozen=True)
class Run:
    """A variant that was trained with a seed, and its errors on the test crops in millimetres.

    mean_joint_error_mm: by fusion, or by "none" for the holistic variant. The median, of all joints, and
    frame_errors_mm (N,), a crop's mean, are of the paper's fusion where there is one.
    """

    variant: str
    seed: int
    parameters: int
    mean_joint_error_mm: dict[str, float]
    median_joint_error_mm: float
    frame_errors_mm: list[float]
    training_cpu_seconds: float
    cpu_seconds: float
    wall_seconds: float


def run_ablation(
    output: Path,
    settings: Settings,
    variants: tuple[Variant, ...],
    seeds: int,
    *,
    nyu: Path | None = None,
    device: str = "cpu",
) -> list[Run]:
    """Results of every variant and seed, seed by seed; each stands in `output`/runs as soon as it is finished.

    ValueError if `output` holds runs with other settings.
    """
    runs = output / "runs"
    make_folder(runs)
    _check_settings(output / "settings.json", settings)
    train = cached_crops(output / "train.safetensors", "train", settings.samples, nyu)
    test = cached_crops(output / "test.safetensors", "test", settings.test, nyu)
    results = []
    with tqdm(total=len(variants) * seeds * settings.samples * settings.rounds, unit="crop") as progress:
        for seed in range(seeds):
            for variant in variants:
                path = runs / f"{variant.name}-{seed}.json"
                if path.exists():
                    progress.update(settings.samples * settings.rounds)
                else:
                    progress.set_description(f"{variant.name}, seed {seed}")
                    result = _run_one(variant, seed, settings, train, test, device, progress)
                    write_text(path, json.dumps(asdict(result)) + "\n")
                results.append(Run(**json.loads(path.read_text(encoding="utf-8"))))
    return results


def learning_rate(settings: Settings, share: float) -> float:
    """Linear warm-up, then half a cosine to 0. share: of the run that is over, 0..1."""
    warm = min(1.0, (share + 1e-3) / settings.warm_up)
    return settings.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * share))


def train_variant(
    variant: Variant, seed: int, settings: Settings, crops: Crops, gap: Tensor, device: str, progress: tqdm[Any]
) -> AblationNetwork:
    """One run, its order decided by the seed alone."""
    torch.manual_seed(seed)
    network = AblationNetwork(variant, crops.joints.shape[1], settings.features, crops.images.shape[-1])
    network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(
        network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    generator = torch.Generator().manual_seed(seed)
    steps = [
        (index, turns % 4)
        for turns in range(settings.rounds)
        for index in torch.split(torch.randperm(len(crops), generator=generator), settings.batch_size)
    ]
    network.train()
    for step, (index, turns) in enumerate(steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(settings, step / len(steps))
        truth, outputs = _forward(network, crops.pick(index).turned(turns).to(device))
        loss = training_loss(variant, outputs, truth, gap)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), settings.gradient_norm)
        optimiser.step()
        progress.update(len(index))
    return network.eval()


@torch.no_grad()
def frame_errors(
    variant: Variant, network: AblationNetwork, crops: Crops, gap: Tensor, device: str
) -> dict[str, np.ndarray]:
    """(N, J) joint errors in millimetres by fusion; the holistic variant has no votes and one entry, "none"."""
    fusions = FUSIONS if not variant.holistic else (SOFTMAX,)
    errors: dict[str, list[np.ndarray]] = {fusion.name: [] for fusion in fusions}
    for index in torch.split(torch.arange(len(crops)), _TEST_BATCH):
        batch = crops.pick(index).to(device)
        truth, outputs = _forward(network, batch)
        for fusion in fusions:
            joints = decode(variant, outputs[-1], truth, gap, fusion)
            found = restore_joints(joints, batch.centres, GEOMETRY)
            errors[fusion.name].append(joint_errors(found.cpu().numpy(), batch.joints.cpu().numpy()))
    named = {name: np.concatenate(parts) for name, parts in errors.items()}
    return {"none": named[SOFTMAX.name]} if variant.holistic else named


def _run_one(
    variant: Variant, seed: int, settings: Settings, train: Crops, test: Crops, device: str, progress: tqdm[Any]
) -> Run:
    cpu, wall = time.process_time(), time.monotonic()
    gap = surface_gap(train.pick(torch.arange(min(len(train), _GAP_CROPS)))).to(device)
    network = train_variant(variant, seed, settings, train, gap, device, progress)
    trained = time.process_time()
    errors = frame_errors(variant, network, test, gap, device)
    headline = errors["none" if variant.holistic else PAPER_FUSION.name]
    return Run(
        variant=variant.name,
        seed=seed,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        mean_joint_error_mm={name: float(values.mean()) for name, values in errors.items()},
        median_joint_error_mm=float(np.median(headline)),
        frame_errors_mm=[round(float(error), 3) for error in headline.mean(axis=1)],
        training_cpu_seconds=trained - cpu,
        cpu_seconds=time.process_time() - cpu,
        wall_seconds=time.monotonic() - wall,
    )


def _forward(network: AblationNetwork, crops: Crops) -> tuple[Truth, list[Output]]:
    """Convolutions in bfloat16, as the default model is trained; everything after them in float32."""
    truth = truth_of(crops)
    images = crops.images.float().contiguous(memory_format=torch.channels_last)
    with torch.autocast(images.device.type, torch.bfloat16):
        outputs: list[Output] = network(images, truth.points)
    return truth, [output.float() for output in outputs]


def _check_settings(path: Path, settings: Settings) -> None:
    """Write the settings, or compare them with those of the runs that are already there."""
    if not path.exists():
        write_text(path, json.dumps(asdict(settings), indent=2) + "\n")
        return
    stored = json.loads(path.read_text(encoding="utf-8"))
    if stored != asdict(settings):
        raise ValueError(f"{path} has other settings, {stored}; choose another output folder or the same settings")
