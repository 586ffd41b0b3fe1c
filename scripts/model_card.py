#!/usr/bin/env python3
"""Write the figures and the pictures of docs/model_card.md from the results of `dense3d evaluate`.

    dense3d evaluate --model fast --samples 1000 --hand-free 2000 --json docs/results/fast.json
    python scripts/model_card.py

    dense3d evaluate --model fast --no-hand FOLDER ... --json docs/results/no_hand/fast_FOLDER.json   # if there is one

Every shipped model with a docs/results/NAME.json gets its tables between the marks in docs/model_card.md, whose other
text is kept; docs/images/reliability.png is drawn from the same files. docs/images/failures_NAME.png shows the pictures
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
from dense3d_ros.learning.evaluation.detection import OwnFinder
from dense3d_ros.learning.evaluation.report import plot_reliability
from dense3d_ros.learning.evaluation.synthetic import SyntheticTestSet, hand_frame, hand_free_frame
from dense3d_ros.perception.model import load_model
from dense3d_ros.perception.model_file import ModelDescription, available_models, model_path, read_model
from dense3d_ros.recordings.drawing import Picture, contact_sheet, draw_bones, overlay, write, write_picture

GROUPS = {
    "mesh": "hand mesh",
    "sensor": "sensor",
    "distance": "distance",
    "visible_share": "visible share of the hand",
    "picture": "in the picture",
    "in_view": "in view",
    "pose": "pose",
    "view": "seen from",
    "side": "side",
}
HAND_GROUPS = {"hands": "hands in the picture", **GROUPS}
WITHIN = (10, 20, 30, 50)
SHOWN = 6


def number(value: float | None, digits: int = 1) -> str:
    """A value in a table; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def percent(share: float | None, interval: list[float] | None = None, digits: int = 1) -> str:
    """A share as per cent, with its confidence interval where given."""
    text = "–" if share is None else f"{100 * share:.{digits}f} %"
    if share is not None and interval:
        text += f" ({100 * interval[0]:.{digits}f}–{100 * interval[1]:.{digits}f} %)"
    return text


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def overview(results: dict[str, dict[str, Any]]) -> str:
    """The main figures of every model."""

    def mesh(mode: dict[str, Any], name: str) -> str:
        return number(mode["by_mesh"].get(name, {}).get("mean_joint_error_mm"))

    def missed(mode: dict[str, Any], kind: str, name: str) -> str:
        return percent(mode[f"by_{kind}"].get(name, {}).get("missed"))

    rows: list[list[str]] = []
    entries: list[tuple[str, Any]] = [
        ("mean joint error, own finder, meshes trained on (mm)", lambda r: mesh(r["own_finder"], "trained on")),
        ("the same, mesh never trained on", lambda r: mesh(r["own_finder"], "never trained on")),
        ("mean joint error, true place, turn and side, trained on", lambda r: mesh(r["oracle_crop"], "trained on")),
        ("the same, never trained on", lambda r: mesh(r["oracle_crop"], "never trained on")),
        ("median joint error, own finder (mm)", lambda r: number(r["own_finder"]["median_joint_error_mm"])),
        ("hands missed (95 %)", lambda r: percent(r["own_finder"]["missed"], r["own_finder"]["missed_95"])),
        (
            "the same: at least 90 % of the hand in view",
            lambda r: missed(r["own_finder"], "visible_share", "0.90-1.00"),
        ),
        ("the same: all of the hand in view", lambda r: missed(r["own_finder"], "in_view", "fully")),
        ("the same: fists", lambda r: missed(r["own_finder"], "pose", "fist")),
        ("the same: flat hands", lambda r: missed(r["own_finder"], "pose", "flat")),
        ("side of a found hand told rightly", lambda r: percent(r["own_finder"]["right_side"])),
        (
            "no hand in view: a hand is seen (95 %)",
            lambda r: percent(r["own_finder"]["false_hand_rate"], r["own_finder"]["false_hand_rate_95"], 2),
        ),
        ("a false hand beside a true one", lambda r: percent(r["own_finder"]["frames_with_a_false_hand"])),
        ("followed through sequences: mean error (mm)", lambda r: number(r["sequences"]["mean_joint_error_mm"])),
        ("the same: frames without the hand", lambda r: percent(r["sequences"]["missed"])),
        ("the same: frames with a false hand", lambda r: percent(r["sequences"]["false"])),
        ("the same: side told rightly", lambda r: percent(r["sequences"]["right_side"])),
        (
            "pictures with a hand, without one",
            lambda r: f"{r['data']['frames']}, {r['data']['hand_free']}",
        ),
        (
            "none to four hands: missed (95 %)",
            lambda r: percent(r["many_hands"]["missed"], r["many_hands"]["missed_95"]),
        ),
        ("the same: fists", lambda r: missed(r["many_hands"], "pose", "fist")),
        ("the same: flat hands", lambda r: missed(r["many_hands"], "pose", "flat")),
        ("the same: side told rightly", lambda r: percent(r["many_hands"]["right_side"])),
        (
            "the same: pictures with a false hand (95 %)",
            lambda r: percent(*(r["many_hands"][f"pictures_with_a_false_hand{end}"] for end in ("", "_95"))),
        ),
        ("the same: pictures, hands", lambda r: f"{r['many_hands']['pictures']}, {r['many_hands']['hands']}"),
        ("real frames without a hand: one is seen", no_hand),
    ]
    for title, entry in entries:
        rows.append([title, *(entry(result) for result in results.values())])
    return table(["", *(f"`{name}`" for name in results)], rows)


def no_hand(result: dict[str, Any]) -> str:
    """In how many real frames without a hand one is seen; a dash where that was not measured."""
    folders = result.get("no_hand", [])
    counts = [sum(folder[key] for folder in folders) for key in ("frames_with_a_hand", "frames")]
    return "{} of {}".format(*counts) if folders else "–"


def hands(result: dict[str, Any]) -> str:
    """The pictures with none to four hands of one model by group."""
    many = result["many_hands"]
    rows = [
        [
            f"{title}: {name}",
            str(group["hands"]),
            percent(group["missed"], group["missed_95"]),
            percent(group["right_side"]),
            number(group["mean_joint_error_mm"]),
            str(group.get("false_hands", "")),
        ]
        for kind, title in HAND_GROUPS.items()
        for name, group in many[f"by_{kind}"].items()
    ]
    return table(["group", "hands", "missed (95 %)", "side right", "mean error (mm)", "false hands"], rows)


def followed(result: dict[str, Any]) -> str:
    """The sequences of two hands of one model: all, by mesh and by scene."""
    two = result["two_hands"]
    groups = {
        "all": two,
        **{f"hand mesh: {name}": group for name, group in two["by_mesh"].items()},
        **{f"scene: {name}": group for name, group in two["by_scene"].items()},
    }
    rows = [
        [
            name,
            str(group["frames"]),
            percent(group["both_followed"]),
            percent(group["missed"]),
            number(group["number_switches_per_1000"]),
            number(group["side_switches_per_1000"]),
            str(group["false_hands"]),
            percent(group["right_side"]),
            number(group["mota"], 3),
            number(group.get("idf1"), 3),
            number(group.get("mean_joint_error_mm")),
        ]
        for name, group in groups.items()
    ]
    head = ["", "frames", "both followed", "hands missed", "number switches per 1000", "side switches per 1000"]
    return table([*head, "false hands", "side right", "MOTA", "IDF1", "mean error (mm)"], rows)


def by_model(results: dict[str, dict[str, Any]], part: Callable[[dict[str, Any]], str]) -> str:
    """A part of the card for each model under its name."""
    return "\n\n".join(f"### `{name}`\n\n{part(result)}" for name, result in results.items())


def details(result: dict[str, Any]) -> str:
    """Errors of one model by group, part, joint and distance, true centre and own finder side by side."""
    oracle, own = result["oracle_crop"], result["own_finder"]
    modes = (oracle, own)
    both = ["true centre (mm)", "own finder (mm)"]
    groups = []
    for kind, title in GROUPS.items():
        for name, group in oracle[f"by_{kind}"].items():
            found = own[f"by_{kind}"][name]
            errors = [number(one["mean_joint_error_mm"]) for one in (group, found)]
            groups.append([f"{title}: {name}", str(group["frames"]), *errors, percent(found["missed"])])
    parts = [[part, *(number(mode["per_finger_mm"][part]) for mode in modes)] for part in oracle["per_finger_mm"]]
    for key, title in (("seen_joints_mm", "joints in view"), ("hidden_joints_mm", "hidden joints")):
        parts.append([title, *(number(mode[key]) for mode in modes)])
    joints = [[joint, *(number(mode["per_joint_mm"][joint]) for mode in modes)] for joint in oracle["per_joint_mm"]]
    kinds = ("joints_within", "frames_within")
    within = [[f"{d} mm", *(percent(mode[kind][d - 1]) for mode in modes for kind in kinds)] for d in WITHIN]
    heads = [
        "joints within D, true centre",
        "all joints within D",
        "joints within D, own finder",
        "all joints within D",
    ]
    return "\n\n".join(
        [
            table(["group", "pictures", *both, "missed"], groups),
            table(["part", *both], parts),
            table(["joint", *both], joints),
            "Of all pictures, those with a missed hand too:",
            table(["D", *heads], within),
        ]
    )


def confidence(results: dict[str, dict[str, Any]]) -> str:
    """How true the expected errors are, and where the least score comes from."""
    lines = []
    for name, result in results.items():
        description, _ = read_model(name)
        fitted = description.confidence.fitted
        lines.append(f"`{name}`: hands are published from a score of {description.confidence.min_score:g} on.")
        if fitted:
            lines.append(
                f"On {fitted['pictures_without_hand']} calibration pictures without a hand one is seen in "
                f"{percent(fitted['false_hands'], digits=2)}, and {percent(fitted['hands_missed'])} of the hands in "
                f"{fitted['pictures_with_hand']} calibration pictures are missed."
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


def failure_sheet(name: str, result: dict[str, Any]) -> Picture:
    """The worst pictures: largest errors, missed hands, and things taken for a hand, a row each."""
    model, test_set = load_model(name), SyntheticTestSet.load()
    finder, failures = OwnFinder(model), result["failures"]
    pictures = []
    rows = [
        *((entry["picture"], f"{entry['mean_joint_error_mm']:.0f} mm") for entry in failures["largest_errors"][:SHOWN]),
        *((picture, "missed") for picture in failures["missed"][:SHOWN]),
        *((picture, "false") for picture in failures["false_beside_a_hand"][:SHOWN]),
    ]
    for picture, what in rows:
        frame = hand_frame(picture, test_set)
        hands = finder.estimate(frame.sample, 1 + len(frame.others))
        drawn = overlay(frame.sample.depth, frame.sample.camera, hands)
        if what == "missed":
            draw_bones(drawn, frame.sample.camera.project(frame.sample.joints), 0.4)
        write(drawn, f"{picture}: {what}", (6, 22), 0.8)
        pictures.append(drawn)
    for picture in failures["false_without_a_hand"][:SHOWN]:
        sample = hand_free_frame(picture, test_set)
        drawn = overlay(sample.depth, sample.camera, finder.estimate(sample, 1))
        write(drawn, f"no hand {picture}: false", (6, 22), 0.8)
        pictures.append(drawn)
    return contact_sheet(pictures, columns=SHOWN, width=300)


def put(text: str, name: str, content: str) -> str:
    """Replace what is between the marks of block `name`; ValueError if they are missing."""
    start, end = f"<!-- generated: {name} -->", "<!-- end -->"
    pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"the model card has no block {start} … {end}")
    return pattern.sub(lambda _: f"{start}\n\n{content}\n\n{end}", text)


def write_card(docs: Path, *, pictures: bool) -> list[Path]:
    """Bring the card and its pictures up to date; returns the files written."""
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
    text = put(text, "followed", by_model(results, followed))
    text = put(text, "details", by_model(results, details))
    text = put(text, "failures", "\n\n".join(f"![Failures of {name}](images/failures_{name}.png)" for name in results))
    written = [card, docs / "images" / "reliability.png"]
    plot_reliability(written[1], results)
    for name, result in results.items() if pictures else ():
        written.append(docs / "images" / f"failures_{name}.png")
        write_picture(written[-1], failure_sheet(name, result))
    # Last, so that the card never names a picture that is not there.
    write_text(card, text)
    return written


def main() -> int:
    """Run the command line."""
    description, _, epilog = __doc__.partition("\n")
    parser = argparse.ArgumentParser(
        description=description, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--docs", metavar="DIR", type=Path, default=Path(__file__).parents[1] / "docs")
    parser.add_argument("--no-failures", action="store_true", help="leave the pictures of failures as they are")
    arguments = parser.parse_args()
    try:
        for path in write_card(arguments.docs, pictures=not arguments.no_failures):
            print(path)
    except (ValueError, OSError, KeyError) as error:
        print(f"error: {error!r}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
