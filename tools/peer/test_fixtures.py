"""The committed fixtures: up to date, in the promised layouts, and readable."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

import op_fixtures
import parity_fixtures
from margin import ActivationMargin
from parity_fixtures import REAL, SMALL, methods, state, synthetic_pictures, train

OPS = op_fixtures.DEFAULT_OUT
PARITY = parity_fixtures.DEFAULT_OUT
HERE = Path(__file__).resolve().parent

Case = dict[str, Any]


def tensor(data: bytes, reference: dict[str, Any]) -> np.ndarray:
    dtype = "<f4" if reference["dtype"] == "float32" else "<i4"
    count = int(np.prod(reference["shape"], dtype=int))
    values = np.frombuffer(data, dtype=dtype, count=count, offset=reference["offset"])
    return values.reshape(reference["shape"]).astype(np.float64)


def stored() -> tuple[list[Case], bytes]:
    index = json.loads((OPS / "ops.json").read_text())
    return index["cases"], (OPS / "ops.bin").read_bytes()


# ------------------------------------------------------------------------- operations


def test_operation_fixtures_are_up_to_date() -> None:
    cases, data = stored()
    index, fresh = op_fixtures.build()
    assert json.loads(index)["cases"] == cases
    assert len(fresh) == len(data)
    for case in cases:
        for group in ("inputs", "outputs", "upstream", "gradients"):
            for name, reference in case[group].items():
                a, b = tensor(data, reference), tensor(fresh, reference)
                np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6, err_msg=f"{case['name']} {name}")


def test_operation_fixtures_are_finite_and_cover_the_whole_file() -> None:
    cases, data = stored()
    covered = 0
    for case in cases:
        for group in ("inputs", "outputs", "upstream", "gradients"):
            for reference in case[group].values():
                assert reference["offset"] == covered
                values = tensor(data, reference)
                assert np.isfinite(values).all()
                covered += values.size * 4
    assert covered == len(data)


def naive_convolution(case: Case, data: bytes) -> dict[str, np.ndarray]:
    """A convolution in the project's layouts from its definition, with both gradients."""
    x, weight = (tensor(data, case["inputs"][name]) for name in ("x", "weight"))
    dy = tensor(data, case["upstream"]["y"])
    kernel, stride, padding, groups = (
        case["attributes"][k] for k in ("kernel", "stride", "padding", "groups")
    )
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    dpadded, dweight, y = np.zeros_like(padded), np.zeros_like(weight), np.zeros_like(dy)
    inputs, outputs = weight.shape[2], weight.shape[3] // groups
    for row in range(dy.shape[1]):
        for column in range(dy.shape[2]):
            top, left = row * stride, column * stride
            for g in range(groups):
                into, out = slice(g * inputs, (g + 1) * inputs), slice(g * outputs, (g + 1) * outputs)
                place = (slice(None), slice(top, top + kernel), slice(left, left + kernel), into)
                up = dy[:, row, column, out]
                y[:, row, column, out] = np.einsum("nhwi,hwio->no", padded[place], weight[..., out])
                dweight[..., out] += np.einsum("nhwi,no->hwio", padded[place], up)
                dpadded[place] += np.einsum("no,hwio->nhwi", up, weight[..., out])
    bias = tensor(data, case["inputs"]["bias"]) if "bias" in case["inputs"] else 0.0
    inner = slice(padding, -padding) if padding else slice(None)
    return {"y": y + bias, "x": dpadded[:, inner, inner], "weight": dweight, "bias": dy.sum(axis=(0, 1, 2))}


def test_convolutions_follow_their_definition() -> None:
    cases, data = stored()
    convolutions = [case for case in cases if case["op"] == "conv2d"]
    assert len(convolutions) > 40
    for case in convolutions:
        naive = naive_convolution(case, data)
        np.testing.assert_allclose(
            naive["y"], tensor(data, case["outputs"]["y"]), atol=2e-5, err_msg=case["name"]
        )
        for name, reference in case["gradients"].items():
            np.testing.assert_allclose(naive[name], tensor(data, reference), atol=2e-5, err_msg=case["name"])


def test_linear_batch_norm_and_nesterov_follow_their_definition() -> None:
    cases, data = stored()
    by_name = {(case["op"], case["name"]): case for case in cases}
    case = by_name["linear", "4x7-5"]
    x, weight, bias = (tensor(data, case["inputs"][k]) for k in ("x", "weight", "bias"))
    np.testing.assert_allclose(x @ weight + bias, tensor(data, case["outputs"]["y"]), atol=1e-5)

    case = by_name["batch_norm", "training 3x5x3x4"]
    t = {k: tensor(data, reference) for k, reference in case["inputs"].items()}
    mean, variance = t["x"].mean(axis=(0, 1, 2)), t["x"].var(axis=(0, 1, 2))
    count = t["x"][..., 0].size
    y = (t["x"] - mean) / np.sqrt(variance + 1e-5) * t["gamma"] + t["beta"]
    running = 0.9 * t["running_variance"] + 0.1 * variance * count / (count - 1)
    np.testing.assert_allclose(y, tensor(data, case["outputs"]["y"]), atol=1e-5)
    np.testing.assert_allclose(running, tensor(data, case["outputs"]["running_variance"]), atol=1e-6)

    case = by_name["sgd", "three steps"]
    w, v = tensor(data, case["inputs"]["parameter/shift"]), 0.0
    for step, rate in enumerate(case["attributes"]["learning_rates"], start=1):
        if step != 2:
            g = tensor(data, case["inputs"][f"step{step}/gradient/shift"]) + 0.01 * w
            v = 0.9 * v + g
            w = w - rate * (g + 0.9 * v)
        np.testing.assert_allclose(w, tensor(data, case["outputs"][f"step{step}/parameter/shift"]), atol=1e-5)
        np.testing.assert_allclose(v, tensor(data, case["outputs"][f"step{step}/momentum/shift"]), atol=1e-5)


# ----------------------------------------------------------------------------- parity


@pytest.mark.parametrize("method", methods(SMALL), ids=lambda method: method.name)
def test_parity_fixtures_are_up_to_date(method: parity_fixtures.Method) -> None:
    run = json.loads((PARITY / "synthetic" / "run.json").read_text())
    entry = next(entry for entry in run["methods"] if entry["name"] == method.name)
    losses, final = train(SMALL, method, synthetic_pictures(SMALL), torch.float64)
    fresh = [[parity_fixtures.loss_entry(loss) for loss in step] for step in losses]
    for a, b in zip(fresh, entry["losses"], strict=True):
        for x, y in zip(a, b, strict=True):
            assert x == pytest.approx(y, rel=1e-9)
    if entry["final"]:
        kept = load_file(PARITY / "synthetic" / entry["final"])
        assert kept.keys() == final.keys()
        for name, value in final.items():
            assert torch.allclose(kept[name], value.float(), atol=1e-6), name


@pytest.mark.parametrize("name", ["synthetic", "cifar10"])
def test_kept_final_states_are_well_conditioned(name: str) -> None:
    run = json.loads((PARITY / name / "run.json").read_text())
    setup = SMALL if name == "synthetic" else REAL
    assert (run["network"]["imageSize"], run["batch"]) == (setup.image_size, setup.batch)
    kept = [entry for entry in run["methods"] if entry["final"]]
    assert kept
    for entry in kept:
        assert entry["activationMargin"] >= setup.margin_limit, entry["name"]
        assert entry["float32Difference"]["state"] <= setup.state_limit, entry["name"]


def test_activation_margin_is_the_smallest_input_of_a_relu() -> None:
    with ActivationMargin() as margin:
        assert margin.value == math.inf
        F.relu(torch.tensor([3.0, -0.5, 2.0]))
        F.relu(torch.tensor([[-0.25, 1.0]], dtype=torch.float64))
        F.relu(torch.ones(2, requires_grad=True)).sum().backward()
    F.relu(torch.tensor(0.125))
    assert margin.value == 0.25


def test_activation_margin_sees_every_relu_of_a_step() -> None:
    """Batch norms that give zeros only, one at a time: each must bring the margin to zero."""
    method = next(method for method in methods(SMALL) if method.name == "man-after-step")
    pictures = synthetic_pictures(SMALL)
    images = method.options.normalisation.normalise(pictures.images[0])
    found = 0
    for name, module in parity_fixtures.build(SMALL, method).named_modules():
        # bn2 and a projection meet in one sum in front of their ReLU.
        if isinstance(module, nn.BatchNorm2d) and not name.endswith(("bn2", "shortcut.bn")):
            learner = parity_fixtures.build(SMALL, method)
            with torch.no_grad():
                learner.get_submodule(name).weight.zero_()
            with ActivationMargin() as margin:
                learner.step(images, pictures.labels[0])
            assert margin.value == 0, name
            found += 1
    assert found == 1 + 3 + 3 * (2 + 2)  # stem, units, and of each block head, decoder and two branches


def test_search_keeps_the_sets_farthest_from_zero(capsys: pytest.CaptureFixture[str]) -> None:
    seeds = range(7)
    method = next(method for method in methods(SMALL) if method.name == "end-to-end")
    sets = [(seed, synthetic_pictures(SMALL, seed)) for seed in seeds]
    parity_fixtures.search(SMALL, sets, [method])
    margins = {seed: parity_fixtures.activation_margin(SMALL, method, pictures) for seed, pictures in sets}
    best = sorted(seeds, key=lambda seed: -margins[seed])[: parity_fixtures.SHOWN]
    shown = capsys.readouterr().out.splitlines()
    assert [int(line.split(":")[0]) for line in shown] == best


def test_initial_state_is_what_the_methods_start_from() -> None:
    for method in methods(SMALL):
        parts = ["main", method.initial] if method.initial else ["main"]
        kept: dict[str, torch.Tensor] = {}
        for part in parts:
            kept |= load_file(PARITY / f"initial.{part}.safetensors")
        own = state(parity_fixtures.build(SMALL, method))
        shared = own.keys() & kept.keys()
        assert own.keys() - shared <= {f"aux.{j}.mix" for j in range(3)}
        assert all(torch.equal(own[name], kept[name]) for name in shared)


def test_stored_pictures_are_the_synthetic_ones() -> None:
    kept = load_file(PARITY / "synthetic" / "batches.safetensors")
    pictures = synthetic_pictures(SMALL)
    assert torch.equal(kept["images"], pictures.images.permute(0, 1, 3, 4, 2))
    assert torch.equal(kept["labels"], pictures.labels.int())


# ------------------------------------------------------------------------------ bench


def test_bench_answers_step_requests() -> None:
    command = [sys.executable, str(HERE / "bench.py"), "--interactive", "--method", "man", "--depth", "8"]
    # Narrower ones end PyTorch 2.15 itself on processors without AVX-512.
    command += ["--width", "8", "--blocks", "4", "--batch", "4", "--threads", "1", "--warmup", "1"]
    answer = subprocess.run(
        command, input="go 2\nrubbish\nquit\n", capture_output=True, text=True, check=True, timeout=60
    )
    ready, steps, error = (json.loads(line) for line in answer.stdout.splitlines())
    assert ready["ready"] is True and ready["threads"] == 1
    assert len(steps["step_ms"]) == 2 and min(steps["step_ms"]) > 0
    assert "go K" in error["error"]
