"""Refinement of fused joints: it starts as nothing, sees all joints and the pixels that they come from."""

from __future__ import annotations

import torch

from dense3d_ros.dense.refinement import Attention, Refinement


def inputs(batch: int = 3, joints: int = 21) -> tuple[torch.Tensor, ...]:
    """features, weight, summary, joints, spread and closeness as `Refinement` takes them."""
    generator = torch.Generator().manual_seed(1)

    def rand(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator)

    weight = rand(batch, joints, 16)
    return (
        rand(batch, 8, 4, 4),
        weight / weight.sum(-1, keepdim=True),
        rand(batch, 24),
        rand(batch, joints, 3) - 0.5,
        0.1 * rand(batch, joints),
        rand(batch, joints),
    )


def trained(seed: int = 0) -> Refinement:
    """All that starts as zero with random weights."""
    torch.manual_seed(seed)
    refinement = Refinement(21, 8, 24, blocks=2)
    for parameter in refinement.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, 0, 0.1)
    return refinement.eval()


def test_it_starts_by_moving_nothing_and_expects_some_error() -> None:
    given = inputs()
    found = Refinement(21, 8, 24, blocks=2)(*given)
    torch.testing.assert_close(found.joints, given[3])
    assert (found.error * 150 - 30).abs().max() < 3, "about 30 mm in a cube of half size 150 mm"


def test_hands_of_a_batch_do_not_see_each_other() -> None:
    refinement, given = trained(), inputs()
    together = refinement(*given)
    for index in range(3):
        alone = refinement(*(part[index : index + 1] for part in given))
        torch.testing.assert_close(alone.joints[0], together.joints[index])
        torch.testing.assert_close(alone.error[0], together.error[index])
    assert (together.error > 0).all()


def test_every_joint_depends_on_every_other_and_on_the_pixels_of_its_votes() -> None:
    refinement = trained()
    features, weight, summary, joints, spread, closeness = (part[:1].clone() for part in inputs())
    joints.requires_grad_()
    features.requires_grad_()
    # The votes of joint 4 come from the first pixel alone, and no other joint's do.
    weight[:, :, 0] = 0
    weight[:, 4] = 0
    weight[:, 4, 0] = 1
    found = refinement(features, weight, summary, joints, spread, closeness)
    moved = torch.autograd.grad((found.joints - joints)[0, 9].sum(), joints, retain_graph=True)[0]
    assert (moved[0].abs().sum(1) > 0).all()
    (seen,) = torch.autograd.grad((found.joints - joints)[0, 4].sum(), features)
    assert seen[0, :, 0, 0].abs().sum() > 0


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
