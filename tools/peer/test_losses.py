"""Local losses of DGL, PredSim and AugLocal: sizes, formulas, isolation, and the fixtures they write."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch.nn import functional as F

import loss_fixtures
from layouts import parameters
from losses import AugLocal, Dgl, DglHead, DglKind, PoolPlan, Prediction, PredSim, plan_pooling, similarity
from methods import Learner, Man, Options
from models import CIFAR10, block_ends, count_parameters, resnet


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [
        ("auglocal", (9_962, 37_834, 147_338)),
        ("original", (14_378, 54_858, 214_154)),
        ("manpp", (635_146, 637_194, 641_290)),
    ],
)
def test_dgl_head_sizes(kind: DglKind, sizes: tuple[int, ...]) -> None:
    sites = zip((16, 32, 64), (32, 16, 8), strict=True)
    assert tuple(count_parameters(DglHead(*site, 10, kind)) for site in sites) == sizes


def test_dgl_head_sizes_of_vgg13() -> None:
    for width, size, original, auglocal in [(64, 224, 468_584, 401_768), (128, 112, 1_353_960, 1_089_256)]:
        assert count_parameters(DglHead(width, size, 1000, "original")) == original
        assert count_parameters(DglHead(width, size, 1000)) == auglocal


def test_predsim_sizes_and_windows() -> None:
    windows = [plan_pooling(c, s, 512).window for c, s in ((16, 32), (32, 16), (64, 8), (16, 96), (32, 48))]
    assert windows == [(8, 4), (4, 4), (4, 2), (32, 16), (16, 16)]
    assert plan_pooling(64, 24, 512) == PoolPlan((16, 8), (8, 0), (2, 3))
    sizes = [
        sum(count_parameters(part) for part in PredSim().parts(c, s, 10).values())
        for c, s in ((16, 32), (32, 16), (64, 8))
    ]
    assert sizes == [7_434, 14_346, 41_994]


@pytest.mark.parametrize("size", [5, 7, 8, 12, 14, 24, 28, 56])
def test_predsim_pooling_gives_the_planned_size(size: int) -> None:
    for channels in (16, 64, 600):
        for target in (512, 4096):
            plan = plan_pooling(channels, size, target)
            assert channels * plan.result[0] * plan.result[1] <= max(target, channels)
            Prediction(channels, size, 10, target, zero=False)(torch.zeros(1, channels, size, size))


def test_similarity_oracles() -> None:
    targets = similarity(F.one_hot(torch.tensor([0, 0, 1]), 10).float())
    assert targets[0].tolist() == pytest.approx([1, 1, -1 / 9], abs=1e-6)
    assert F.mse_loss(torch.ones(3, 3), targets).item() == pytest.approx(0.548697, abs=1e-6)
    assert F.mse_loss(torch.eye(3), targets).item() == pytest.approx(0.227709, abs=1e-6)
    spread = similarity(torch.randn(1, 5, 3, 3).repeat(4, 1, 1, 1))
    assert torch.allclose(spread, torch.ones(4, 4), atol=1e-5)


def test_losses_of_uninformed_heads() -> None:
    labels = torch.arange(6)
    for local in (Dgl(), Dgl("original"), PredSim(zero=True)):
        parts = torch.nn.ModuleDict(local.parts(16, 8, 10))
        last = parts["head"].output if "head" in parts else parts["prediction"].linear
        torch.nn.init.zeros_(last.weight)
        torch.nn.init.zeros_(last.bias)
        loss = local.loss(parts, torch.randn(6, 16, 8, 8), labels)
        assert loss.terms["classification"].item() == pytest.approx(math.log(10), rel=1e-6)


def test_flattened_weights_are_written_channels_last() -> None:
    head = DglHead(4, 16, 10)
    written = parameters(head)["hidden1.linear.weight"]
    x = torch.randn(2, 4, 2, 2)
    ours = x.permute(0, 2, 3, 1).reshape(2, 16) @ written
    assert torch.allclose(ours, head.hidden1.linear(x.flatten(1)), atol=1e-6)


@pytest.mark.parametrize("local", [Dgl(), PredSim()], ids=["dgl", "predsim"])
def test_local_losses_reach_their_own_block_only(local: Dgl | PredSim) -> None:
    torch.manual_seed(1)
    options = Options(local=local, man=Man(), image_size=32)
    learner = Learner(resnet(8, 4), block_ends(1, 4), options)
    images = CIFAR10.normalise(torch.randint(0, 256, (4, 3, 32, 32)))
    h = learner.forward_block(1, learner.forward_block(0, images).detach())
    learner.local_loss(1, h, images, torch.arange(4)).total.backward()
    touched = {name for name, p in learner.named_parameters() if p.grad is not None}
    assert {name for name in touched if name.startswith("net.")} == {
        f"net.stage1.unit0.{name}" for name, _ in learner.net.get_submodule("stage1.unit0").named_parameters()
    }
    assert all(name.startswith("aux.1.") for name in touched if name.startswith("aux."))
    assert not any(".ema." in name for name in touched)


def test_loss_fixtures_are_up_to_date() -> None:
    stored = json.loads(loss_fixtures.DEFAULT_OUT.read_text())["cases"]
    assert len(stored) == len(loss_fixtures.CASES)
    for case, entry in zip(loss_fixtures.CASES, stored, strict=True):
        fresh = loss_fixtures.build(case)
        assert {k: fresh[k] for k in ("local", "tensors", "labels")} == {
            k: entry[k] for k in ("local", "tensors", "labels")
        }
        pairs = zip(loss_fixtures.numbers(fresh), loss_fixtures.numbers(entry), strict=True)
        assert all(abs(a - b) < 1e-8 * size for (a, size), (b, _) in pairs)


@pytest.mark.parametrize(
    ("network", "depth", "values"),
    [(32, 2, 1_619_734), (32, 5, 2_915_222), (110, 3, 7_649_692), (110, 5, 11_595_868)],
)
def test_auglocal_counts_its_values(network: int, depth: int, values: int) -> None:
    """Those of all auxiliary networks at once; packages/loss-auglocal has the same numbers."""
    blocks = (network - 2) // 2 + 1
    channels = [16] * (blocks // 3 + 1) + [32] * (blocks // 3) + [64] * (blocks // 3)
    counts = [
        count_parameters(torch.nn.ModuleDict(AugLocal(network, 16, i, depth).parts(channels[i], 8, 10)))
        for i in range(blocks - 1)
    ]
    assert sum(counts) == values
