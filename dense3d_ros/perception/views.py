"""On how many crops of each hand a model runs. It is chosen when the model is loaded; the weights are the same."""

TURNS: dict[int, tuple[float, ...]] = {1: (0.0,), 3: (0.0, -0.25, 0.25)}
"""Number of views -> by how many radians each crop of a hand is turned from upright."""
VIEWS = tuple(TURNS)
NEW_HAND_VIEWS = max(VIEWS)
"""On so many crops a new hand is judged whatever the number of views: it is judged once, and followed for long."""


def check_views(views: int) -> None:
    """Raise ValueError where a model cannot run on so many crops of each hand."""
    if views not in VIEWS:
        raise ValueError(f"views is {views}; accepted: {' or '.join(map(str, VIEWS))}")
