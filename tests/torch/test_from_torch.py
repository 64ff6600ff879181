"""Imported modules against the originals: outputs, and gradients of a loss, in float64."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

import symcnn as sc
from symcnn.core.errors import SymcnnError, UnsupportedFormula
from symcnn.nets.body import Placed
from tests.torch import modules

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]
TOLERANCE = 1e-9

CASES: dict[str, tuple[Callable[[], torch.nn.Module], tuple[int, ...]]] = {
    "separable": (modules.Separable, (2, 3, 8, 8)),
    "u-shaped": (modules.UShaped, (2, 1, 8, 8)),
    "vision": (modules.Vision, (2, 3, 8, 8)),
    "encoder": (modules.Encoder, (2, 4, 8)),
    "encoder, norm last": (lambda: modules.Encoder(norm_first=False), (2, 4, 8)),
    "dense": (modules.Dense, (2, 4, 6, 6)),
    "residual": (modules.Residual, (2, 1, 12, 12)),
    "tied": (modules.Tied, (2, 4)),
    "pixels": (modules.Pixels, (2, 3, 4, 4)),
    "moments": (modules.Moments, (2, 6)),
    "inverted residuals": (modules.Inverted, (2, 3, 8, 8)),
    "squeeze and excitation": (modules.Excited, (2, 6, 5, 5)),
    "shuffled channels": (modules.Shuffled, (2, 8, 4, 4)),
    "large windows": (modules.Modern, (2, 3, 8, 8)),
    "recurrent cells": (modules.Recurrent, (2, 3, 3)),
    "autoencoder": (modules.Autoencoder, (2, 1, 8, 8)),
}


def drawn(case: str) -> tuple[torch.nn.Module, torch.Tensor]:
    """A module in evaluation mode with statistics of its own, and an example, in float64."""
    torch.manual_seed(0)
    make, shape = CASES[case]
    module = make().double().eval()
    for parameter in module.parameters():  # no two alike
        parameter.data += 0.1 * torch.randn_like(parameter)
    for name, buffer in module.named_buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 1.5) if name.endswith("var") else buffer.normal_(0, 0.1)
    return module, torch.randn(shape, dtype=torch.float64)


def close(ours: np.ndarray, theirs: torch.Tensor) -> bool:
    reference = theirs.detach().numpy()
    return ours.shape == reference.shape and bool(
        np.abs(ours - reference).max() <= TOLERANCE * max(np.abs(reference).max(), 1e-3)
    )


QUICK = ("u-shaped", "vision")


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=() if case in QUICK else pytest.mark.slow) for case in CASES]
)
def test_outputs_and_gradients_are_the_originals(case: str) -> None:
    module, example = drawn(case)
    net = sc.from_torch(module, example)
    emitted = sc.emit(net).load()
    x = torch.randn((3, *example.shape[1:]), dtype=torch.float64)
    output = module(x)
    given = {"state": net.state} if net.state else {}
    assert close(emitted.forward(net.params, x.numpy(), **given), output)
    cotangent = torch.randn_like(output)
    output.backward(cotangent)
    gradients = emitted.vjp(cotangent.numpy(), net.params, x.numpy(), **given)
    named = dict(module.named_parameters())
    assert {net.originals[name] for name in net.params} == set(named)
    for name, gradient in gradients.items():
        theirs = named[net.originals[name]].grad
        assert close(gradient, torch.zeros(1) if theirs is None else theirs), net.originals[name]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_imported_networks_read_back_from_files(case: str, tmp_path: Path) -> None:
    """A file keeps layers and names, so that the original's arrays still belong to it."""
    module, example = drawn(case)
    net = sc.from_torch(module, example)
    sc.dump(net, tmp_path / "net.toml")
    found = sc.emit(sc.load(tmp_path / "net.toml")).load()
    given = {"state": net.state} if net.state else {}
    assert close(found.forward(net.params, example.numpy(), **given), module(example))


def test_modules_that_recur_are_blocks() -> None:
    """Blocks and layers keep the module's names; equal blocks share one body and one function."""
    torch.manual_seed(0)
    module = torch.nn.Sequential(*(modules.Bottleneck(4, 2) for _ in range(3)), torch.nn.Flatten())
    module = module.double().eval()
    example = torch.randn(2, 4, 5, 5, dtype=torch.float64)
    net = sc.from_torch(module, example)
    blocks = [item for item in net.network.items if isinstance(item, Placed)]
    assert [item.name for item in blocks] == ["part_0", "part_1", "part_2"]
    assert len(net.network.bodies) == 1
    assert [node.name for node in blocks[0].body.nodes][:3] == ["narrow", "norm1", "relu"]
    assert net.originals["part_1_W1"] == "1.narrow.weight"
    emitted = sc.emit(net)
    assert emitted.source.count("def part(") + emitted.source.count("def part_0(") == 1
    output = module(example)
    assert close(emitted.load().forward(net.params, example.numpy(), state=net.state), output)


@pytest.mark.slow
def test_windows_over_embedded_words() -> None:
    torch.manual_seed(0)
    module = modules.Words().double().eval()
    words = torch.randint(0, 9, (3, 6))
    net = sc.from_torch(module, words)
    emitted = sc.emit(net).load()
    output = module(words)
    assert close(emitted.forward(net.params, words.numpy()), output)
    cotangent = torch.randn_like(output)
    output.backward(cotangent)
    gradients = emitted.vjp(cotangent.numpy(), net.params, words.numpy())
    named = dict(module.named_parameters())
    assert all(close(gradients[name], named[net.originals[name]].grad) for name in gradients)


def test_words_are_looked_up_and_masked() -> None:
    """An embedding, a causal mask and positions held as buffers and constants: the state holds the mask."""
    torch.manual_seed(0)
    module = modules.Sequence().double().eval()
    words = torch.randint(0, 7, (2, 5))
    net = sc.from_torch(module, words)
    emitted = sc.emit(net).load()
    output = module(words)
    assert close(emitted.forward(net.params, words.numpy(), state=net.state), output)
    cotangent = torch.randn_like(output)
    output.backward(cotangent)
    gradients = emitted.vjp(cotangent.numpy(), net.params, words.numpy(), state=net.state)
    named = dict(module.named_parameters())
    assert all(close(gradients[name], named[net.originals[name]].grad) for name in gradients)
    with pytest.raises(ValueError, match="expected state, which holds the constants"):
        emitted.forward(net.params, words.numpy())


def test_a_named_loss_is_trained_with() -> None:
    module, example = drawn("residual")
    net = sc.from_torch(module, example, loss=sc.layers.cross_entropy_with_logits())
    emitted = sc.emit(net).load()
    labels = torch.tensor([0, 2])
    loss = torch.nn.functional.cross_entropy(module(example), labels)
    loss.backward()
    value, gradients = emitted.loss_and_grads(net.params, example.numpy(), labels.numpy(), state=net.state)
    named = dict(module.named_parameters())
    assert value == pytest.approx(loss.item(), rel=1e-12)
    assert all(close(gradients[name], named[net.originals[name]].grad) for name in gradients)


@pytest.mark.slow
def test_a_module_in_training_is_imported_as_it_trains() -> None:
    """Batch norms read the batch, and running statistics follow as PyTorch's do."""
    module, example = drawn("dense")
    module.train()
    net = sc.from_torch(module, example, loss=sc.layers.mse_loss())
    emitted = sc.emit(net).load()
    state = {name: array.copy() for name, array in net.state.items()}
    target = torch.randn(2, 4, dtype=torch.float64)
    before = {name: buffer.clone() for name, buffer in module.named_buffers()}
    loss = torch.nn.functional.mse_loss(module(example), target)
    loss.backward()
    value, gradients = emitted.loss_and_grads(net.params, example.numpy(), target.numpy(), state=state)
    named, buffers = dict(module.named_parameters()), dict(module.named_buffers())
    assert value == pytest.approx(loss.item(), rel=1e-12)
    assert all(close(gradients[name], named[net.originals[name]].grad) for name in gradients)
    assert all(close(state[name], buffers[net.originals[name]]) for name in state)
    assert all(not close(state[name], before[net.originals[name]]) for name in state)


@pytest.mark.slow
def test_the_batch_is_of_any_size() -> None:
    module, example = drawn("vision")
    net = sc.from_torch(module, example[:1])
    assert net.network.input.shape[0].is_Symbol
    emitted = sc.emit(net).load()
    for count in (1, 2, 7):
        x = torch.randn((count, *example.shape[1:]), dtype=torch.float64)
        assert close(emitted.forward(net.params, x.numpy()), module(x))


class Spectrum(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.fft.rfft(x).abs()


class Two(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Linear(4, 3), torch.nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.first(x), self.second(x)


class Fixed(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(2, 4) * 2


def test_what_cannot_be_imported_is_said_in_one_line() -> None:
    x = torch.randn(2, 4)
    with pytest.raises(
        UnsupportedFormula, match=r"no layer for the operator aten\._fft_r2c.*those with one are"
    ):
        sc.from_torch(Spectrum(), x)
    with pytest.raises(SymcnnError, match="expected one output, got 2; choose one by output=0 to 1"):
        sc.from_torch(Two(), x)
    assert sc.from_torch(Two(), x, output=1).network.output.shape[1] == 2
    with pytest.raises(SymcnnError, match=r"view: .*expected a shape of 4\*N entries, got \(2, 4\)"):
        sc.from_torch(Fixed(), x)
    with pytest.raises(SymcnnError, match=r"expected a torch\.nn\.Module, got int"):
        sc.from_torch(3, x)
    with pytest.raises(SymcnnError, match=r"torch\.export cannot read the module"):
        sc.from_torch(torch.nn.Linear(5, 2), x)
    with pytest.raises(SymcnnError) as caught:
        sc.from_torch(Spectrum(), x)
    assert "\n" not in str(caught.value)


class Function(torch.nn.Module):
    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


FUNCTIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "maximum with a number": lambda x: torch.max(x, torch.tensor(0.3, dtype=torch.float64)),
    "maximum along an axis": lambda x: x.max(dim=2).values,
    "pool with places": lambda x: torch.nn.functional.max_pool2d(x, 2, return_indices=True)[0],
    "bins": lambda x: torch.nn.functional.adaptive_max_pool2d(x, (2, 3)),
    "odd factor": lambda x: torch.nn.functional.interpolate(x, scale_factor=1.7, mode="nearest"),
    "odd factor, linear": lambda x: torch.nn.functional.interpolate(x, scale_factor=1.7, mode="bilinear"),
    "cut and continued": lambda x: torch.nn.functional.pad(x, (-1, 2, 1, -2), mode="replicate"),
    "population variance": lambda x: x.var((2, 3), unbiased=False),
    "running sum": lambda x: x.cumsum(2),
    "constants of the batch's size": lambda x: (
        x + torch.zeros(x.shape[0], 1, 1, 6, dtype=x.dtype) + x.new_ones(1)
    ),
    "repeated": lambda x: x.repeat(1, 2, 1, 1).roll(1, 3).flip(2),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", FUNCTIONS)
def test_functions_read_all_their_arguments(case: str) -> None:
    x = torch.randn(2, 3, 4, 6, dtype=torch.float64)
    module = Function(FUNCTIONS[case]).eval()
    net = sc.from_torch(module, x)
    given = {"state": net.state} if net.state else {}
    assert close(sc.emit(net).load().forward(net.params, x.numpy(), **given), module(x))


def test_images_without_a_batch_are_refused() -> None:
    pool = Function(lambda x: torch.nn.functional.max_pool2d(x, 2)).eval()
    with pytest.raises(SymcnnError, match=r"expected 4 axes \(with the batch\), got 3"):
        sc.from_torch(pool, torch.randn(3, 4, 6))


def test_several_inputs_are_refused() -> None:
    two = (torch.zeros(2, 3), torch.zeros(2, 3))
    with pytest.raises(SymcnnError, match=r"expected one tensor .* got 2 inputs; join them in one tensor"):
        sc.from_torch(torch.nn.Bilinear(3, 3, 2), two)
