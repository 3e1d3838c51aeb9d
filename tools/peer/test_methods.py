"""The oracles of the method specification that concern this reference implementation."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from methods import (
    INFOPRO_CIFAR10,
    MAN_RELEASE,
    Learner,
    Man,
    Options,
    Schedule,
    cifar_learning_rate,
    move_average,
)
from models import CIFAR10, BasicUnit, Decoder, Head, block_ends, count_parameters, cut, resnet


def batch(count: int = 4, seed: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (count, 3, 32, 32), generator=generator)
    return CIFAR10.normalise(pixels), torch.randint(0, 10, (count,), generator=generator)


def learner(options: Options, blocks: int = 4, width: int = 4) -> Learner:
    torch.manual_seed(1)
    return Learner(resnet(8, width), block_ends(1, blocks), options)


def infopro(man: Man | None = None, learning_rate: float = 0.05) -> Options:
    return Options(schedule=INFOPRO_CIFAR10, man=man, learning_rate=learning_rate)


# ------------------------------------------------------------------- sizes and partitions


@pytest.mark.parametrize(
    ("depth", "parameters", "multiplications"), [(32, 466_906, 69_124_736), (110, 1_730_714, 253_149_824)]
)
def test_backbone_size(depth: int, parameters: int, multiplications: int) -> None:
    net = resnet(depth).eval()
    counted = []

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        weight = module.weight
        per_output = weight[0].numel()
        counted.append(per_output * output[0].numel())

    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(count)
    with torch.no_grad():
        net(torch.zeros(1, 3, 32, 32))
    assert count_parameters(net) == parameters
    assert sum(counted) == multiplications


def test_unit_sizes() -> None:
    net = resnet(32)
    sizes = {layer.end: count_parameters(layer.module) for layer in net.layers()}
    assert sizes["stem"] == 464
    assert sizes[(1, 0)] == sizes[(1, 4)] == 4_672
    assert (sizes[(2, 0)], sizes[(2, 1)]) == (14_528, 18_560)
    assert (sizes[(3, 0)], sizes[(3, 4)]) == (57_728, 73_984)
    assert count_parameters(net.classifier) == 650


@pytest.mark.parametrize(
    ("channels", "ratio", "one", "two", "decoder"),
    [(16, 1, 10_186, 19_466, 2_091), (32, 2, 28_170, 65_162, 3_819), (64, 4, 46_602, 83_594, 7_275)],
)
def test_auxiliary_sizes(channels: int, ratio: int, one: int, two: int, decoder: int) -> None:
    assert count_parameters(Head(channels, ratio, 10)) == one
    assert count_parameters(Head(channels, ratio, 10, "2c2f")) == two
    assert count_parameters(Decoder(channels)) == decoder


@pytest.mark.parametrize(
    ("depth", "blocks", "units"),
    [
        (32, 8, [2, 2, 2, 2, 2, 2, 2, 2]),
        (32, 16, [1] * 16),
        (
            110,
            32,
            [3, 1, 2, 1, 2, 2, 2, 2, 1, 2, 1, 2, 1, 2, 1, 2, 2, 2, 2, 1, 2, 1, 2, 2, 1, 2, 1] + [2] * 5,
        ),
        (110, 55, [1] * 55),
    ],
)
def test_layers_per_block(depth: int, blocks: int, units: list[int]) -> None:
    net = resnet(depth, width=1)
    cuts = cut(net, block_ends(net.units_per_stage, blocks))
    assert [len(block) for block in cuts] == units
    assert [layer.name for block in cuts for layer in block] == [layer.name for layer in net.layers()]


def test_stem_place() -> None:
    assert len(block_ends(5, 16, stem="merge")) == 15
    assert len(block_ends(18, 55, stem="merge")) == 54
    assert len(block_ends(5, 8, stem="own")) == 9
    assert len(block_ends(18, 32, stem="own")) == 33
    with pytest.raises(ValueError, match="no table"):
        block_ends(5, 7)


def test_feature_shapes_of_8_blocks() -> None:
    torch.manual_seed(1)
    trainer = Learner(resnet(32), block_ends(5, 8), infopro(Man()))
    shapes, inner = [], []
    h = torch.zeros(2, 3, 32, 32)
    with torch.no_grad():
        for j in range(8):
            h = trainer.forward_block(j, h)
            shapes.append(tuple(h.shape[1:]))
            if j < 7:
                inner.append(tuple(trainer.aux[j].features(h).shape[1:]))
    small, middle, large = (16, 32, 32), (32, 16, 16), (64, 8, 8)
    assert shapes == [small] * 3 + [middle] * 2 + [large] * 3
    assert inner == [small] * 2 + [middle] * 3 + [large] * 2


def test_he_initialisation() -> None:
    torch.manual_seed(1)
    net = resnet(32)
    for module in net.modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 4_000:
            fan_out = module.kernel_size[0] ** 2 * module.out_channels
            assert module.weight.std().item() == pytest.approx(math.sqrt(2 / fan_out), rel=0.06)
    assert net.classifier.linear.weight.abs().max().item() <= 1 / 8


# -------------------------------------------------------------------------- schedules


def test_infopro_schedule() -> None:
    weights = Learner(resnet(32, 2), block_ends(5, 16), Options(schedule=INFOPRO_CIFAR10)).loss_weights
    assert len(weights) == 15
    assert weights[0] == pytest.approx((5, 0.05))
    assert weights[7] == pytest.approx((2.6, 0.275))
    assert weights[14] == pytest.approx((0.2, 0.5))
    assert weights[1][0] - weights[0][0] == pytest.approx(-0.342857, abs=1e-6)
    assert weights[1][1] - weights[0][1] == pytest.approx(0.0321429, abs=1e-7)
    eight = Schedule(5, 0, 0, 2).weights(cut(resnet(32, 2), block_ends(5, 8)))
    assert eight[3] == pytest.approx((2.5, 1.0))
    assert Schedule(5, 0, 1, 2).weights(cut(resnet(8, 2), [(1, 0), (3, 0)])) == [(5, 0)]


@pytest.mark.parametrize(
    ("depth", "blocks", "by_stage"),
    [
        (32, 16, (4.6429, 4.2857, 3.9286)),
        (32, 8, (4.1667, 3.3333, 2.5)),
        (110, 32, (4.8333, 4.6667, 4.5)),
        (110, 55, (4.9057, 4.8113, 4.7170)),
    ],
)
def test_released_man_schedule(depth: int, blocks: int, by_stage: tuple[float, ...]) -> None:
    net = resnet(depth, width=1)
    cuts = cut(net, block_ends(net.units_per_stage, blocks))
    for weights, following in zip(MAN_RELEASE.weights(cuts), cuts[1:], strict=True):
        expected = by_stage[following[0].stage - 1]
        assert weights == pytest.approx((expected, expected / 10), abs=1e-4)


def test_cifar_learning_rate() -> None:
    expected = {1: 0.01, 2: 0.0889951, 5: 0.3258766, 10: 0.7198902, 11: 0.7985082, 100: 0.6828427, 200: 0.4}
    for epoch, rate in expected.items():
        assert cifar_learning_rate(epoch, 0.8) == pytest.approx(rate, abs=1e-7)
    assert cifar_learning_rate(400, 0.8) == 0.0


# ----------------------------------------------------------------------------- numbers


def test_moving_average_oracle() -> None:
    average = torch.ones((), dtype=torch.float64)
    seen = []
    for value in (0.0, 0.5, 1.0):
        move_average([average], [torch.tensor(value, dtype=torch.float64)], 0.995)
        seen.append(average.item())
    assert seen == pytest.approx([0.995, 0.992525, 0.992562375], abs=1e-15)


def test_zero_weights_make_a_unit_the_identity() -> None:
    unit = BasicUnit(4, 4, 1)
    nn.init.zeros_(unit.conv1.weight)
    nn.init.zeros_(unit.conv2.weight)
    h = torch.rand(2, 4, 5, 5)
    assert torch.equal(unit(h - 0.5), F.relu(h - 0.5))
    assert torch.equal(unit(h) + copy.deepcopy(unit)(h), 2 * h)


def test_loss_of_uninformed_auxiliaries() -> None:
    """Zero logits and a grey reconstruction: 5 ln 2 + 0.5 ln 10, whatever the pictures."""
    trainer = learner(Options(schedule=Schedule(5, 0.5, 5, 0.5)))
    for aux in trainer.aux:
        for part in (aux.head.output, aux.decoder.conv2):
            nn.init.zeros_(part.weight)
            nn.init.zeros_(part.bias)
    images, labels = batch()
    h = trainer.forward_block(0, images)
    loss = trainer.local_loss(0, h, CIFAR10.pixels(images), labels)
    assert loss.classification.item() == pytest.approx(math.log(10), abs=1e-6)
    assert loss.reconstruction.item() == pytest.approx(math.log(2), abs=1e-6)
    assert loss.total.item() == pytest.approx(4.617028, abs=1e-5)


def test_reconstruction_is_sigmoid_then_cross_entropy() -> None:
    torch.manual_seed(1)
    logits, target = torch.randn(2, 3, 8, 8) * 3, torch.rand(2, 3, 8, 8)
    expected = F.binary_cross_entropy(torch.sigmoid(logits), target)
    assert F.binary_cross_entropy_with_logits(logits, target).item() == pytest.approx(
        expected.item(), rel=1e-6
    )


def test_pixels_undo_the_normalisation() -> None:
    pixels = torch.arange(256).repeat(3, 1).view(1, 3, 16, 16)
    restored = CIFAR10.pixels(CIFAR10.normalise(pixels))
    assert (restored * 255 - pixels).abs().max().item() < 1e-4
    assert restored.min().item() >= 0 and restored.max().item() <= 1


# -------------------------------------------------------------------------- isolation


@pytest.mark.parametrize("j", [0, 1, 2])
def test_local_loss_reaches_its_own_block_only(j: int) -> None:
    trainer = learner(infopro(Man()))
    images, labels = batch()
    h = images
    for i in range(j + 1):
        h = trainer.forward_block(i, h.detach())
    trainer.local_loss(j, h, CIFAR10.pixels(images), labels).total.backward()
    mine = {id(p) for layer in trainer.blocks[j] for p in layer.module.parameters()}
    mine |= {id(p) for name, p in trainer.aux[j].named_parameters() if not name.startswith("ema.")}
    for name, parameter in trainer.named_parameters():
        assert (parameter.grad is not None) == (id(parameter) in mine), name


def test_frozen_branch_passes_gradient_to_its_input() -> None:
    trainer = learner(infopro(Man(bias=False)))
    images, labels = batch()
    h = trainer.forward_block(0, images)
    trainer.local_loss(0, h, CIFAR10.pixels(images), labels).total.backward()
    assert trainer.net.stem.conv.weight.grad.abs().sum().item() > 0


def test_no_learning_still_moves_the_average() -> None:
    trainer = learner(infopro(Man(momentum=0.9, init="independent"), learning_rate=0.0))
    before = {name: p.detach().clone() for name, p in trainer.named_parameters()}
    trainer.step(*batch())
    for name, parameter in trainer.named_parameters():
        if ".ema." not in name:
            assert torch.equal(parameter, before[name]), name
    for j, aux in enumerate(trainer.aux):
        source = dict(trainer.blocks[j + 1][0].module.named_parameters())
        for name, average in aux.ema.named_parameters():
            old = before[f"aux.{j}.ema.{name}"]
            expected = 0.9 * old + 0.1 * source[name]
            assert torch.allclose(average, expected, atol=1e-7)
        assert (aux.ema.conv1.weight - before[f"aux.{j}.ema.conv1.weight"]).abs().max().item() > 0


def test_average_with_momentum_one_never_moves() -> None:
    trainer = learner(infopro(Man(momentum=1.0)))
    before = [p.detach().clone() for aux in trainer.aux for p in aux.ema.parameters()]
    trainer.step(*batch())
    after = [p for aux in trainer.aux for p in aux.ema.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(after, before, strict=True))


@pytest.mark.parametrize("order", ["after-step", "before-step"])
def test_average_follows_the_weights_of_its_order(order: str) -> None:
    """With momentum 0 the average is a plain copy of the weights it is updated from."""
    trainer = learner(infopro(Man(momentum=0.0, order=order)))
    first = [block[0].module.conv1.weight for block in trainer.blocks[1:]]
    old = [w.detach().clone() for w in first]
    trainer.step(*batch())
    for aux, before, now in zip(trainer.aux, old, first, strict=True):
        assert not torch.equal(before, now)
        assert torch.equal(aux.ema.conv1.weight, now if order == "after-step" else before)


def test_average_is_left_alone_by_the_optimizer_and_statistics_by_the_average() -> None:
    trainer = learner(infopro(Man()))
    trainer.step(*batch())
    for j, aux in enumerate(trainer.aux):
        assert not any("momentum_buffer" in trainer.optimizer.state[p] for p in aux.ema.parameters())
        unit = trainer.blocks[j + 1][0].module
        assert unit.bn1.num_batches_tracked.item() == aux.ema.bn1.num_batches_tracked.item() == 1
        assert not torch.equal(aux.ema.bn1.running_mean, torch.zeros_like(aux.ema.bn1.running_mean))


def test_initial_branches() -> None:
    copied, drawn = learner(infopro(Man())), learner(infopro(Man(init="independent")))
    for trainer, same in ((copied, True), (drawn, False)):
        for j, aux in enumerate(trainer.aux):
            weight = trainer.blocks[j + 1][0].module.conv1.weight
            assert torch.equal(aux.ema.conv1.weight, weight) is same
            assert torch.equal(aux.ema.conv1.weight, aux.bias.conv1.weight) is same


def test_gate_starts_as_the_plain_sum_and_learns() -> None:
    plain, gated = learner(infopro(Man())), learner(infopro(Man(gated=True)))
    totals = [[loss.total.item() for loss in t.step(*batch())] for t in (plain, gated)]
    assert totals[0] == pytest.approx(totals[1], abs=1e-6)
    assert all(aux.mix.item() != 1.0 for aux in gated.aux)


# ------------------------------------------------------------------------ equivalences


def test_one_block_is_plain_training_bit_for_bit() -> None:
    trainer = learner(Options(learning_rate=0.05), blocks=1)
    torch.manual_seed(1)
    net = resnet(8, 4).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4, nesterov=True)
    for seed in range(3):
        images, labels = batch(seed=seed)
        total = trainer.step(images, labels)[0].total
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert torch.equal(total, loss.detach())
    for name, value in net.state_dict().items():
        assert torch.equal(value, trainer.net.state_dict()[name]), name


def test_man_without_branches_is_infopro_bit_for_bit() -> None:
    off, baseline = learner(infopro(Man(ema=False, bias=False))), learner(infopro())
    for seed in range(2):
        a, b = off.step(*batch(seed=seed)), baseline.step(*batch(seed=seed))
        assert [x.total.item() for x in a] == [y.total.item() for y in b]
    assert off.state_dict().keys() == baseline.state_dict().keys()


def test_step_equals_the_specification_written_out() -> None:
    """The iteration of InfoPro+MAN once more, by hand, with the SGD and EMA formulas spelt out."""
    trainer = learner(infopro(Man(momentum=0.9))).double()
    twin = copy.deepcopy(trainer)
    twin.blocks = cut(twin.net, block_ends(1, 4))
    trainable = [p for name, p in twin.named_parameters() if ".ema." not in name]
    velocity = [torch.zeros_like(p) for p in trainable]
    for seed in range(3):
        images, labels = batch(seed=seed)
        images = images.double()
        trainer.step(images, labels)
        sum_of_losses = torch.zeros((), dtype=torch.float64)
        h = images
        for j, aux in enumerate(twin.aux):
            for layer in twin.blocks[j]:
                h = layer.module(h.detach() if layer is twin.blocks[j][0] else h)
            z = aux.bias(h) + aux.ema(h)
            a, b = twin.loss_weights[j]
            picture = torch.sigmoid(aux.decoder(z, (32, 32)))
            sum_of_losses = sum_of_losses + a * F.binary_cross_entropy(picture, CIFAR10.pixels(images))
            sum_of_losses = sum_of_losses + b * F.cross_entropy(aux.head(z), labels)
        h = h.detach()
        for layer in twin.blocks[-1]:
            h = layer.module(h)
        sum_of_losses = sum_of_losses + F.cross_entropy(twin.net.classifier(h), labels)
        gradients = torch.autograd.grad(sum_of_losses, trainable)
        with torch.no_grad():
            for p, g, v in zip(trainable, gradients, velocity, strict=True):
                g = g + 1e-4 * p
                v.mul_(0.9).add_(g)
                p -= 0.05 * (g + 0.9 * v)
            for j, aux in enumerate(twin.aux):
                source = twin.blocks[j + 1][0].module.parameters()
                for average, value in zip(aux.ema.parameters(), source, strict=True):
                    average.copy_(0.9 * average + 0.1 * value)
    for (name, a), (_, b) in zip(trainer.named_parameters(), twin.named_parameters(), strict=True):
        assert torch.allclose(a, b, rtol=1e-9, atol=1e-11), name
