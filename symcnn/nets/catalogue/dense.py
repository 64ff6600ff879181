"""Dense layers and products of matrices."""

from __future__ import annotations

from symcnn.core.errors import ShapeError
from symcnn.nets.catalogue.axes import at, axes
from symcnn.nets.kind import LayerKind, kind

GOODFELLOW = "Goodfellow, Bengio and Courville, Deep Learning, 2016"
BATCH = (("n", "N"), ("h", "H"), ("g", "G"))


def linear(rank: int = 2, bias: bool = True) -> LayerKind:
    """z[n,k] = b[k] + Σ_d W[k,d]·x[n,d]: the last axis is mapped, the others stay."""
    outer = axes(rank, least=1)
    front, sizes = _front(outer.indices[:-1], outer.sizes[:-1])
    return kind(
        "linear" + (f" {rank}d" if rank != 2 else "") + ("" if bias else " without bias"),
        f"{at('z', (*front, 'k'))} = {'b[k] + ' if bias else ''}sum[d](W[k,d]*{at('x', (*front, 'd'))})",
        {"x": ",".join((*sizes, "D")), "W": "K,D", **({"b": "K"} if bias else {})},
        "z",
        "dense" + ("" if bias else ", without bias"),
        f"{GOODFELLOW}, section 6.3",
        trained=("W", "b") if bias else ("W",),
    )


def bilinear(rank: int = 2, bias: bool = True) -> LayerKind:
    """z[n,k] = b[k] + Σ_{d,e} x1[n,d]·W[k,d,e]·x2[n,e]."""
    outer = axes(rank, least=1)
    front, sizes = _front(outer.indices[:-1], outer.sizes[:-1])
    product = f"{at('x1', (*front, 'd'))}*W[k,d,e]*{at('x2', (*front, 'e'))}"
    return kind(
        "bilinear" + (f" {rank}d" if rank != 2 else "") + ("" if bias else " without bias"),
        f"{at('z', (*front, 'k'))} = {'b[k] + ' if bias else ''}sum[d,e]({product})",
        {
            "x1": ",".join((*sizes, "D")),
            "x2": ",".join((*sizes, "E")),
            "W": "K,D,E",
            **({"b": "K"} if bias else {}),
        },
        "z",
        "bilinear form",
        "Tenenbaum and Freeman, Separating style and content with bilinear models, 2000, equation 1",
        data=("x1", "x2"),
        trained=("W", "b") if bias else ("W",),
    )


def matmul(rank: int = 2, other_rank: int = 2) -> LayerKind:
    """z[i,j] = Σ_k x1[i,k]·x2[k,j]; the axes in front are a batch; a tensor of one axis is a vector."""
    if not (1 <= rank <= 5 and 1 <= other_rank <= 5):
        raise ShapeError(f"expected two tensors of 1 to 5 axes, got {rank} and {other_rank}")
    batch = BATCH[: max(rank, other_rank, 2) - 2]
    left, right = batch[len(batch) - max(rank - 2, 0) :], batch[len(batch) - max(other_rank - 2, 0) :]
    own = (*left, *([("i", "I")] if rank > 1 else []), ("k", "K"))
    other = (*right, ("k", "K"), *([("j", "J")] if other_rank > 1 else []))
    result = (*batch, *([("i", "I")] if rank > 1 else []), *([("j", "J")] if other_rank > 1 else []))
    names = [tuple(name for name, _ in part) for part in (result, own, other)]
    return kind(
        "matmul" if (rank, other_rank) == (2, 2) else f"matmul {rank}d {other_rank}d",
        f"{at('z', names[0])} = sum[k]({at('x1', names[1])}*{at('x2', names[2])})",
        {"x1": ",".join(size for _, size in own), "x2": ",".join(size for _, size in other)},
        "z",
        "matrix product",
        f"{GOODFELLOW}, equation 2.5",
        data=("x1", "x2"),
    )


def bmm() -> LayerKind:
    """z[n,i,j] = Σ_k x1[n,i,k]·x2[n,k,j]: a product of matrices for each n."""
    return matmul(3, 3)


def _front(indices: tuple[str, ...], sizes: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Axes before the mapped one, without the names k, K that stand for its result."""
    return tuple("n" if i == "k" else i for i in indices), tuple("N" if s == "K" else s for s in sizes)


KINDS = (linear(), linear(bias=False), bilinear(), matmul(), bmm())
