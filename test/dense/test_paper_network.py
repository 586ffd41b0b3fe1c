import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dense3d_ros.dense.paper_network import ConvNormReLU, Hourglass, PaperNetwork, Residual


def count(network, kind):
    return sum(isinstance(module, kind) for module in network.modules())


@pytest.mark.parametrize(
    ("joints", "stacks", "parameters"),
    [(14, 2, 5_827_804), (16, 2, 5_856_352), (21, 2, 5_929_262), (21, 1, 2_972_391)],
)
def test_parameter_count_is_the_published_graph_s(joints, stacks, parameters):
    network = PaperNetwork(joints, stacks)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    if stacks == 2:
        assert (count(network, nn.Conv2d), count(network, nn.BatchNorm2d)) == (146, 134)


def test_multiply_adds_and_shapes():
    network = PaperNetwork().eval()
    total = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda m, _, out: total.append(m.weight.numel() * out[0, 0].numel()))
    with torch.no_grad():
        stacks = network(torch.rand(1, 1, 128, 128))
    assert sum(total) / 1e9 == pytest.approx(4.97, abs=0.005)
    assert [[tuple(m.shape) for m in maps] for maps in stacks] == [
        [(1, 21, 32, 32), (1, 21, 32, 32), (1, 21, 3, 32, 32)]
    ] * 2


def test_strided_convolution_pads_like_tensorflow():
    layer = ConvNormReLU(7, 1, 1, stride=2).eval()
    nn.init.zeros_(layer[1].weight)
    layer[1].weight.data[0, 0, 2, 2] = 1.0
    image = torch.rand(1, 1, 8, 8)
    # Two rows and columns of padding come before the image, so tap 2 reads pixel 2k itself.
    torch.testing.assert_close(layer(image), image[..., ::2, ::2] / (1 + 1e-3) ** 0.5)


def test_hourglass_pool_pads_after_the_image():
    image = torch.randn(2, 3, 16, 16)
    expected = F.max_pool2d(F.pad(image, (0, 1, 0, 1), value=-torch.inf), 3, 2)
    torch.testing.assert_close(Hourglass(4).pool(image), expected)


def test_hourglass_reaches_two_pixels_and_comes_back():
    hourglass = Hourglass(8).eval()
    sizes = []
    for module in hourglass.modules():
        if isinstance(module, nn.MaxPool2d):
            module.register_forward_hook(lambda m, _, out: sizes.append(out.shape[-1]))
    assert hourglass(torch.rand(1, 8, 32, 32)).shape == (1, 8, 32, 32)
    assert sizes == [16, 8, 4, 2]


def test_residual_halves_its_input_width_and_adds_positive_branches():
    block = Residual(130, 256).eval()
    assert [block.body[k][1].out_channels for k in range(3)] == [65, 65, 256]
    assert block(torch.randn(1, 130, 4, 4)).min() >= 0
    assert isinstance(Residual(64, 64).skip, nn.Identity)


def test_masked_branch_sees_no_background():
    heads = PaperNetwork(joints=2, stacks=1, features=8).eval().heads[0]
    seen = []
    heads.masked.register_forward_pre_hook(lambda m, inputs: seen.append(inputs[0]))
    heads.whole.register_forward_pre_hook(lambda m, inputs: seen.append(inputs[0]))
    uvd = torch.zeros(1, 3, 4, 4)
    uvd[0, 2, 1] = -1.0
    heads(torch.rand(1, 8, 4, 4), uvd)
    whole, masked = seen
    assert whole[:, :8, 1].any()
    assert not masked[:, :, 1].any()
    assert torch.equal(whole[:, :, [0, 2, 3]], masked[:, :, [0, 2, 3]])


def test_every_parameter_learns():
    torch.manual_seed(0)
    network = PaperNetwork(joints=3, features=16)
    stacks = network(torch.rand(2, 1, 128, 128) * 2 - 1)
    sum(m.square().sum() for maps in stacks for m in maps).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_too_small_a_network_is_refused():
    with pytest.raises(ValueError, match="0 joints"):
        PaperNetwork(joints=0)
