"""The peers: each gives a function that does one training step and returns its loss and gradients."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import textbook
from benchmarks.cases import Arrays, Case
from symcnn import emit

RATE = 0.01
Step = Callable[[], Any]
Gradients = Callable[[], Arrays]
YARDSTICKS = Path(__file__).resolve().parent.parent.parent / "shared" / "yardstick"


class Absent(Exception):
    """The peer cannot run here: its library is missing or does not know the network."""


def peer(
    name: str, case: Case, params: Arrays, x: np.ndarray, y: np.ndarray, threads: int
) -> tuple[Step, Gradients]:
    """The step and the gradients of a peer. Raises Absent."""
    if name.startswith("torch"):
        return _torch(name, case, params, x, y, threads)
    if name == "textbook":
        return _textbook(case, params, x, y)
    if name.startswith("yardstick"):
        return _yardstick(case, params, x, y, threads)
    return _emitted(name, case, params, x, y)


def _emitted(name: str, case: Case, params: Arrays, x: np.ndarray, y: np.ndarray) -> tuple[Step, Gradients]:
    style, _, exact = name.partition("-")
    options: dict[str, Any] = {} if style == "readable" else {"style": "fast", "exact": bool(exact)}
    module = emit(case.network(), **options).load()
    own = module.init()
    for key, value in params.items():
        own[key][...] = value

    def step() -> None:
        _, grads = module.loss_and_grads(own, x, y)
        module.sgd_step(own, grads, RATE)

    return step, lambda: dict(module.loss_and_grads(own, x, y)[1])


def _torch(
    name: str, case: Case, params: Arrays, x: np.ndarray, y: np.ndarray, threads: int
) -> tuple[Step, Gradients]:
    try:
        import torch
    except ImportError as error:
        raise Absent("torch is not installed") from error
    torch.set_num_threads(threads)
    layout = torch.channels_last if "last" in name else torch.contiguous_format

    def tensor(array: np.ndarray) -> Any:
        made = torch.tensor(array)
        return made.contiguous(memory_format=layout) if array.ndim == 4 else made

    own = {key: tensor(value).requires_grad_() for key, value in params.items()}
    images, labels = tensor(x), tensor(y)
    optimiser = torch.optim.SGD(own.values(), lr=RATE)

    def loss() -> Any:
        return case.torch_loss(torch.nn.functional, own, images, labels)

    chosen = torch.compile(loss) if "compile" in name else loss

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        chosen().backward()
        optimiser.step()

    def gradients() -> Arrays:
        optimiser.zero_grad(set_to_none=True)
        chosen().backward()
        return {key: value.grad.numpy().copy() for key, value in own.items()}

    return step, gradients


def reference(case: Case, params: Arrays, x: np.ndarray, y: np.ndarray) -> Arrays:
    """Gradients in float64: PyTorch's where it is installed, else those of the readable module."""
    wide = {key: value.astype(np.float64) for key, value in params.items()}
    labels = y.astype(np.float64) if y.dtype.kind == "f" else y
    try:
        return _torch("torch", case, wide, x.astype(np.float64), labels, 1)[1]()
    except Absent:
        return _emitted("readable", case, wide, x.astype(np.float64), labels)[1]()


def _textbook(case: Case, params: Arrays, x: np.ndarray, y: np.ndarray) -> tuple[Step, Gradients]:
    if case.name not in textbook.NETWORKS:
        raise Absent("the textbook code has no batch norm and no such loss")
    own = {key: value.copy() for key, value in params.items()}
    net = textbook.NETWORKS[case.name]

    def step() -> None:
        for key, gradient in textbook.gradients(net, own, x, y).items():
            own[key] -= np.float32(RATE) * gradient

    return step, lambda: textbook.gradients(net, own, x, y)


def _yardstick(
    case: Case, params: Arrays, x: np.ndarray, y: np.ndarray, threads: int
) -> tuple[Step, Gradients]:
    """Hand-written code beside the checkout; its own inputs, so that only its time is taken."""
    if not YARDSTICKS.is_dir():
        raise Absent("no hand-written yardsticks beside the checkout")
    sys.path.insert(0, str(YARDSTICKS))
    import best_big  # type: ignore[import-not-found]
    import best_small  # type: ignore[import-not-found]
    import data  # type: ignore[import-not-found]

    name = {"lenet5": "lenet", "vgg_like": "vgg", "resnet_block": "resblock", "alexnet_start": "alex1"}.get(
        case.name, case.name
    )
    own, images, labels = data.NETS[name](len(x))
    if case.name == "notes":
        step = best_small.Notes(own, len(x)).step
    elif case.name == "lenet5" and threads > 1 and len(x) > 1:
        step = best_small.LeNetP(own, len(x), threads, 32).step
    elif case.name == "lenet5":
        step = best_small.LeNet(own, len(x), 1, 32).step
    else:
        step = best_big.make(name, own, len(x), threads).step
    return lambda: step(images, labels), dict
