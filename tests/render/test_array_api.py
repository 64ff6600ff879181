"""Modules against the array API standard: on its strictest library they equal the NumPy modules."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

import symcnn as sc
from symcnn.calculus.sizes import small_sizes
from symcnn.core.errors import SymcnnError
from symcnn.nets.catalogue import CATALOGUE
from symcnn.nets.formula import layer, of_kind
from symcnn.nets.kind import LayerKind
from symcnn.render.numpy_source import emit_plan
from tests.nets.trial import Arrays, drawn, given

strict = pytest.importorskip("array_api_strict")
PLAIN = [kind for kind in CATALOGUE if not re.search(r" [1345]d|[13]d", kind.name)]
LARGER = [kind for kind in CATALOGUE if kind not in PLAIN]
FORMULAS = {
    "scatter in steps": "y[n,i] = sum[r<2](w[r]*x[n,2*i+3*r])",
    "reversed window": "y[i] = sum[r](w[R-1-r]*x[i+r])",
    "diagonal": "y[i] = x[i,i]*w[i]",
    "padded maximum": "y[i] = max[r<3](x[2*i+r-1 | -oo])",
    "error function": "y[n] = x[n]*(1 + erf(x[n]/sqrt(2)))/2",
    "index as a number": "y[n,k] = x[n,k]*(k + 1)",
}
SHAPES = {
    "scatter in steps": {"x": "N,D", "w": "2", "y": "N,(D-4)//2+1"},
    "reversed window": {"x": "N", "w": "R"},
    "diagonal": {"x": "D,D", "w": "D"},
    "padded maximum": {"x": "D", "y": "D//2"},
    "error function": {"x": "N"},
    "index as a number": {"x": "N,K"},
}


def moved(arrays: Arrays) -> dict[str, object]:
    """The arrays as arrays of the strict library."""
    return {name: strict.asarray(np.asarray(array)) for name, array in arrays.items()}


def same(made: sc.Layer, labels: tuple[str, ...] = ()) -> None:
    """Both modules of a layer give the same output and cotangents, between 0 and 1 and for labels of class 1."""
    plan = made.plan()
    usual, standard = emit_plan(plan).load(), emit_plan(plan, "array-api").load()
    arrays, numbers = drawn(made, 0, whole=False)
    arrays = {name: a * 0 + 1 if name in labels else 1 / (1 + np.exp(-a)) for name, a in arrays.items()}
    sizes = {s.name: int(n) for s, n in small_sizes(list(made.system.equations), 0).items()}
    asked = inspect.signature(usual.forward).parameters
    options = {name: sizes[name] for name in asked if name in sizes} | given(made, numbers)
    output = usual.forward(**arrays, **options)
    np.testing.assert_allclose(np.asarray(standard.forward(**moved(arrays), **options)), output, atol=1e-13)
    seed = np.random.default_rng(1).normal(size=output.shape)
    wanted = usual.vjp(seed, **arrays, **options)
    found = standard.vjp(strict.asarray(seed), **moved(arrays), **options)
    for name, cotangent in wanted.items():
        np.testing.assert_allclose(np.asarray(found[name]), cotangent, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("kind", PLAIN[::6], ids=lambda kind: kind.name)
def test_layers(kind: LayerKind) -> None:
    same(of_kind(kind), (*kind.labels, *(name for name, _ in kind.classes)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [k for k in CATALOGUE if k not in PLAIN[::6]], ids=lambda kind: kind.name)
def test_other_layers(kind: LayerKind) -> None:
    same(of_kind(kind), (*kind.labels, *(name for name, _ in kind.classes)))


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas(name: str) -> None:
    same(layer(FORMULAS[name], shapes=SHAPES[name]))


@pytest.mark.parametrize(
    "name", ["notes", "lenet5-digits", pytest.param("resnet18-small", marks=pytest.mark.slow)]
)
def test_networks(name: str) -> None:
    net = sc.models.get(name)
    usual, standard = sc.emit(net).load(), sc.emit(net, target="array-api").load()
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, *net.input_shape))
    y = np.array([0.0, 1.0, 1.0]).reshape(tuple(3 if n == 0 else 1 for n in range(net.labels[0].rank)))
    params = usual.init(1, np.float64)
    value, grads = usual.loss_and_grads(params, x, y)
    theirs = moved(params)
    found, others = standard.loss_and_grads(theirs, strict.asarray(x), strict.asarray(y))
    assert float(found) == pytest.approx(value, rel=1e-12)
    for key, grad in grads.items():
        np.testing.assert_allclose(np.asarray(others[key]), grad, atol=1e-12 * np.abs(grad).max())
    np.testing.assert_allclose(
        np.asarray(standard.forward(theirs, strict.asarray(x))), usual.forward(params, x), atol=1e-12
    )


@pytest.mark.parametrize("step", ["sgd_step", "momentum_step", "adam_step"])
def test_descent(step: str) -> None:
    net = sc.models.notes()
    usual, standard = sc.emit(net).load(), sc.emit(net, target="array-api").load()
    params = usual.init(0, np.float64)
    grads = {name: np.ones_like(array) for name, array in params.items()}
    theirs, memory, memories = moved(params), {}, {}
    for _ in range(3):
        if step == "sgd_step":
            standard.sgd_step(theirs, moved(grads), 0.1)
            usual.sgd_step(params, grads, 0.1)
        else:
            getattr(standard, step)(theirs, moved(grads), memories, 0.1)
            getattr(usual, step)(params, grads, memory, 0.1)
    for name, array in params.items():
        np.testing.assert_allclose(np.asarray(theirs[name]), array, atol=1e-13)


def test_what_does_not_fit_is_refused() -> None:
    module = sc.emit("notes", target="array-api").load()
    params = module.init(xp=strict)
    with pytest.raises(ValueError, match=r"expected x: floats of shape"):
        module.forward(params, strict.zeros((2, 1, 5, 5), dtype=strict.float32))
    with pytest.raises(ValueError, match="array API standard"):
        module.forward(params, [[1.0]])
    with pytest.raises(SymcnnError, match="numpy, array-api"):
        sc.emit("notes", target="fortran")
    with pytest.raises(SymcnnError, match="expected the target numpy"):
        sc.emit("notes", "fast", target="array-api")
