"""Convolution gradients derived once for symbolic sizes, instantiated at many: equal to the derivative of the entries."""

from __future__ import annotations

import itertools
import random
from functools import cache

import numpy as np
import pytest
import sympy as sp

from symcnn.calculus.proof import by_entries
from symcnn.calculus.pullback import Gradient, pullback
from symcnn.calculus.recognise import Operation, Window, recognise
from symcnn.core.infer import parse
from symcnn.program.reference import evaluate
from tests.calculus.formulas import CONV, CONV_SHAPES, GROUPED, GROUPED_SHAPES

Sizes = dict[str, int]


@cache
def gradient(text: str, shapes: tuple[tuple[str, str], ...], name: str) -> Gradient:
    """∂L/∂(the named tensor), for symbolic sizes, stride, padding and dilation."""
    (equation,) = parse(text, dict(shapes)).equations
    return pullback(equation, next(t for t in equation.inputs if t.name == name))


def convolution(name: str) -> Gradient:
    return gradient(CONV, tuple(CONV_SHAPES.items()), name)


def grouped(name: str) -> Gradient:
    return gradient(GROUPED, tuple(GROUPED_SHAPES.items()), name)


def out_size(extent: int, window: int, stride: int, padding: int, dilation: int) -> int:
    return (extent + 2 * padding - dilation * (window - 1) - 1) // stride + 1


def draws(count: int, seed: int, *, groups: bool = False) -> list[Sizes]:
    """Random small sizes with room for one window at least; every stride, padding and dilation occurs."""
    draw = random.Random(seed)
    found: list[Sizes] = []
    while len(found) < count:
        size = {
            "N": draw.randint(1, 2),
            "C": draw.randint(1, 2),
            "u": draw.randint(1, 3),
            "v": draw.randint(1, 3),
        }
        size |= {
            "H": draw.randint(2, 6),
            "V": draw.randint(2, 6),
            "R": draw.randint(1, 3),
            "S": draw.randint(1, 3),
        }
        size |= {
            "p": draw.randint(0, 2),
            "q": draw.randint(0, 2),
            "e": draw.randint(1, 2),
            "f": draw.randint(1, 2),
        }
        size |= {"G": draw.randint(1, 3), "K": draw.randint(1, 2)} if groups else {"O": draw.randint(1, 2)}
        outs = (
            out_size(size["H"], size["R"], size["u"], size["p"], size["e"]),
            out_size(size["V"], size["S"], size["v"], size["q"], size["f"]),
        )
        if min(outs) >= 1 and outs[0] * outs[1] * size["R"] * size["S"] * size["C"] * size["N"] <= 60:
            found.append(size)
    return found


def at(found: Gradient, size: Sizes) -> dict[sp.Symbol, sp.Expr]:
    """The sizes as a substitution for the symbols of a gradient."""
    equation = found.derivation.equation
    symbols = {s for e in (*equation.extents.values(), equation.body) for s in e.free_symbols}
    symbols |= {s for t in equation.inputs for e in t.shape for s in e.free_symbols}
    return {s: sp.Integer(size[s.name]) for s in symbols if s.name in size and s not in equation.extents}


@pytest.mark.parametrize("size", draws(24, 1), ids=lambda s: "".join(f"{k}{v}" for k, v in s.items()))
def test_gradients_equal_the_derivative_of_the_entries(size: Sizes) -> None:
    for name in ("W", "x", "b"):
        proof = by_entries(convolution(name), at(convolution(name), size))
        assert proof.holds, proof.differs


@pytest.mark.parametrize(
    "size", draws(20, 2, groups=True), ids=lambda s: "".join(f"{k}{v}" for k, v in s.items())
)
def test_grouped_gradients_equal_the_derivative_of_the_entries(size: Sizes) -> None:
    for name in ("W", "x", "b"):
        proof = by_entries(grouped(name), at(grouped(name), size))
        assert proof.holds, proof.differs


def test_the_draws_cover_strides_paddings_dilations_and_groups() -> None:
    every = draws(24, 1) + draws(20, 2, groups=True)
    assert {(s["u"], s["e"]) for s in every} == set(itertools.product((1, 2, 3), (1, 2)))
    assert {s["p"] for s in every} == {0, 1, 2}
    assert {s["G"] for s in every if "G" in s} == {1, 2, 3}


# -- the family, written out independently: out[i] = Σ_r data[(s·i + d·r − p)/q] · kernel[r] ------------------------------


def family(data: np.ndarray, kernel: np.ndarray, windows: list[Window], shape: tuple[int, ...]) -> np.ndarray:
    """The two-dimensional member with these windows: dilate the data, pad it, flip the kernel, correlate with stride."""
    numbers = [tuple(int(part) for part in (w.stride, w.dilation, w.padding, w.spacing)) for w in windows]
    (su, du, pu, qu), (sv, dv, pv, qv) = numbers
    spread = np.zeros(((data.shape[0] - 1) * qu + 1, (data.shape[1] - 1) * qv + 1), dtype=object)
    spread[::qu, ::qv] = data
    kernel = kernel[:: -1 if windows[0].flipped else 1, :: -1 if windows[1].flipped else 1]
    out = np.zeros(shape, dtype=object)
    for i, j in np.ndindex(*shape):
        for r, s in np.ndindex(*kernel.shape):
            h, k = su * i + du * r - pu, sv * j + dv * s - pv
            if 0 <= h < spread.shape[0] and 0 <= k < spread.shape[1]:
                out[i, j] += spread[h, k] * kernel[r, s]
    return out


def windows_at(operation: Operation, numbers: dict[sp.Symbol, sp.Expr]) -> list[Window]:
    by_name = {s.name: v for s, v in numbers.items()}

    def number(expr: sp.Expr) -> sp.Expr:
        return sp.sympify(expr).xreplace({s: by_name[s.name] for s in expr.free_symbols})

    return [
        Window(number(w.stride), number(w.dilation), number(w.padding), number(w.spacing), w.flipped)
        for w in operation.windows
    ]


def integers(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(-5, 6, shape).astype(object)


@pytest.mark.parametrize("size", draws(12, 3), ids=lambda s: "".join(f"{k}{v}" for k, v in s.items()))
def test_what_is_recognised_is_what_is_computed(size: Sizes) -> None:
    """z, ∂W and ∂x as the recognised members of the family, by the independent implementation above."""
    rng = np.random.default_rng(4)
    outs = (
        out_size(size["H"], size["R"], size["u"], size["p"], size["e"]),
        out_size(size["V"], size["S"], size["v"], size["q"], size["f"]),
    )
    x, W = (
        integers(rng, size["N"], size["C"], size["H"], size["V"]),
        integers(rng, size["O"], size["C"], size["R"], size["S"]),
    )
    dz, b = integers(rng, size["N"], size["O"], *outs), np.zeros(size["O"], dtype=object)
    arrays = {"x": x, "W": W, "dz": dz, "b": b}
    for name in ("z", "W", "x"):
        found = convolution("W" if name == "z" else name)
        equation = found.derivation.equation if name == "z" else found.equation
        operation = recognise(equation)
        assert operation is not None
        windows = windows_at(operation, at(found, size))
        wanted = evaluate(equation, arrays, size)
        got = np.zeros(wanted.shape, dtype=object)
        for n, o, c in np.ndindex(size["N"], size["O"], size["C"]):
            if name == "z":
                got[n, o] += family(x[n, c], W[o, c], windows, outs)
            elif name == "W":
                got[o, c] += family(x[n, c], dz[n, o], windows, (size["R"], size["S"]))
            else:
                got[n, c] += family(dz[n, o], W[o, c], windows, (size["H"], size["V"]))
        assert np.array_equal(got, wanted), name


def test_the_family_is_closed_under_adjoint() -> None:
    """∂W swaps stride and dilation; ∂x swaps stride and input dilation and flips the weight."""
    forward = recognise(convolution("W").derivation.equation)
    dW, dx = (recognise(convolution(name).equation) for name in ("W", "x"))
    assert forward is not None
    assert dW is not None
    assert dx is not None
    assert (forward.kind, dW.kind, dx.kind) == ("convolution", "convolution", "transposed convolution")
    assert forward.bias is not None
    for z, w, x, window in zip(forward.windows, dW.windows, dx.windows, ("R", "S"), strict=True):
        reach = z.dilation * (sp.Symbol(window, integer=True, positive=True) - 1)
        assert (w.stride, w.dilation, w.padding, w.spacing, w.flipped) == (
            z.dilation,
            z.stride,
            z.padding,
            1,
            False,
        )
        assert (x.stride, x.dilation, x.spacing, x.flipped) == (1, z.dilation, z.stride, True)
        assert sp.expand(x.padding - (reach - z.padding)) == 0
    assert [o.tensor.name for o in dW.operands] == ["x", "dz"]
    assert [o.tensor.name for o in dx.operands] == ["dz", "W"]


def test_stride_one_gives_the_full_convolution_with_the_flipped_filter() -> None:
    text, shapes = "z[i,j] = sum[r,s](w[r,s]*x[i+r,j+s])", {"x": "H,V", "w": "R,S"}
    dw, dx = (recognise(gradient(text, tuple(shapes.items()), name).equation) for name in ("w", "x"))
    assert dw is not None
    assert dx is not None
    assert dw.kind == "convolution"
    assert [w.padding for w in dw.windows] == [0, 0]
    assert dx.kind == "full convolution"
    assert [str(w.padding) for w in dx.windows] == ["R - 1", "S - 1"]
    assert all(w.flipped for w in dx.windows)


def test_adjoints_of_adjoints_are_right_too() -> None:
    """The gradients of a full convolution by its weight and by its data."""
    text = "y[i] = sum[r](w[r]*z[(i)-r | 0])"
    shapes = {"z": "H", "w": "R", "y": "H+R-1"}
    (equation,) = parse(text, shapes).equations
    assert recognise(equation).kind == "full convolution"  # type: ignore[union-attr]
    for tensor in equation.inputs:
        assert by_entries(pullback(equation, tensor)).holds


def test_the_strided_gather_reads_nothing_that_is_not_there() -> None:
    """Rows that no window reaches get 0, as (H + 2p − R) mod u rows at the border do."""
    size = {
        "N": 1,
        "C": 1,
        "O": 1,
        "H": 6,
        "V": 6,
        "R": 2,
        "S": 2,
        "u": 3,
        "v": 3,
        "p": 0,
        "q": 0,
        "e": 1,
        "f": 1,
    }
    dz = np.array([[[[1, 10], [100, 1000]]]], dtype=object)
    W = np.array([[[[1, 2], [3, 4]]]], dtype=object)
    x = np.zeros((1, 1, 6, 6), dtype=object)
    dx = evaluate(convolution("x").equation, {"W": W, "dz": dz, "x": x}, size)
    wanted = np.zeros((6, 6), dtype=object)
    for i, j in np.ndindex(2, 2):
        wanted[3 * i : 3 * i + 2, 3 * j : 3 * j + 2] += dz[0, 0, i, j] * W[0, 0]
    assert np.array_equal(dx[0, 0], wanted)
    assert not dx[0, 0, 2].any()
    assert not dx[0, 0, :, 5].any()
