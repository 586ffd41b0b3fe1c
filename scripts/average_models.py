#!/usr/bin/env python3
"""Average the weights of two models from one training: between them lies a better one than either.

    python scripts/average_models.py later/model.safetensors earlier/model.safetensors --output average.safetensors

Wortsman et al., Model soups, ICML 2022. Both must have the same layers, and the later run must have begun with the
weights of the earlier one (`dense3d train --from`). The file that is written describes the later one, without its
errors and calibrations, which are of other weights: run `dense3d calibrate` next.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from dense3d_ros.perception.model_file import read_any_model, save_model


def averaged(later: dict[str, Tensor], earlier: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """`share` of the later weights and batch-norm statistics and the rest of the earlier ones.

    What is counted, not learned, is the later one's. Raises ValueError for networks of other layers.
    """
    layers = [{name: tensor.shape for name, tensor in weights.items()} for weights in (later, earlier)]
    if layers[0] != layers[1]:
        raise ValueError("the two models have different layers, so their weights have no average")
    return {
        name: share * tensor + (1 - share) * earlier[name] if tensor.is_floating_point() else tensor
        for name, tensor in later.items()
    }


def main() -> int:
    """Write the average; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("later", metavar="LATER", help="model file of the later run")
    parser.add_argument("earlier", metavar="EARLIER", help="model file that it began with")
    parser.add_argument("--share", type=float, default=0.5, help="of the later weights (default: %(default)s)")
    parser.add_argument("--output", metavar="FILE", type=Path, required=True, help="model file to write")
    arguments = parser.parse_args()
    if not 0 < arguments.share < 1:
        parser.error(f"--share must lie between 0 and 1, got {arguments.share}")
    try:
        description, network = read_any_model(arguments.later)
        _, earlier = read_any_model(arguments.earlier)
        network.load_state_dict(averaged(network.state_dict(), earlier.state_dict(), arguments.share))
    except ValueError as error:
        parser.error(str(error))
    save_model(arguments.output, network, replace(description, errors={}, confidences={}))
    print(arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
