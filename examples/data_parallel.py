"""Gradients of one batch on several processes, with dask.distributed: `data_parallel.py lenet5 --workers 2`.

The loss is a mean over the examples, so losses and gradients of parts add up when they are summed over their examples.
The example compares the sum with one process's result; with `--kill` a worker dies in the middle of a part,
which is then computed again. Networks whose examples depend on each other (batch norm) are refused.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
from dask.distributed import Client, LocalCluster
from numpy.typing import NDArray

import symcnn as sc
from symcnn.render.numpy_source import Emitted

Floats = NDArray[np.float64]
Sums = tuple[float, dict[str, Floats], int]


@cache
def loaded(source: str) -> ModuleType:
    """The emitted module, imported once in each process."""
    return Emitted(source).load()


def summed(source: str, params: dict[str, Floats], x: Floats, y: Floats, fatal: str = "") -> Sums:
    """Loss and gradients of a part, summed over its examples, and their number.

    Where the file ``fatal`` exists, it is removed and the process ends at once: a worker that is lost.
    """
    if fatal and Path(fatal).exists():
        Path(fatal).unlink()
        os._exit(1)
    found: Sums = loaded(source).loss_and_grads(params, x, y, summed=True)
    return found


def added(parts: Sequence[Sums]) -> tuple[float, dict[str, Floats]]:
    """Mean loss and gradients of the whole, the parts added in their order: the same bits in every run."""
    count = sum(number for _, _, number in parts)
    names = parts[0][1]
    grads = {name: np.asarray(sum(grads[name] for _, grads, _ in parts)) / count for name in names}
    return sum(loss for loss, _, _ in parts) / count, grads


def parallel(
    client: Client, source: str, params: dict[str, Floats], x: Floats, y: Floats, parts: int, fatal: str = ""
) -> tuple[float, dict[str, Floats]]:
    """Loss and gradients of a batch, computed in parts by the cluster's workers."""
    [given] = client.scatter([params], broadcast=True)
    pieces = zip(np.array_split(x, parts), np.array_split(y, parts), strict=True)
    futures = [
        client.submit(summed, source, given, *piece, fatal if place == 0 else "", pure=False)
        for place, piece in enumerate(pieces)
    ]
    return added(client.gather(futures))


def main() -> None:
    arguments = parsed()
    net = sc.models.get(arguments.model)
    if any("batch normalisation" in node.kind.title for node in net.nodes):
        raise SystemExit(
            f"{arguments.model}: expected examples that do not depend on each other, got batch norm"
        )
    source = sc.emit(net).source
    module = loaded(source)
    rng = np.random.default_rng(0)
    params = module.init(dtype=np.float64)
    x = rng.normal(size=(arguments.batch, *net.input_shape))
    shape = [int(extent) if extent.is_Integer else arguments.batch for extent in net.labels[0].shape]
    y = rng.integers(0, max(2, int(net.output.shape[-1])), shape).astype(float)
    loss, grads = module.loss_and_grads(params, x, y)
    with tempfile.TemporaryDirectory() as folder:
        fatal = Path(folder) / "fatal"
        if arguments.kill:
            fatal.touch()
        cluster = LocalCluster(n_workers=arguments.workers, threads_per_worker=1, dashboard_address=None)
        with cluster, Client(cluster) as client:
            found, sums = parallel(client, source, params, x, y, arguments.parts, str(fatal) * arguments.kill)
        assert not fatal.exists(), "the part whose worker was lost was computed again"
    apart = max(float(np.abs(sums[name] - grad).max() / np.abs(grad).max()) for name, grad in grads.items())
    print(f"loss {found:.6f}, apart from one process by {abs(found - loss):.1e}; gradients by {apart:.1e}")
    if max(abs(found - loss), apart) > 1e-12:
        raise SystemExit("expected equal results to 1e-12")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", nargs="?", default="lenet5", help="a name that `symcnn models` lists")
    parser.add_argument("--batch", type=int, default=64, help="number of examples")
    parser.add_argument("--parts", type=int, default=4, help="parts of the batch")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--kill", action="store_true", help="lose a worker in the middle")
    return parser.parse_args()


if __name__ == "__main__":
    main()
