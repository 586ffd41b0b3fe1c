"""Everything that is worth doing with a GPU that one has for minutes: its tests, the benchmark, then training.

    python scripts/gpu_session.py --seconds 560 --output gpu_output

Needs no ROS 2 and no installed package: it runs in a checkout, with the Python that has torch. OUTPUT gets tests.txt,
benchmark.json and benchmark.md, and of the training log.csv, model.safetensors and the checkpoint; the recipe is
printed. A second call with the same RUN goes on with the training; `--later S` says that it will come, so that the
learning rate ends with it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
TESTS = ("test/runtime/test_device_crop.py", "test/learning/test_muon.py", "test/runtime/test_runtime.py")
PROBE_S, LAST_S = 40.0, 25.0
"""Of training to see how fast it is; and for the last validation and what is copied."""
STARTING_S = 15.0
RECIPE = ROOT / "dense3d_ros" / "learning" / "training" / "recipes" / "hand.yaml"
"""Of the network and its crops; steps, rate and samples are this session's."""
WARM_UP = 20_000


def main() -> int:
    """The number of parts that failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="what comes back")
    parser.add_argument("--run", type=Path, default=ROOT / "runs" / "gpu", help="folder of the training run (runs/gpu)")
    parser.add_argument("--seconds", type=float, required=True, help="for everything")
    parser.add_argument("--later", type=float, default=0.0, help="seconds of training that a second call will have (0)")
    parser.add_argument("--from", dest="start", default="hand", help="model that the training begins with (hand)")
    parser.add_argument("--rate", type=float, default=0.012, help="learning rate (0.012)")
    parser.add_argument("--batch", type=int, default=256, help="crops a step (256)")
    parser.add_argument("--seed", type=int, default=11, help="of the samples: never one that was learned before (11)")
    parser.add_argument("--workers", type=int, default=16, help="processes that make samples: 1, 2, 4, 8 or 16 (16)")
    parser.add_argument("--device", default="cuda", help="cuda, or cpu to rehearse (cuda)")
    arguments = parser.parse_args()
    deadline = time.monotonic() + arguments.seconds
    arguments.output.mkdir(parents=True, exist_ok=True)
    os.environ["PYTHONPATH"] = str(ROOT)
    failed = 0
    if not (arguments.run / "checkpoint.safetensors").exists():
        compiling = subprocess.Popen([sys.executable, "-m", "dense3d_ros.rehearsal.renderer"], cwd=ROOT)
        failed += _tests(arguments.output)
        failed += _benchmark(arguments.output, arguments.device)
        compiling.wait()
        _write_recipe(arguments, deadline)
    failed += _train(arguments, ["--seconds", str(max(0.0, deadline - time.monotonic() - LAST_S))])
    for path in arguments.run.glob("*"):
        if path.suffix in (".safetensors", ".csv"):
            shutil.copy2(path, arguments.output)
    return failed


def _tests(output: Path) -> bool:
    command = ["timeout", "75", sys.executable, "-u", "-m", "pytest", "-v", "-ra", "-p", "no:cacheprovider", *TESTS]
    with (output / "tests.txt").open("w") as file:
        failed = subprocess.run(command, cwd=ROOT, stdout=file, stderr=file).returncode != 0
    print(*(output / "tests.txt").read_text().splitlines()[-12:], sep="\n", flush=True)
    return failed


def _benchmark(output: Path, device: str) -> bool:
    command = ["timeout", "100", sys.executable, "-m", "dense3d_ros.cli", "benchmark", "--device", device]
    command += ["--parts", "networks", "frames", "--repeats", "30"]
    command += ["--json", str(output / "benchmark.json"), "--markdown", str(output / "benchmark.md")]
    return subprocess.run(command, cwd=ROOT).returncode != 0


def _write_recipe(arguments: argparse.Namespace, deadline: float) -> None:
    """A recipe of as many samples as there is time for, by a short run of its own."""
    shutil.rmtree(arguments.run, ignore_errors=True)
    arguments.run.mkdir(parents=True)
    recipe = arguments.run / "recipe.yaml"
    recipe.write_text(_recipe(arguments, 10**8))
    probe = arguments.run / "probe"
    _train(arguments, ["--seconds", str(PROBE_S)], probe)
    # The first rows hold the start of the workers.
    rows = [line.split(",") for line in (probe / "log.csv").read_text().splitlines()[1:]]
    half = rows[len(rows) // 2]
    speed = (float(rows[-1][0]) - float(half[0])) / max(float(rows[-1][1]) - float(half[1]), 1.0)
    left = deadline - time.monotonic() - LAST_S - STARTING_S + arguments.later
    samples = max(arguments.batch, int(speed * left * 0.97))
    print(f"{speed:.0f} crops a second, {samples} samples in {left:.0f} s", flush=True)
    recipe.write_text(_recipe(arguments, samples))
    print(recipe.read_text(), flush=True)


def _recipe(arguments: argparse.Namespace, samples: int) -> str:
    values = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    (stage,) = values["stages"]
    return yaml.safe_dump(
        {
            **values,
            "batch_size": arguments.batch,
            "learning_rate": arguments.rate,
            "warm_up_samples": min(WARM_UP, samples // 2),
            "seed": arguments.seed,
            "stages": [{**stage, "samples": samples}],
        },
        sort_keys=False,
    )


def _train(arguments: argparse.Namespace, limit: list[str], output: Path | None = None) -> bool:
    command = [sys.executable, "-m", "dense3d_ros.cli", "train", "--recipe", str(arguments.run / "recipe.yaml")]
    command += ["--output", str(output or arguments.run), "--from", arguments.start, "--device", arguments.device]
    return subprocess.run([*command, "--workers", str(arguments.workers), *limit], cwd=ROOT).returncode != 0


if __name__ == "__main__":
    sys.exit(main())
