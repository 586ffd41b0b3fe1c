"""Which of several left, or of several right hands is followed: the same one until it is lost."""

from __future__ import annotations

from collections.abc import Sequence

from dense3d_ros.geometry.hand import Handedness, HandPose
from dense3d_ros.hand_state.rival import Rival
from dense3d_ros.hand_state.state import HandState, StateEstimate, StateSettings, check_hand

TRACK_KEPT_S = 0.3
"""Seconds for which an unseen hand keeps its number in hand_pose by default, and may come back."""
SET_BACK_S = 1.0
"""Seconds by which stamps go back where the time was set back; by less, frames have come out of order."""


class FollowedHand:
    """Follows one hand of a handedness by its `track_id`, whatever the scores of others are.

    The most certain hand is taken first. It stays the followed one while it is in the frames, and is lost when it was
    not there, or not valid, for `max_hold` and TRACK_KEPT_S, or is outside the workspace. Then the most certain one
    that is inside is taken, and its state starts over.

    Of the last update: `hand` is the one that was measured, None where none was; `refused` says why hands were not
    valid; `outside` says how the hand left the workspace; `change` says that another hand was taken than before, and
    why; `back` says that one came alone after the loss of one that was alone, and is taken for the same person's under
    a new number; `doubt` says that another one is much more likely to be a hand than the followed one; `reason` says
    why there is no estimate.
    """

    def __init__(self, handedness: Handedness, settings: StateSettings | None = None) -> None:
        self.state = HandState(handedness, settings)
        self._rival = Rival()
        self.reset()

    @property
    def track_id(self) -> int | None:
        """The number of the followed hand; None where none is followed."""
        return self._track

    def lose(self) -> None:
        """Follow no hand, as where no more frames come. Another one than before is still told."""
        self._lose("")

    def reset(self) -> None:
        """Forget the hand, and that it was followed."""
        self.state.reset()
        self._track: int | None = None
        self._seen = self._stamp = -float("inf")
        self._former: tuple[int, str] | None = None
        self._has_company = False
        self._rival.forget()
        self._forget_update()

    def _forget_update(self) -> None:
        self.hand: HandPose | None = None
        self.refused: list[str] = []
        self.outside = self.change = self.back = self.doubt = self.reason = ""

    def update(self, stamp: float, hands: Sequence[HandPose], *, are_placed: bool = True) -> StateEstimate | None:
        """The state at `stamp` seconds with the hands in that frame, those of another handedness included.

        are_placed: False where the hands are there but nobody knows where. That is as not seen, but the track is not
        lost. A frame that `is_out_of_order` changes nothing and gives None; a stamp that goes back further forgets
        everything. Raises ValueError for a stamp that is not finite.
        """
        self._forget_update()
        if self.is_out_of_order(stamp, hands):
            self.reason = "the frame is no newer than the last one"
            return None
        if stamp < self._stamp:
            self.reset()
        self._stamp = stamp
        valid = [hand for hand in hands if hand.handedness == self.state.handedness and self._is_valid(hand)]
        # One that is back after a loss comes before those that are more certain.
        former = self._former[0] if self._former else None
        valid.sort(key=lambda hand: (hand.track_id != former, -hand.score))
        self._has_company |= len(valid) > 1
        own = next((hand for hand in valid if hand.track_id == self._track), None)
        if own is not None:
            self._seen = stamp
        if not are_placed:
            estimate = self.state.update(stamp, None)
        elif own is not None:
            estimate = self._measured(stamp, own, [hand for hand in valid if hand is not own])
        elif self._track is not None and stamp - self._seen <= max(self.state.settings.max_hold, TRACK_KEPT_S):
            estimate = self.state.update(stamp, None)
        else:
            estimate = None
            self._lose("")
        if self._track is None and are_placed:
            estimate = self._taken(stamp, [hand for hand in valid if hand is not own])
        unfit = "" if valid else ", ".join(self.refused)
        self.reason = self.outside or unfit or self.state.reason
        return estimate

    def is_out_of_order(self, stamp: float, hands: Sequence[HandPose]) -> bool:
        """Whether a frame is older than the last one, or the same again. One without hands takes those back."""
        back = self._stamp - stamp
        return 0.0 < back < SET_BACK_S or (back == 0.0 and bool(hands))

    def _is_valid(self, hand: HandPose) -> bool:
        try:
            check_hand(hand)
        except ValueError as error:
            self.refused.append(str(error))
            return False
        return True

    def _measured(self, stamp: float, hand: HandPose, others: Sequence[HandPose]) -> StateEstimate | None:
        """The followed hand's state; it is lost where it is outside the workspace."""
        self.hand = hand
        estimate = self.state.update(stamp, hand)
        if estimate is None and not self.state.is_glitch:
            self.outside = self.state.reason
            self._lose(self.outside)
        else:
            inside = [other for other in others if not self.state.outside(other)]
            self.doubt = self._rival.told(stamp, hand, inside)
        return estimate

    def _lose(self, outside: str) -> None:
        if self._track is not None:
            self._former = (self._track, outside)
        self._track = None
        self._rival.forget()
        self.state.reset()

    def _taken(self, stamp: float, hands: Sequence[HandPose]) -> StateEstimate | None:
        """The first of `hands` that is inside the workspace starts over, and is followed from now on."""
        for hand in hands:
            estimate = self.state.update(stamp, hand)
            if estimate is not None:
                self._follow(stamp, hand, has_company=len(hands) > 1)
                return estimate
            self.outside = self.outside or self.state.reason
        return self.state.update(stamp, None)

    def _follow(self, stamp: float, hand: HandPose, *, has_company: bool) -> None:
        """From now on follow `hand`, beside which others are in view or not."""
        if self._former is not None and self._former[0] != hand.track_id:
            former, outside = self._former
            gap = stamp - self._seen
            if self._has_company:
                why = outside or f"last seen {gap:.3f} s before"
                self.change = f"another one is followed: track_id {hand.track_id} instead of {former} ({why})"
            else:
                self.back = f"is back (track_id {hand.track_id}) after {gap:.1f} s"
        self._former, self.outside = None, ""
        self.hand, self._track, self._seen = hand, hand.track_id, stamp
        self._has_company = has_company
