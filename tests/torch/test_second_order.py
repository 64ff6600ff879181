"""Hessian-vector products against PyTorch's double backward, in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import symcnn as sc

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch
F = torch.nn.functional

BATCH_NORM = """m[c] = mean[n,i](x[n,c,i])
v[c] = mean[n,i]((x[n,c,i] - m[c])**2)
y[n,c,i] = g[c]*(x[n,c,i] - m[c])/sqrt(v[c] + 1/100000) + b[c]"""
ATTENTION = """s1[i,j] = sum[d](q[i,d]*k[j,d])/sqrt(D)
w[i,j] = exp(s1[i,j])/sum[l](exp(s1[i,l]))
y[i,d] = sum[j](w[i,j]*v[j,d])"""
CASES = {
    "silu": ("y[n,k] = x[n,k]/(1 + exp(-x[n,k]))", {"x": "N,K"}, {"x": (3, 4)}, lambda t: F.silu(t["x"])),
    "softmax": (
        "y[n,k] = exp(x[n,k])/sum[l](exp(x[n,l]))",
        {"x": "N,K"},
        {"x": (3, 4)},
        lambda t: torch.softmax(t["x"], 1),
    ),
    "strided convolution": (
        "y[n,o,i,j] = b[o] + sum[c,r,s](W[o,c,r,s]*x[n,c,2*i+r-1,2*j+s-1 | 0])",
        {"x": "N,C,H,V", "W": "O,C,3,3", "b": "O", "y": "N,O,(H-1)//2+1,(V-1)//2+1"},
        {"x": (2, 3, 6, 5), "W": (4, 3, 3, 3), "b": (4,)},
        lambda t: F.conv2d(t["x"], t["W"], t["b"], stride=2, padding=1),
    ),
    "batch norm": (
        BATCH_NORM,
        {"x": "N,C,H", "g": "C", "b": "C"},
        {"x": (4, 3, 5), "g": (3,), "b": (3,)},
        lambda t: F.batch_norm(t["x"], None, None, t["g"], t["b"], True),
    ),
    "squared max pool": (
        "y[n,c,i] = max[r<2](x[n,c,2*i+r])**2",
        {"x": "N,C,H"},
        {"x": (2, 3, 6)},
        lambda t: F.max_pool1d(t["x"], 2) ** 2,
    ),
    "attention": (
        ATTENTION,
        {"q": "T,D", "k": "U,D", "v": "U,D"},
        {"q": (3, 4), "k": (5, 4), "v": (5, 4)},
        lambda t: F.scaled_dot_product_attention(t["q"][None], t["k"][None], t["v"][None])[0],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_double_backward(name: str) -> None:
    text, shapes, sizes, reference = CASES[name]
    ours, theirs = products(text, shapes, sizes, reference)
    for tensor, expected in theirs.items():
        scale = max(float(np.abs(expected).max()), 1e-12)
        assert np.abs(ours[tensor] - expected).max() <= 1e-12 * scale + 1e-14, tensor


def products(
    text: str, shapes: dict[str, str], sizes: dict[str, tuple[int, ...]], reference: Callable[..., object]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Ours and PyTorch's Hessian-vector products at a random point along random directions."""
    draw = np.random.default_rng(0)
    arrays = {name: draw.standard_normal(shape) for name, shape in sizes.items()}
    along = {name: draw.standard_normal(shape) for name, shape in sizes.items()}
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in arrays.items()}
    output = reference(tensors)
    seed = torch.tensor(draw.standard_normal(tuple(output.shape)), requires_grad=True)
    first = torch.autograd.grad((output * seed).sum(), list(tensors.values()), create_graph=True)
    scalar = sum((g * torch.tensor(along[name])).sum() for name, g in zip(tensors, first, strict=True))
    second = torch.autograd.grad(scalar, [*tensors.values(), seed], allow_unused=True)
    module = sc.emit(sc.hessian_vector(sc.layer(text, shapes))).load()
    directions = {f"{name}dir": value for name, value in along.items()}
    ours = module.vjp(np.array(1.0), **arrays, **directions, ybar=seed.detach().numpy())
    names = [*tensors, "ybar"]
    expected = {
        name: np.zeros_like(ours[name]) if value is None else value.numpy()
        for name, value in zip(names, second, strict=True)
    }
    return ours, expected
