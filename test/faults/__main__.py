"""The campaign's command line."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from .environment import own_domain

ROUND = 10_000
"""Inputs a round; each has processes of its own, so that a long campaign is many."""


def main() -> int:
    """Run the campaign; 0 if no fault was found."""
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000, help="inputs to try (20000)")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many minutes")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same inputs (1)")
    parser.add_argument("--only", default="", metavar="AREA[:BATCH]", help="one area, or one batch of a report")
    parser.add_argument(
        "--output", type=Path, default=Path("faults_output"), help="folder of the report (faults_output)"
    )
    options = parser.parse_args()
    with ExitStack() as stack:
        stack.enter_context(own_domain())
        # After the environment: Fast DDS reads it when rclpy is imported.
        from .campaign import Campaign
        from .report import write_report

        options.output.mkdir(parents=True, exist_ok=True)
        logs = Path(tempfile.mkdtemp(prefix="logs_", dir=options.output)).resolve()
        campaign = Campaign(options.seed, logs, lambda line: print(line, flush=True), options.only)
        until = time.monotonic() + 60 * options.minutes
        try:
            while campaign.result.total < options.inputs and time.monotonic() < until:
                campaign.run(min(ROUND, options.inputs - campaign.result.total), until)
                if options.only:
                    break
        except KeyboardInterrupt:
            print("interrupted; the report holds what was done")
        finally:
            write_report(campaign.result, options.output)
    result = campaign.result
    print(f"{result.total} inputs, {len(result.faults)} faults: {options.output / 'report.md'}")
    return 1 if result.faults else 0


if __name__ == "__main__":
    sys.exit(main())
