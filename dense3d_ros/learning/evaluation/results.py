"""What `dense3d evaluate` writes of a model on synthetic images, and what the model card reads of it."""

from __future__ import annotations

from dense3d_ros.learning.evaluation.model import SyntheticResult
from dense3d_ros.learning.evaluation.no_hand import NoHandResult
from dense3d_ros.learning.evaluation.recall import ManyHandsRates
from dense3d_ros.learning.evaluation.sequences import SequenceErrors
from dense3d_ros.learning.evaluation.two_hands import FollowedSummary
from dense3d_ros.learning.evaluation.working_hands import WorkingErrors


class EvaluationResult(SyntheticResult, total=False):
    """Single images and sequences. Files of earlier versions lack some parts; free_motion is by kind of mesh."""

    many_hands: ManyHandsRates
    working_hands: WorkingErrors
    sequences: SequenceErrors
    free_motion: dict[str, SequenceErrors]
    two_hands: FollowedSummary
    holding: FollowedSummary


class CardResult(EvaluationResult, total=False):
    """Also what was seen in folders of real frames without a hand, each of which has a file of its own."""

    no_hand: list[NoHandResult]
