"""Damaged model files: each has to be refused in one bounded sentence, or to be the same model as before.

    PYTHONPATH=.:test python -m faults.model_files --files 2000 --seed 0

Every file is made from a good one by a seed and its number, so that any of them can be made again.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dense3d_ros.dense.network import HourglassNetwork
from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthImage
from dense3d_ros.geometry.hand import Handedness
from dense3d_ros.perception.model import HandModel, Prediction, crops_of
from dense3d_ros.perception.model_description import ModelDescription, ModelFileError
from dense3d_ros.perception.model_file import model_path, read_model
from faults.model_damages import DAMAGES, harmless

LONGEST_SENTENCE = 600
"""Characters of an answer."""
_MOST_MEMORY = 4 << 30
"""Bytes of address space that the program may take beyond what it has before the first file."""


@dataclass
class Report:
    """What came of the files. answers: by damage and answer. faults: each a damage, its number and what happened."""

    files: int = 0
    answers: dict[str, dict[str, int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    longest_sentence: int = 0
    slowest_s: float = 0.0
    grown_mib: float = 0.0


class Campaign:
    """Reads damaged copies of one good file, and compares what still loads with the original."""

    def __init__(self, source: Path, folder: Path, seed: int = 0) -> None:
        self._data = source.read_bytes()
        self._path = folder / "damaged.safetensors"
        self._seed = seed
        self._description, network = read_model(str(source))
        self._answer = _answer(HandModel(self._description, network, "cpu"))
        self._start = _peak_mib()
        self.report = Report()

    def run(self, files: int) -> Report:
        """Read so many further files."""
        for _ in range(files):
            self._try(self.report.files)
            self.report.files += 1
        self.report.grown_mib = _peak_mib() - self._start
        return self.report

    def _try(self, number: int) -> None:
        damage = DAMAGES[number % len(DAMAGES)]
        data = damage(np.random.default_rng([self._seed, number]), self._data)
        self._path.write_bytes(data)
        started = time.monotonic()
        try:
            description, network = read_model(str(self._path))
        except ModelFileError as error:
            answer, fault = "refused", self._fault_of_sentence(str(error))
        except BaseException:
            answer, fault = "traceback", traceback.format_exc()
        else:
            fault = self.fault_of_model(description, network)
            answer = "wrong" if fault else "equal"
        self.report.slowest_s = max(self.report.slowest_s, time.monotonic() - started)
        if damage is harmless and answer == "refused":
            fault = "refused although it is the same model"
        counts = self.report.answers.setdefault(damage.__name__, {})
        counts[answer] = counts.get(answer, 0) + 1
        if fault:
            self.report.faults.append(f"{damage.__name__}, seed {self._seed}, file {number}: {fault}")

    def _fault_of_sentence(self, sentence: str) -> str:
        self.report.longest_sentence = max(self.report.longest_sentence, len(sentence))
        if len(sentence) > LONGEST_SENTENCE or not sentence.isprintable():
            return f"a sentence of {len(sentence)} characters: {sentence[:200]!r}"
        return "" if str(self._path) in sentence else f"a sentence that does not name the file: {sentence}"

    def fault_of_model(self, description: ModelDescription, network: HourglassNetwork) -> str:
        """In what a model that was loaded differs from the original; nothing if it does not."""
        if description != self._description:
            return "loaded with another description"
        return (
            "" if _answer(HandModel(description, network, "cpu")) == self._answer else "loaded, and gives other joints"
        )


def _answer(model: HandModel) -> list[dict[str, Any]]:
    """What a model sees in an image of a ball and a stick."""
    camera = Camera(475.0, 475.0, 159.5, 119.5, 320, 240)
    rows, cols = np.mgrid[:240, :320]
    ball = np.hypot(rows - 120, cols - 160) < 40
    stick = (np.abs(cols - 160) < 8) & (rows < 120)
    depth = DepthImage(np.where(ball, 0.6, np.where(stick, 0.55, 0.0)).astype(np.float32))
    crops = crops_of(model, depth, camera, np.array([0.0, 0.0, 0.6]))
    return [_plain(prediction) for prediction in model.predict(crops, [Handedness.UNKNOWN])]


def _plain(prediction: Prediction) -> dict[str, Any]:
    """Values that compare with ==."""
    return {name: np.asarray(value).tolist() for name, value in asdict(prediction).items()}


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """Print the report; the status is 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="hand", help="name or file of the good model (default: %(default)s)")
    parser.add_argument("--files", type=int, default=2000, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        campaign = Campaign(model_path(arguments.model), Path(folder), arguments.seed)
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + _MOST_MEMORY,) * 2)
        report = campaign.run(arguments.files)
    print(json.dumps(asdict(report), indent=2))
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
