"""Refinement of fused joints: it starts as nothing, sees all joints, the pixels that they come from and all others."""

from __future__ import annotations

import torch

from dense3d_ros.dense.maps import MapGeometry, Surface
from dense3d_ros.dense.refinement import Attention, CrossAttention, Refined, Refinement, split_heads

FEATURES, SUMMARY, JOINTS = 8, 24, 21


class Given:
    """What `Refinement` takes, of 4x4 cells."""

    def __init__(self, batch: int) -> None:
        generator = torch.Generator().manual_seed(1)

        def rand(*shape: int) -> torch.Tensor:
            return torch.rand(shape, generator=generator)

        self.features = rand(batch, FEATURES, 4, 4)
        weight = rand(batch, JOINTS, 16)
        self.weight = weight / weight.sum(-1, keepdim=True)
        self.summary = rand(batch, SUMMARY)
        self.joints, self.spread, self.closeness = (
            rand(batch, JOINTS, 3) - 0.5,
            0.1 * rand(batch, JOINTS),
            rand(batch, JOINTS),
        )
        self.depth = rand(batch, 1, 4, 4)
        self.points = rand(batch, 3, 4, 4) - 0.5

    def hand(self, index: int) -> Given:
        """One hand of the batch."""
        alone = Given(1)
        for name, tensor in vars(self).items():
            setattr(alone, name, tensor[index : index + 1])
        return alone

    def refined(self, refinement: Refinement) -> Refined:
        surface = Surface(MapGeometry(), self.depth, self.points, self.depth > 0.3)
        found: Refined = refinement(
            self.features, surface, self.weight, self.summary, self.joints, self.spread, self.closeness
        )
        return found


def trained(seed: int = 0) -> Refinement:
    """All that starts as zero with random weights."""
    torch.manual_seed(seed)
    refinement = Refinement(JOINTS, FEATURES, SUMMARY, blocks=2)
    for parameter in refinement.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, 0, 0.1)
    return refinement.eval()


def test_it_starts_by_moving_nothing_and_expects_some_error() -> None:
    given = Given(3)
    found = given.refined(Refinement(JOINTS, FEATURES, SUMMARY, blocks=2))
    torch.testing.assert_close(found.joints, given.joints)
    assert (found.error * 150 - 30).abs().max() < 3, "about 30 mm in a cube of half size 150 mm"


def test_hands_of_a_batch_do_not_see_each_other() -> None:
    refinement, given = trained(), Given(3)
    together = given.refined(refinement)
    for index in range(3):
        alone = given.hand(index).refined(refinement)
        torch.testing.assert_close(alone.joints[0], together.joints[index])
        torch.testing.assert_close(alone.error[0], together.error[index])
    assert (together.error > 0).all()


def test_every_joint_depends_on_every_other_and_on_the_pixels_of_its_votes() -> None:
    refinement, given = trained(), Given(1)
    given.joints.requires_grad_()
    given.features.requires_grad_()
    # The votes of joint 4 come from the first pixel alone, and no other joint's do.
    given.weight[:, :, 0] = 0
    given.weight[:, 4] = 0
    given.weight[:, 4, 0] = 1
    for block in refinement.blocks:
        torch.nn.init.zeros_(block.looking.out.weight)
    found = given.refined(refinement)
    moved = torch.autograd.grad((found.joints - given.joints)[0, 9].sum(), given.joints, retain_graph=True)[0]
    assert (moved[0].abs().sum(1) > 0).all()
    (seen,) = torch.autograd.grad((found.joints - given.joints)[0, 4].sum(), given.features)
    assert seen[0, :, 0, 0].abs().sum() > 0


def test_every_joint_sees_what_and_where_all_pixels_are_also_those_that_nothing_votes_from() -> None:
    refinement, given = trained(), Given(1)
    given.weight[:] = 0
    given.weight[:, :, 0] = 1
    given.features.requires_grad_()
    given.points.requires_grad_()
    found = given.refined(refinement)
    what, where = torch.autograd.grad(found.joints[0, 12].sum(), (given.features, given.points))
    assert (what[0].abs().sum(0) > 0).all()
    assert (where[0].abs().sum(0) > 0).all()


def test_attention_is_torchs() -> None:
    torch.manual_seed(0)
    ours = Attention(16, 4)
    torch.nn.init.normal_(ours.out.weight)
    theirs = torch.nn.MultiheadAttention(16, 4, bias=False, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([layer.weight for layer in (ours.query, ours.key, ours.value)]))
        theirs.out_proj.weight.copy_(ours.out.weight)
    tokens = torch.randn(2, 5, 16)
    torch.testing.assert_close(ours(tokens), theirs(tokens, tokens, tokens)[0])


def test_looking_is_torchs_attention_to_others() -> None:
    torch.manual_seed(0)
    ours = CrossAttention(16, 4)
    torch.nn.init.normal_(ours.out.weight)
    key, value = torch.randn(16, 16), torch.randn(16, 16)
    theirs = torch.nn.MultiheadAttention(16, 4, bias=False, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, key, value]))
        theirs.out_proj.weight.copy_(ours.out.weight)
    tokens, others = torch.randn(2, 5, 16), torch.randn(2, 7, 16)
    found = ours(tokens, split_heads(others @ key.T, 4), split_heads(others @ value.T, 4))
    torch.testing.assert_close(found, theirs(tokens, others, others)[0])
