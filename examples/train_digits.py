"""Train networks on scikit-learn's handwritten digits: `train_digits.py lenet5 examples/models/resnet-digits.toml`.

A network is a model's name, a model file, or a module that `symcnn emit` wrote (which needs NumPy only; `--size` then
says how large its images are). scikit-learn is here for its 1,797 images of 8x8 pixels; networks for larger images get
them enlarged. A fifth of each digit's images is held back for the test.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

Images = NDArray[np.float32]
Labels = NDArray[np.intp]
STEP_SIZE = 16


@dataclass
class Trainer:
    """An emitted module with its parameters, and its running statistics and masks where it has any."""

    module: Any
    seed: int
    params: dict[str, Images] = field(init=False)
    given: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.params = self.module.init(seed=self.seed)
        if hasattr(self.module, "init_state"):
            self.given["state"] = self.module.init_state()

    def step(self, x: Images, labels: Labels, rate: float) -> float:
        """One step down the gradient; the loss before it."""
        loss, grads = self.module.loss_and_grads(self.params, x, labels, **self.given)
        self.module.sgd_step(self.params, grads, rate)
        return float(loss)

    def accuracy(self, x: Images, labels: Labels) -> float:
        """Share of images whose largest output is at their label."""
        return float(np.mean(self.module.forward(self.params, x, **self.given).argmax(axis=1) == labels))


def network(subject: str, size: int) -> tuple[Any, int]:
    """The module of a network, and the extent of its images."""
    if not subject.endswith(".py"):
        import symcnn as sc

        net = sc.load(subject) if subject.endswith(".toml") else sc.models.get(subject)
        return sc.emit(net).load(), net.input_shape[-1]
    spec = importlib.util.spec_from_file_location(Path(subject).stem, subject)
    if spec is None or spec.loader is None:
        raise SystemExit(f"train_digits: expected a Python file, came {subject}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, size


def enlarged(images: Images, size: int) -> Images:
    """Each pixel repeated as often as fits, with an even border of zeros; axes N, C, H, W, values 0 ... 1."""
    times = size // images.shape[1]
    if times < 1:
        raise SystemExit(
            f"train_digits: expected a network for images of 8x8 pixels or more, came {size}x{size}"
        )
    repeated = images.repeat(times, axis=1).repeat(times, axis=2) / 16
    missing = size - repeated.shape[1]
    border = (missing // 2, missing - missing // 2)
    return np.pad(repeated, ((0, 0), border, border))[:, np.newaxis].astype(np.float32)


def digits(size: int, seed: int) -> tuple[Images, Images, Labels, Labels]:
    """Training images, test images and their labels."""
    data = load_digits()
    train_x, test_x, train_y, test_y = train_test_split(
        enlarged(data.images, size), data.target, test_size=0.2, random_state=seed, stratify=data.target
    )
    return train_x, test_x, train_y, test_y


def bar(done: int, total: int, note: str) -> None:
    """Redraw a progress bar, on a terminal only."""
    if sys.stderr.isatty():
        filled = 30 * done // total
        end = "\n" if done == total else ""
        line = f"\r[{'#' * filled}{'.' * (30 - filled)}] {done}/{total} {note}"
        print(line, end=end, file=sys.stderr, flush=True)


def train(module: Any, size: int, epochs: int, rate: float, seed: int) -> float:
    """Descend along the gradient, with a rate that falls to nothing; return the test accuracy."""
    train_x, test_x, train_y, test_y = digits(size, seed)
    trainer = Trainer(module, seed)
    order = np.random.default_rng(seed)
    for epoch in range(epochs):
        losses = []
        step = rate * (1 + np.cos(np.pi * epoch / epochs)) / 2
        shuffled = order.permutation(len(train_x))
        for start in range(0, len(shuffled), STEP_SIZE):
            chosen = shuffled[start : start + STEP_SIZE]
            losses.append(trainer.step(train_x[chosen], train_y[chosen], step))
        bar(epoch + 1, epochs, f"loss {np.mean(losses):.4f}")
    return trainer.accuracy(test_x, test_y)


def main() -> int:
    """Train each network, print its test accuracy, and fail when one is below the wanted accuracy."""
    parser = argparse.ArgumentParser(description="Train networks on handwritten digits.")
    parser.add_argument(
        "networks", nargs="+", metavar="NETWORK", help="a model's name, FILE.toml or an emitted FILE.py"
    )
    parser.add_argument("--size", type=int, default=8, help="extent of the images of an emitted FILE.py")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--rate", type=float, default=0.1, help="learning rate of the first epoch")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--wanted", type=float, default=0.97, help="test accuracy below which this fails")
    arguments = parser.parse_args()
    worst = 1.0
    for subject in arguments.networks:
        began = time.perf_counter()
        module, size = network(subject, arguments.size)
        reached = train(module, size, arguments.epochs, arguments.rate, arguments.seed)
        worst = min(worst, reached)
        label = Path(subject).stem if len(arguments.networks) > 1 else "test accuracy"
        print(f"{label} {reached:.2%} after {arguments.epochs} epochs, {time.perf_counter() - began:.1f} s")
    return 0 if worst >= arguments.wanted else 1


if __name__ == "__main__":
    sys.exit(main())
