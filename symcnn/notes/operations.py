"""The operations of convolutional networks on small arrays of expressions.

Arrays are NumPy arrays of SymPy expressions: a scalar has no axis, a vector is a column, a matrix has two axes.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product as grid
from typing import Any

import numpy as np
import sympy as sp

from symcnn.core.errors import ShapeError
from symcnn.notes.opaque import elementary, maximum

Array = np.ndarray[Any, np.dtype[np.object_]]


def array(value: object) -> Array:
    """An array of expressions, from nested lists or one expression."""
    return np.array(value, dtype=object)


def entrywise(function: Callable[[Any], Any], x: Array) -> Array:
    """function(x[i]) at every entry."""
    out = np.empty(x.shape, dtype=object)
    for place in np.ndindex(*x.shape):
        out[place] = function(x[place])
    return out


def cross_correlation(x: Array, w: Array) -> Array:
    """z[i, j] = sum[r, s](w[r, s] * x[i+r, j+s]) without padding. Raises ShapeError where w does not fit."""
    if x.ndim != 2 or w.ndim != 2 or any(a < b for a, b in zip(x.shape, w.shape, strict=True)):
        raise ShapeError(f"a filter {_shape(w)} does not fit into {_shape(x)}")
    rows, columns = (a - b + 1 for a, b in zip(x.shape, w.shape, strict=True))
    out = np.empty((rows, columns), dtype=object)
    for i, j in grid(range(rows), range(columns)):
        out[i, j] = sp.Add(*(w[r, s] * x[i + r, j + s] for r, s in np.ndindex(*w.shape)))
    return out


def convolution(x: Array, w: Array) -> Array:
    """z[i, j] = sum[r, s](w[R-1-r, S-1-s] * x[i+r, j+s]): the filter is flipped."""
    return cross_correlation(x, w[::-1, ::-1])


def full(correlate: Callable[[Array, Array], Array], x: Array, w: Array) -> Array:
    """`correlate` after x was padded by R-1 rows and S-1 columns of zeros on every side."""
    r, s = (size - 1 for size in w.shape)
    return correlate(padded(x, r, s), w)


def padded(x: Array, rows: int, columns: int) -> Array:
    out = np.full((x.shape[0] + 2 * rows, x.shape[1] + 2 * columns), sp.Integer(0), dtype=object)
    out[rows : rows + x.shape[0], columns : columns + x.shape[1]] = x
    return out


def max_pool(x: Array, size: int = 2, stride: int | None = None) -> Array:
    """y[i, j] = max[r, s](x[stride*i + r, stride*j + s]). Raises ShapeError where no window fits."""
    return _pooled(x, size, stride or size, maximum)


def average_pool(x: Array, size: int = 2, stride: int | None = None) -> Array:
    """y[i, j] = mean[r, s](x[stride*i + r, stride*j + s])."""
    return _pooled(x, size, stride or size, lambda window: sp.Add(*window) / len(window))


def _pooled(x: Array, size: int, stride: int, reduce: Callable[[list[Any]], Any]) -> Array:
    if x.ndim != 2 or min(x.shape) < size:
        raise ShapeError(f"a window {size} x {size} does not fit into {_shape(x)}")
    rows, columns = ((extent - size) // stride + 1 for extent in x.shape)
    out = np.empty((rows, columns), dtype=object)
    for i, j in grid(range(rows), range(columns)):
        window = x[i * stride : i * stride + size, j * stride : j * stride + size]
        out[i, j] = reduce(list(window.flat))
    return out


def flatten(x: Array) -> Array:
    """The entries row by row as a column."""
    return x.reshape(-1, 1)


def vec(x: Array) -> Array:
    """The columns on top of each other."""
    return x.T.reshape(-1, 1)


def softmax(z: Array) -> Array:
    """exp(z[k]) / sum[l](exp(z[l])) down each column."""
    if z.ndim == 2 and z.shape[0] == 1 and z.shape[1] > 1:
        return softmax(z.T).T
    powers = entrywise(sp.exp, z)
    return array(powers / powers.sum(axis=0, keepdims=z.ndim == 2))


def diagonal(v: Array) -> Array:
    """The diagonal matrix of a vector, or the diagonal of a matrix as a vector."""
    if v.ndim == 2 and 1 in v.shape:
        entries = list(v.flat)
        out = np.full((len(entries), len(entries)), sp.Integer(0), dtype=object)
        for place, entry in enumerate(entries):
            out[place, place] = entry
        return out
    if v.ndim != 2 or v.shape[0] != v.shape[1]:
        raise ShapeError(f"diag expects a vector or a square matrix, came {_shape(v)}")
    return array([[v[k, k]] for k in range(v.shape[0])])


def kronecker(a: Array, b: Array) -> Array:
    """The Kronecker product, with blocks sp.sympify(a[i, j], strict=True) * b."""
    a, b = np.atleast_2d(a), np.atleast_2d(b)
    out = np.empty((a.shape[0] * b.shape[0], a.shape[1] * b.shape[1]), dtype=object)
    for i, j in np.ndindex(*a.shape):
        block = slice(i * b.shape[0], (i + 1) * b.shape[0]), slice(j * b.shape[1], (j + 1) * b.shape[1])
        out[block] = b * a[i, j]
    return out


def total(x: Array) -> Array:
    """The sum of all entries."""
    return array(sp.Add(*x.flat))


def mean(x: Array) -> Array:
    return array(sp.Add(*x.flat) / x.size)


def trace(x: Array) -> Array:
    if x.ndim != 2 or x.shape[0] != x.shape[1]:
        raise ShapeError(f"a trace needs a square matrix, came {_shape(x)}")
    return array(sp.Add(*(x[k, k] for k in range(x.shape[0]))))


def determinant(x: Array) -> Array:
    if x.ndim != 2 or x.shape[0] != x.shape[1]:
        raise ShapeError(f"a determinant needs a square matrix, came {_shape(x)}")
    return array(sp.Matrix(x.tolist()).det(method="berkowitz"))


def rotated(x: Array) -> Array:
    """Turned by 180 degrees."""
    return x[::-1, ::-1]


def dot(a: Array, b: Array) -> Array:
    """The sum of the products of corresponding entries of two vectors, or a matrix product. Raises ShapeError."""
    if a.ndim == 0 or b.ndim == 0:
        return array(a * b)
    if a.shape == b.shape and 1 in a.shape:
        return array(
            [[sp.Add(*(sp.sympify(x, strict=True) * y for x, y in zip(a.flat, b.flat, strict=True)))]]
        )
    for left, right in ((a, b), (b, a), (a, b.T), (a.T, b), (b.T, a)):
        if left.shape[1] == right.shape[0] and left.shape[1] > 1:
            return matmul(left, right)
    raise ShapeError(f"a product of {_shape(a)} and {_shape(b)} does not conform")


def matmul(a: Array, b: Array) -> Array:
    """The matrix product. Raises ShapeError where the inner sizes differ."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise ShapeError(f"a matrix product of {_shape(a)} and {_shape(b)} does not conform")
    out = np.empty((a.shape[0], b.shape[1]), dtype=object)
    for i, j in np.ndindex(*out.shape):
        out[i, j] = sp.Add(*(a[i, k] * b[k, j] for k in range(a.shape[1])))
    return out


def _shape(x: Array) -> str:
    return " x ".join(map(str, x.shape)) or "scalar"


UNARY: dict[str, Callable[[Array], Array]] = {
    "maxpool": max_pool,
    "maxpooling": max_pool,
    "pool": max_pool,
    "avgpool": average_pool,
    "averagepool": average_pool,
    "averagepooling": average_pool,
    "meanpool": average_pool,
    "flatten": flatten,
    "vec": vec,
    "softmax": softmax,
    "diag": diagonal,
    "sum": total,
    "mean": mean,
    "avg": mean,
    "trace": trace,
    "tr": trace,
    "det": determinant,
    "rot180": rotated,
    "flip": rotated,
    "rot": rotated,
    "transpose": np.transpose,
}

BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "conv": cross_correlation,
    "conv2d": cross_correlation,
    "correlate": cross_correlation,
    "crosscorrelation": cross_correlation,
    "xcorr": cross_correlation,
    "convolution": cross_correlation,
    "fullconv": lambda x, w: full(convolution, x, w),
    "dotproduct": dot,
    "dot": dot,
    "matmul": matmul,
    "kron": kronecker,
    "outer": lambda a, b: matmul(a.reshape(-1, 1), b.reshape(1, -1)),
}


def operation_name(name: str) -> str:
    """A function's name as it is looked up: lower case, without hyphens, blanks and module."""
    bare = name.lower().split(".")[-1]
    return "".join(c for c in bare if c.isalnum())


def known_function(name: str) -> bool:
    """Whether a word is a function that has a meaning of its own."""
    bare = operation_name(name)
    return bare in UNARY or bare in BINARY or elementary(bare) is not None
