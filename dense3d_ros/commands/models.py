"""List the models that come with the package: name, network, training, measured errors, licence.

example:
  dense3d models
"""

from __future__ import annotations

import argparse

SUMMARY = "list the models that come with the package"
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
"""Ends of the names of what a model's file has besides weights."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`dense3d models` has no arguments."""


def run(arguments: argparse.Namespace) -> int:
    """Print one paragraph for each model."""
    from dense3d_ros.perception.model_file import available_models, model_path, read_weights
    from dense3d_ros.perception.views import VIEWS

    names = available_models()
    for name in names:
        description, tensors = read_weights(model_path(name))
        weights = sum(tensor.size for key, tensor in tensors.items() if not key.endswith(STATISTICS))
        print(f"{name}: {model_path(name)}")
        print(
            f"  {description.stacks} stack(s) of {description.features} features, {weights / 1e6:.2f} M weights, "
            f"{description.resolution}x{description.resolution} crops of {2 * description.half_size:g} m"
        )
        print("  mean joint error:" if description.errors else "  mean joint error: not measured")
        for data, value in description.errors.items():
            print(f"    {value:g} mm on {data}")
        for views in VIEWS:
            confidence = description.confidence(views)
            # The terms and the curve are tables, for `docs/model_card.md`.
            fitted = {key: value for key, value in confidence.fitted.items() if isinstance(value, int | float)}
            calibration = ", ".join(f"{key} {value}" for key, value in fitted.items()) or "none"
            of_new = description.views_of_new_hands(views)
            least = description.confidence(of_new).min_score
            print(
                f"  views {views}: new hands, judged on {of_new}, are published from a score of {least:g} on; "
                f"calibration for {views}: least score {confidence.min_score:g}, {calibration}"
            )
        print("  training:")
        for key, value in description.training.items():
            print(f"    {key}: {value}")
        print(f"  licence: {description.licence}")
    if not names:
        print("no model is installed; `dense3d train` makes one")
    return 0
