"""The images of results, drawn from the measured figures that come with the documents."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dense3d_ros.learning.evaluation import report

RESULT = Path(__file__).parents[2] / "docs" / "results" / "views_1.json"


def test_every_panel_of_a_model_has_a_title_and_no_legend_covers_the_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="plots need matplotlib")
    from matplotlib.figure import Figure

    drawn: list[Figure] = []
    monkeypatch.setattr(report, "_save", lambda figure, path: drawn.append(figure))
    report.plot_model(Path("model.png"), json.loads(RESULT.read_text(encoding="utf-8")))
    panels = {axes.get_title(): axes for axes in drawn[0].axes}
    assert len(panels) == len(drawn[0].axes) == 8
    assert "" not in panels
    drawn[0].draw_without_rendering()
    evidence = panels["Is it a hand? Hands found over false ones"]
    legend = evidence.get_legend()
    assert legend is not None
    assert legend.get_window_extent().x0 >= evidence.get_window_extent().x1
    assert not any(
        legend.get_window_extent().overlaps(axes.get_tightbbox()) for axes in panels.values() if axes is not evidence
    )
