"""Train an emitted network on scikit-learn's handwritten digits: `train_digits.py lenet5_digits.py`.

The module comes from `symcnn emit lenet5-digits -o lenet5_digits.py` and needs NumPy only; scikit-learn
is here for its 1,797 images of 8x8 pixels. A fifth of each digit's images is held back for the test.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

Images = NDArray[np.float32]


def load(path: Path) -> ModuleType:
    """Import the emitted module from its file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"train_digits: expected a Python file, came {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def digits(seed: int) -> tuple[Images, Images, NDArray[np.intp], NDArray[np.intp]]:
    """Training images, test images and their labels; pixels are scaled to 0 ... 1, x has axes N, C, H, W."""
    data = load_digits()
    x = (data.images[:, np.newaxis] / 16).astype(np.float32)
    train_x, test_x, train_y, test_y = train_test_split(
        x, data.target, test_size=0.2, random_state=seed, stratify=data.target
    )
    return train_x, test_x, train_y, test_y


def accuracy(network: ModuleType, params: dict[str, Images], x: Images, labels: NDArray[np.intp]) -> float:
    """Share of images whose largest output is at their label."""
    return float(np.mean(network.forward(params, x).argmax(axis=1) == labels))


def bar(done: int, total: int, note: str) -> None:
    """Redraw a progress bar, on a terminal only."""
    if sys.stderr.isatty():
        filled = 30 * done // total
        end = "\n" if done == total else ""
        print(
            f"\r[{'#' * filled}{'.' * (30 - filled)}] {done}/{total} {note}",
            end=end,
            file=sys.stderr,
            flush=True,
        )


def train(network: ModuleType, epochs: int, batch: int, rate: float, seed: int) -> float:
    """Descend along the gradient, with a rate that falls to nothing; return the test accuracy."""
    train_x, test_x, train_y, test_y = digits(seed)
    params = network.init(seed=seed)
    order = np.random.default_rng(seed)
    for epoch in range(epochs):
        losses = []
        step = rate * (1 + np.cos(np.pi * epoch / epochs)) / 2
        shuffled = order.permutation(len(train_x))
        for start in range(0, len(shuffled), batch):
            chosen = shuffled[start : start + batch]
            loss, grads = network.loss_and_grads(params, train_x[chosen], train_y[chosen])
            network.sgd_step(params, grads, step)
            losses.append(float(loss))
        bar(epoch + 1, epochs, f"loss {np.mean(losses):.4f}")
    return accuracy(network, params, test_x, test_y)


def main() -> int:
    """Train, print the test accuracy, and fail when it is below the wanted one."""
    parser = argparse.ArgumentParser(description="Train an emitted network on handwritten digits.")
    parser.add_argument("module", type=Path, help="written by: symcnn emit lenet5-digits -o MODULE")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=0.1, help="learning rate of the first epoch")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--wanted", type=float, default=0.97, help="test accuracy below which this fails")
    arguments = parser.parse_args()
    began = time.perf_counter()
    reached = train(load(arguments.module), arguments.epochs, arguments.batch, arguments.rate, arguments.seed)
    print(f"test accuracy {reached:.2%} after {arguments.epochs} epochs, {time.perf_counter() - began:.1f} s")
    return 0 if reached >= arguments.wanted else 1


if __name__ == "__main__":
    sys.exit(main())
