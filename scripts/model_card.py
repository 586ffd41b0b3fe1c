#!/usr/bin/env python3
"""Write the figures and the images of docs/model_card.md from the results of `dense3d evaluate`.

    dense3d evaluate --model fast --samples 1000 --hand-free 2000 --json docs/results/fast.json
    python scripts/model_card.py

    dense3d evaluate --model fast --no-hand FOLDER ... --json docs/results/no_hand/fast_FOLDER.json   # if there is one

Every shipped model with a docs/results/NAME.json gets its tables between the marks in docs/model_card.md, whose other
text is kept; docs/images/reliability.png is drawn from the same files. docs/images/failures_NAME.png shows the images
of the test set that went worst, drawn again with the skeletons that the model gives.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dense3d_ros.atomic_write import write_text
from dense3d_ros.learning.evaluation.detection import OwnDetector
from dense3d_ros.learning.evaluation.report import plot_reliability
from dense3d_ros.learning.evaluation.synthetic import SyntheticTestSet, hand_frame, hand_free_frame
from dense3d_ros.learning.evaluation.tables import (
    details,
    followed,
    hands,
    held,
    number,
    overview,
    percent,
    table,
    working,
)
from dense3d_ros.perception.model import load_model
from dense3d_ros.perception.model_description import ModelDescription
from dense3d_ros.perception.model_file import available_models, model_path, read_model
from dense3d_ros.recordings.drawing import contact_sheet, draw_bones, overlay, write, write_image
from dense3d_ros.skeleton_drawing import ColourImage

SHOWN = 6


def by_model(results: dict[str, dict[str, Any]], part: Callable[[dict[str, Any]], str]) -> str:
    """A part of the card for each model under its name."""
    return "\n\n".join(f"### `{name}`\n\n{part(result)}" for name, result in results.items())


def confidence(results: dict[str, dict[str, Any]]) -> str:
    """How true the expected errors are, and where the least score comes from."""
    lines = []
    for name, result in results.items():
        description, _ = read_model(name)
        fitted = description.confidence.fitted
        lines.append(f"`{name}`: hands are published from a score of {description.confidence.min_score:g} on.")
        if fitted:
            lines.append(
                f"On {fitted['images_without_hand']} calibration images without a hand one is seen in "
                f"{percent(fitted['false_hands'], digits=2)}, and {percent(fitted['hands_missed'])} of the hands in "
                f"{fitted['images_with_hand']} calibration images are missed."
            )
        else:
            lines.append("It was not calibrated: its scores only rank.")
        reliability = result["reliability"]
        lines.append(
            f"On the test set, expected and measured joint error differ by "
            f"{number(reliability['calibration_error_mm'])} mm on average over ten groups; their rank correlation is "
            f"{number(reliability['rank_correlation'], 2)}.\n"
        )
        rows = [
            [
                number(group["score"], 2),
                *(
                    number(group[key])
                    for key in ("expected_error_mm", "mean_error_mm", "median_error_mm", "p90_error_mm")
                ),
            ]
            for group in reliability["bins"]
        ]
        lines.append(table(["joint score", "expected (mm)", "measured mean", "median", "90th percentile"], rows) + "\n")
    return "\n".join(lines).rstrip()


def training(descriptions: dict[str, ModelDescription]) -> str:
    """What the model files say of themselves."""
    rows = []
    for name, description in descriptions.items():
        _, network = read_model(name)
        weights = sum(parameter.numel() for parameter in network.parameters())
        rows.append(
            [
                f"`{name}`",
                f"{weights / 1e6:.2f} M, {model_path(name).stat().st_size / 2**20:.1f} MiB",
                f"{description.resolution}×{description.resolution}, {description.views} of each hand",
                "; ".join(f"{key}: {value}" for key, value in description.training.items()),
                description.licence,
            ]
        )
    return table(["model", "weights", "crop", "training", "licence"], rows)


def failure_sheet(name: str, result: dict[str, Any]) -> ColourImage:
    """The worst images: largest errors, missed hands, and things taken for a hand, a row each."""
    model, test_set = load_model(name), SyntheticTestSet.load()
    detector, failures = OwnDetector(model), result["failures"]
    images = []
    rows = [
        *((entry["image"], f"{entry['mean_joint_error_mm']:.0f} mm") for entry in failures["largest_errors"][:SHOWN]),
        *((image, "missed") for image in failures["missed"][:SHOWN]),
        *((image, "false") for image in failures["false_beside_a_hand"][:SHOWN]),
    ]
    for image, what in rows:
        frame = hand_frame(image, test_set)
        hands = detector.estimate(frame.sample, 1 + len(frame.others))
        drawn = overlay(frame.sample.depth, frame.sample.camera, hands)
        if what == "missed":
            draw_bones(drawn, frame.sample.camera.project(frame.sample.joints), 0.4)
        write(drawn, f"{image}: {what}", (6, 22), 0.8)
        images.append(drawn)
    for image in failures["false_without_a_hand"][:SHOWN]:
        sample = hand_free_frame(image, test_set)
        drawn = overlay(sample.depth, sample.camera, detector.estimate(sample, 1))
        write(drawn, f"no hand {image}: false", (6, 22), 0.8)
        images.append(drawn)
    return contact_sheet(images, columns=SHOWN, width=300)


def put(text: str, name: str, content: str) -> str:
    """Replace what is between the marks of block `name`; ValueError if they are missing."""
    start, end = f"<!-- generated: {name} -->", "<!-- end -->"
    pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"the model card has no block {start} … {end}")
    return pattern.sub(lambda _: f"{start}\n\n{content}\n\n{end}", text)


def write_card(docs: Path, *, images: bool) -> list[Path]:
    """Bring the card and its images up to date; returns the files written."""
    results = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((docs / "results").glob("*.json"), key=lambda path: path.stem != "fast")
        if path.stem in available_models()
    }
    if not results:
        raise ValueError(f"{docs / 'results'} holds no NAME.json of a shipped model; run `dense3d evaluate` first")
    for name, result in results.items():
        paths = sorted((docs / "results" / "no_hand").glob(f"{name}_*.json"))
        result["no_hand"] = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    card = docs / "model_card.md"
    text = card.read_text(encoding="utf-8")
    text = put(text, "training", training({name: read_model(name)[0] for name in results}))
    text = put(text, "overview", overview(results))
    text = put(text, "confidence", confidence(results))
    text = put(text, "hands", by_model(results, hands))
    text = put(text, "work", by_model(results, working))
    text = put(text, "followed", by_model(results, followed))
    text = put(text, "held", by_model(results, held))
    text = put(text, "details", by_model(results, details))
    text = put(text, "failures", "\n\n".join(f"![Failures of {name}](images/failures_{name}.png)" for name in results))
    written = [card, docs / "images" / "reliability.png"]
    plot_reliability(written[1], results)
    for name, result in results.items() if images else ():
        written.append(docs / "images" / f"failures_{name}.png")
        write_image(written[-1], failure_sheet(name, result))
    # Last, so that the card never names an image that is not there.
    write_text(card, text)
    return written


def main() -> int:
    """Run the command line."""
    description, _, epilog = __doc__.partition("\n")
    parser = argparse.ArgumentParser(
        description=description, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--docs", metavar="DIR", type=Path, default=Path(__file__).parents[1] / "docs")
    parser.add_argument("--no-failures", action="store_true", help="leave the images of failures as they are")
    arguments = parser.parse_args()
    try:
        for path in write_card(arguments.docs, images=not arguments.no_failures):
            print(path)
    except (ValueError, OSError, KeyError) as error:
        print(f"error: {error!r}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
