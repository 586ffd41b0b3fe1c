"""Results of `dense3d evaluate` as Markdown tables, for the model card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dense3d_ros.learning.evaluation.evidence_curves import ALL_TERMS
from dense3d_ros.learning.evaluation.free_response import recall_by_rate
from dense3d_ros.learning.evaluation.metrics import groups_of
from dense3d_ros.perception.evidence import DESCRIPTIONS

if TYPE_CHECKING:
    from dense3d_ros.learning.evaluation.metrics import ErrorsByLabel, ErrorSummary, GroupErrors
    from dense3d_ros.learning.evaluation.recall import GroupRates
    from dense3d_ros.learning.evaluation.results import CardResult, EvaluationResult
    from dense3d_ros.learning.evaluation.two_hands import FollowedRates, FollowedSummary

GROUPS = {
    "mesh": "hand mesh",
    "sensor": "sensor",
    "distance": "distance",
    "visible_share": "visible share of the hand",
    "image": "in the image",
    "in_view": "in view",
    "pose": "pose",
    "view": "seen from",
    "handedness": "handedness",
}
WORK_GROUPS = {"work": "kind", "holds": "holds", **GROUPS}
HAND_GROUPS = {"hands": "hands in the image", **GROUPS}
WITHIN = (10, 20, 30, 50)
FALSE_CANDIDATES, FALSE_HANDS = (0.1, 0.5, 1, 2, 4), (0.001, 0.003, 0.01, 0.03, 0.1)
"""An image, of the tables of the detector and of the evidence: points of their curves."""


def number(value: float | None, digits: int = 1) -> str:
    """A value in a table; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def percent(share: float | None, interval: list[float] | None = None, digits: int = 1) -> str:
    """A share as per cent, with its confidence interval where given."""
    text = "–" if share is None else f"{100 * share:.{digits}f} %"
    if share is not None and interval:
        text += f" ({100 * interval[0]:.{digits}f}–{100 * interval[1]:.{digits}f} %)"
    return text


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def mean_error(errors: ErrorSummary | None) -> str:
    """Mean joint error, mm; a dash where nothing was measured."""
    return number(errors["mean_joint_error_mm"] if errors else None)


def overview(results: dict[str, CardResult]) -> str:
    """The main figures, a column for each result under its title."""

    def mesh(mode: ErrorsByLabel, name: str) -> str:
        return mean_error(mode["by_mesh"].get(name))

    def missed(groups: Mapping[str, GroupErrors] | Mapping[str, GroupRates], name: str) -> str:
        group = groups.get(name)
        return percent(group["missed"] if group else None)

    entries: list[tuple[str, Callable[[CardResult], str]]] = [
        ("mean joint error, own detector, meshes trained on (mm)", lambda r: mesh(r["own_detector"], "trained on")),
        ("the same, mesh never trained on", lambda r: mesh(r["own_detector"], "never trained on")),
        (
            "mean joint error, true place, turn and handedness, trained on",
            lambda r: mesh(r["oracle_crop"], "trained on"),
        ),
        ("the same, never trained on", lambda r: mesh(r["oracle_crop"], "never trained on")),
        ("median joint error, own detector (mm)", lambda r: number(r["own_detector"]["median_joint_error_mm"])),
        ("hands missed (95 %)", lambda r: percent(r["own_detector"]["missed"], r["own_detector"]["missed_95"])),
        (
            "the same: at least 90 % of the hand in view",
            lambda r: missed(r["own_detector"]["by_visible_share"], "0.90-1.00"),
        ),
        ("the same: all of the hand in view", lambda r: missed(r["own_detector"]["by_in_view"], "fully")),
        ("the same: fists", lambda r: missed(r["own_detector"]["by_pose"], "fist")),
        ("the same: flat hands", lambda r: missed(r["own_detector"]["by_pose"], "flat")),
        ("handedness of a found hand correct", lambda r: percent(r["own_detector"]["correct_handedness"])),
        (
            "no hand in view: a hand is seen (95 %)",
            lambda r: percent(r["own_detector"]["false_hand_rate"], r["own_detector"]["false_hand_rate_95"], 2),
        ),
        ("a false hand beside a true one", lambda r: percent(r["own_detector"]["frames_with_a_false_hand"])),
        ("followed through sequences: mean error (mm)", lambda r: mean_error(r["sequences"])),
        (
            "the same, fingers moving freely: mesh trained on, never trained on",
            lambda r: ", ".join(mean_error(part) for part in r["free_motion"].values()),
        ),
        ("the same: frames without the hand", lambda r: percent(r["sequences"]["missed"])),
        ("the same: frames with a false hand", lambda r: percent(r["sequences"]["false"])),
        ("the same: handedness correct", lambda r: percent(r["sequences"]["correct_handedness"])),
        (
            "images with a hand, without one",
            lambda r: f"{r['data']['frames']}, {r['data']['hand_free']}",
        ),
        (
            "none to four hands: missed (95 %)",
            lambda r: percent(r["many_hands"]["missed"], r["many_hands"]["missed_95"]),
        ),
        ("the same: fists", lambda r: missed(r["many_hands"]["by_pose"], "fist")),
        ("the same: flat hands", lambda r: missed(r["many_hands"]["by_pose"], "flat")),
        ("the same: handedness correct", lambda r: percent(r["many_hands"]["correct_handedness"])),
        (
            "the same: images with a false hand (95 %)",
            lambda r: percent(
                r["many_hands"]["images_with_a_false_hand"], r["many_hands"]["images_with_a_false_hand_95"]
            ),
        ),
        ("the same: images, hands", lambda r: f"{r['many_hands']['images']}, {r['many_hands']['hands']}"),
        ("hands at work, true place, turn and handedness: mean error (mm)", working_error),
        ("the same: those that hold a thing", lambda r: working_error(r, "a thing")),
        ("real frames without a hand: one is seen", no_hand),
    ]
    return table(["", *results], [[title, *map(entry, results.values())] for title, entry in entries])


def working_error(result: EvaluationResult, holds: str | None = None) -> str:
    """Mean error of all hands at work, or of those that hold something; a dash where that was not measured."""
    work = result.get("working_hands")
    return mean_error(work["by_holds"].get(holds) if work and holds else work)


def working(result: EvaluationResult) -> str:
    """The hands at work of one model by group."""
    if "working_hands" not in result:
        return "Not measured."
    work = result["working_hands"]
    groups: list[tuple[str, ErrorSummary]] = [("all", work)]
    for kind, title in WORK_GROUPS.items():
        groups += [(f"{title}: {name}", group) for name, group in groups_of(work, kind).items()]
    rows = [
        [title, str(errors["frames"]), mean_error(errors), number(errors["median_joint_error_mm"])]
        for title, errors in groups
    ]
    rows.append(["joints in view", "", number(work["seen_joints_mm"]), ""])
    rows.append(["hidden joints", "", number(work["hidden_joints_mm"]), ""])
    return table(["group", "images", "mean error (mm)", "median (mm)"], rows)


def no_hand(result: CardResult) -> str:
    """In how many real frames without a hand one is seen; a dash where that was not measured."""
    folders = result.get("no_hand", [])
    counts = [sum(folder[key] for folder in folders) for key in ("frames_with_a_hand", "frames")]
    return "{} of {}".format(*counts) if folders else "–"


def detector(result: EvaluationResult) -> str:
    """The detector's recall over its false candidates by group, and how far off the candidates of hands are."""
    if "detector" not in result:
        return "Not measured."
    measured = result["detector"]
    recall = recall_by_rate(measured["curve"])
    in_use = number(measured["false_per_image"], 2)
    recalls, errors = [], []
    for name, group in measured["groups"].items():
        at = [percent(recall[rate][name]) for rate in FALSE_CANDIDATES]
        recalls.append([name, str(group["hands"]), *at, percent(group["recall"], group["recall_95"])])
        off = (group["lateral_mm"], group["depth_mm"], group["turn_degrees"])
        errors.append([name, *(", ".join(number(value, 0) for value in pair or (None, None)) for pair in off)])
    head = ["group", "hands", *(f"{rate:g} an image" for rate in FALSE_CANDIDATES), f"in use: {in_use} an image (95 %)"]
    return "\n\n".join(
        [
            table(head, recalls),
            "How far the candidates of named hands are off at the threshold in use, median and 90th percentile:",
            table(["group", "across the ray (mm)", "along the ray (mm)", "turn (degrees)"], errors),
        ]
    )


def evidence(result: EvaluationResult) -> str:
    """Recall over false hands of one model, by all terms of the evidence and by each term alone."""
    if "evidence" not in result:
        return "Not measured."
    recall = recall_by_rate(result["evidence"]["curve"])
    rows = [
        [
            "all terms" if name == ALL_TERMS else DESCRIPTIONS[name],
            *(percent(recall[rate][name]) for rate in FALSE_HANDS),
        ]
        for name in recall[FALSE_HANDS[0]]
    ]
    return table(["hands found", *(f"{rate:g} an image" for rate in FALSE_HANDS)], rows)


def hands(result: EvaluationResult) -> str:
    """The images with none to four hands of one model by group."""
    many: Mapping[str, Any] = result["many_hands"]  # whose type does not name all kinds of label
    rows = [
        [
            f"{title}: {name}",
            str(group["hands"]),
            percent(group["missed"], group["missed_95"]),
            percent(group["correct_handedness"]),
            number(group["mean_joint_error_mm"]),
            str(group.get("false_hands", "")),
        ]
        for kind, title in HAND_GROUPS.items()
        for name, group in many[f"by_{kind}"].items()
    ]
    return table(["group", "hands", "missed (95 %)", "handedness correct", "mean error (mm)", "false hands"], rows)


def followed(result: EvaluationResult) -> str:
    """The sequences of two hands of one model: all, by mesh and by scene."""
    rows = [
        [
            name,
            str(group["frames"]),
            percent(group["both_followed"]),
            percent(group["missed"]),
            number(group["number_switches_per_1000"]),
            number(group["handedness_switches_per_1000"]),
            str(group["false_hands"]),
            percent(group["correct_handedness"]),
            number(group["mota"], 3),
            number(group.get("idf1"), 3),
            number(group.get("mean_joint_error_mm")),
        ]
        for name, group in _sequence_groups(result["two_hands"], "scene")
    ]
    head = ["", "frames", "both followed", "hands missed", "number switches per 1000", "handedness switches per 1000"]
    return table([*head, "false hands", "handedness correct", "MOTA", "IDF1", "mean error (mm)"], rows)


def held(result: EvaluationResult) -> str:
    """The sequences of a hand that holds a thing, of one model: all, by mesh and by motion."""
    if "holding" not in result:
        return "Not measured."
    rows = [
        [
            name,
            str(group["frames"]),
            percent(None if group["missed"] is None else 1 - group["missed"]),
            number(group.get("numbers_per_hand"), 2),
            number(group["number_switches_per_1000"]),
            number(group["handedness_switches_per_1000"]),
            number(group["false_hands_per_1000"]),
            percent(group["correct_handedness"]),
            number(group["mean_joint_error_mm"]),
        ]
        for name, group in _sequence_groups(result["holding"], "motion")
    ]
    head = ["", "frames", "hand followed", "numbers of a hand", "number switches per 1000"]
    head += ["handedness switches per 1000", "false hands per 1000", "handedness correct", "mean error (mm)"]
    return table(head, rows)


def _sequence_groups(sequences: FollowedSummary, scene: str) -> list[tuple[str, FollowedRates]]:
    """Titles and figures of followed sequences: all, by mesh, and by what `scene` calls their scenes."""
    return [
        ("all", sequences),
        *((f"hand mesh: {name}", group) for name, group in sequences["by_mesh"].items()),
        *((f"{scene}: {name}", group) for name, group in sequences["by_scene"].items()),
    ]


def details(result: EvaluationResult) -> str:
    """Errors of one model by group, part, joint and distance, true centre and own detector side by side."""
    oracle, own = result["oracle_crop"], result["own_detector"]
    modes = (oracle, own)
    both = ["true centre (mm)", "own detector (mm)"]
    groups = []
    for kind, title in GROUPS.items():
        for name, group in groups_of(oracle, kind).items():
            found = groups_of(own, kind)[name]
            errors = (mean_error(group), mean_error(found))
            groups.append([f"{title}: {name}", str(group["frames"]), *errors, percent(found["missed"])])
    parts = [[part, *(number(mode["per_finger_mm"][part]) for mode in modes)] for part in oracle["per_finger_mm"]]
    parts.append(["joints in view", *(number(mode["seen_joints_mm"]) for mode in modes)])
    parts.append(["hidden joints", *(number(mode["hidden_joints_mm"]) for mode in modes)])
    joints = [[joint, *(number(mode["per_joint_mm"][joint]) for mode in modes)] for joint in oracle["per_joint_mm"]]
    within = [
        [f"{d} mm", *(percent(mode[kind][d - 1]) for mode in modes for kind in ("joints_within", "frames_within"))]
        for d in WITHIN
    ]
    heads = [
        "joints within D, true centre",
        "all joints within D",
        "joints within D, own detector",
        "all joints within D",
    ]
    return "\n\n".join(
        [
            table(["group", "images", *both, "missed"], groups),
            table(["part", *both], parts),
            table(["joint", *both], joints),
            "Of all images, those with a missed hand too:",
            table(["D", *heads], within),
        ]
    )
