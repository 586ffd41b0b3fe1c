#!/usr/bin/env python3
"""Write the figures and the images of docs/model_card.md from the results of `dense3d evaluate`.

    dense3d evaluate --model hand --views 3 --samples 1000 --hand-free 2000 --json docs/results/views_3.json
    python scripts/model_card.py

    dense3d evaluate --model hand --no-hand FOLDER ... --json docs/results/no_hand/views_1_FOLDER.json   # optional

Every docs/results/views_N.json gives the tables of the shipped model with N views between the marks in
docs/model_card.md, whose other text is kept; docs/images/reliability.png is drawn from the same files.
docs/images/failures_views_N.png shows the images of the test set that went worst, drawn again with the skeletons that
the model gives.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from dense3d_ros.atomic_write import write_text
from dense3d_ros.learning.evaluation.detection import OwnDetector
from dense3d_ros.learning.evaluation.report import plot_reliability
from dense3d_ros.learning.evaluation.results import CardResult
from dense3d_ros.learning.evaluation.synthetic import SyntheticTestSet, hand_frame, hand_free_frame
from dense3d_ros.learning.evaluation.tables import (
    details,
    detector,
    evidence,
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
from dense3d_ros.perception.model_file import model_path, read_model
from dense3d_ros.perception.views import VIEWS
from dense3d_ros.recordings.drawing import contact_sheet, draw_bones, overlay, write, write_image
from dense3d_ros.skeleton_drawing import TRUE_COLOURS, ColourImage

MODEL = "hand"
SHOWN = 6
Results: TypeAlias = dict[int, CardResult]
"""Views -> what `dense3d evaluate` wrote of the model with so many."""


def title(views: int) -> str:
    """What heads a column or a part of the card."""
    return "1 view" if views == 1 else f"{views} views"


def titled(results: Results) -> dict[str, CardResult]:
    """Title -> result."""
    return {title(views): result for views, result in results.items()}


def by_views(results: Results, part: Callable[[CardResult], str]) -> str:
    """A part of the card for each number of views under its title."""
    return "\n\n".join(f"### {name}\n\n{part(result)}" for name, result in titled(results).items())


def confidence(results: Results) -> str:
    """How true the expected errors are, and where the least score comes from."""
    lines = []
    description, _ = read_model(MODEL)
    for views, result in results.items():
        of_views = description.confidence(views)
        fitted = of_views.fitted
        of_new = description.views_of_new_hands(views)
        lines.append(
            f"{title(views)}: new hands, judged on {of_new}, are published from a score of "
            f"{description.confidence(of_new).min_score:g} on."
        )
        if fitted:
            lines.append(
                f"Calibration for {title(views)}: on {fitted['images_without_hand']} images without a hand one is seen "
                f"in {percent(fitted['false_hands'], digits=2)}, and {percent(fitted['hands_missed'])} of the hands in "
                f"{fitted['images_with_hand']} calibration images are missed."
            )
        else:
            lines.append("The model was not calibrated for it: its scores only rank.")
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


def training() -> str:
    """What the model file says of itself."""
    description, network = read_model(MODEL)
    weights = sum(parameter.numel() for parameter in network.parameters())
    row = [
        f"`{MODEL}`",
        f"{weights / 1e6:.2f} M, {model_path(MODEL).stat().st_size / 2**20:.1f} MiB",
        f"{description.resolution}×{description.resolution}",
        "; ".join(f"{key}: {value}" for key, value in description.training.items()),
        description.licence,
    ]
    return table(["model", "weights", "crop", "training", "licence"], [row])


def failure_sheet(views: int, result: CardResult) -> ColourImage:
    """The worst images: largest errors, missed hands, and things taken for a hand, a row each.

    True hands are white and thin, estimated ones have a colour for each finger.
    """
    model, test_set = load_model(MODEL, views=views), SyntheticTestSet.load()
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
        draw_bones(drawn, frame.sample.camera.project(frame.sample.joints), 0.4, TRUE_COLOURS)
        write(drawn, f"{image}: {what}  (white: true hand)", (6, 24), 0.9)
        images.append(drawn)
    for image in failures["false_without_a_hand"][:SHOWN]:
        sample = hand_free_frame(image, test_set)
        drawn = overlay(sample.depth, sample.camera, detector.estimate(sample, 1))
        write(drawn, f"no hand {image}: false", (6, 24), 0.9)
        images.append(drawn)
    return contact_sheet(images, columns=SHOWN, width=400)


def put(text: str, name: str, content: str) -> str:
    """Replace what is between the marks of block `name`; ValueError if they are missing."""
    start, end = f"<!-- generated: {name} -->", "<!-- end -->"
    pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"the model card has no block {start} … {end}")
    return pattern.sub(lambda _: f"{start}\n\n{content}\n\n{end}", text)


def write_card(docs: Path, *, images: bool) -> list[Path]:
    """Bring the card and its images up to date; returns the files written."""
    paths = {views: docs / "results" / f"views_{views}.json" for views in VIEWS}
    results: Results = {
        views: json.loads(path.read_text(encoding="utf-8")) for views, path in paths.items() if path.exists()
    }
    if not results:
        raise ValueError(f"{docs / 'results'} holds no views_N.json; run `dense3d evaluate` first")
    for views, result in results.items():
        no_hand = sorted((docs / "results" / "no_hand").glob(f"views_{views}_*.json"))
        result["no_hand"] = [json.loads(path.read_text(encoding="utf-8")) for path in no_hand]
    card = docs / "model_card.md"
    text = card.read_text(encoding="utf-8")
    text = put(text, "training", training())
    text = put(text, "overview", overview(titled(results)))
    text = put(text, "confidence", confidence(results))
    # All numbers of views have the same one.
    text = put(text, "detector", detector(next(iter(results.values()))))
    text = put(text, "evidence", by_views(results, evidence))
    text = put(text, "hands", by_views(results, hands))
    text = put(text, "work", by_views(results, working))
    text = put(text, "followed", by_views(results, followed))
    text = put(text, "held", by_views(results, held))
    text = put(text, "details", by_views(results, details))
    sheets = {views: docs / "images" / f"failures_views_{views}.png" for views in results}
    named = (f"![Failures with {title(views)}](images/{path.name})" for views, path in sheets.items())
    text = put(text, "failures", "\n\n".join(named))
    written = [card, docs / "images" / "reliability.png"]
    plot_reliability(written[1], titled(results))
    for views, path in sheets.items() if images else ():
        write_image(path, failure_sheet(views, results[views]))
        written.append(path)
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
