"""Every gradient of the design's formulas: replayed, and equal to SymPy's derivative of the expanded entries."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import sympy as sp

from symcnn.calculus.entries import Entries, entry, expand
from symcnn.calculus.proof import by_entries
from symcnn.calculus.pullback import Gradient, cotangents, pullback
from symcnn.calculus.sizes import small_sizes
from symcnn.core.equation import Equation
from symcnn.core.errors import UnknownName
from symcnn.core.expr import same
from symcnn.core.infer import parse
from symcnn.program.reference import evaluate, evaluate_scatter
from tests.calculus.formulas import DESIGN

FILTER = ("y[i] = sum[r](w[r]*x[i+r])", {"w": "R", "x": "N"})
LABELS = {("bce", "y"), ("cross-entropy", "y")}
PAIRS = [
    (name, equation, tensor)
    for name, (text, shapes) in DESIGN.items()
    for equation in parse(text, shapes).equations
    for tensor in equation.inputs
    if (name, tensor.name) not in LABELS
]
IDS = [f"{name}: d{tensor.name}" for name, _, tensor in PAIRS]


@pytest.mark.parametrize(("name", "equation", "tensor"), PAIRS, ids=IDS)
def test_a_gradient_replays_and_equals_the_derivative_of_the_entries(
    name: str, equation: Equation, tensor: object
) -> None:
    gradient = pullback(equation, tensor)  # type: ignore[arg-type]
    assert gradient.derivation.replay()
    assert gradient.derivation.steps[0].rule.name == "differentiate"
    proof = by_entries(gradient)
    assert proof.holds, proof.differs


@pytest.mark.parametrize(("name", "equation", "tensor"), PAIRS, ids=IDS)
def test_scatter_form_equals_gather_form(name: str, equation: Equation, tensor: object) -> None:
    gradient = pullback(equation, tensor)  # type: ignore[arg-type]
    sizes = {symbol.name: int(value) for symbol, value in small_sizes([equation], seed=1).items()}
    numbers = {s.name: 2 for e in (equation, gradient.equation) for s in _scalars(e, sizes)}
    arrays = random_arrays(gradient, sizes, numbers)
    gathered = evaluate(gradient.equation, arrays, {**sizes, **numbers})
    scattered = sum(evaluate_scatter(scatter, arrays, {**sizes, **numbers}) for scatter in gradient.scatters)
    if gradient.equation.body.is_rational_function():
        assert np.all(gathered == scattered)
    else:
        assert np.all(abs((gathered - scattered).astype(float)) < 1e-12)


def _scalars(equation: Equation, sizes: dict[str, int]) -> list[sp.Symbol]:
    indices = set(equation.extents)
    shapes = {s for t in equation.inputs for extent in t.shape for s in extent.free_symbols}
    free = equation.body.free_symbols - indices - shapes
    return sorted((s for s in free if s.name not in sizes and not isinstance(s, sp.Dummy)), key=str)


def random_arrays(
    gradient: Gradient, sizes: dict[str, int], numbers: dict[str, object]
) -> dict[str, np.ndarray]:
    """Exact arrays for what the gradient reads; the forward value is computed, labels are in range."""
    equation = gradient.derivation.equation
    rng = np.random.default_rng(3)
    arrays: dict[str, np.ndarray] = {}
    for tensor in [*equation.inputs, gradient.derivation.cotangent.tensor, gradient.of]:
        shape = [int(extent.subs({s: sizes[s.name] for s in extent.free_symbols})) for extent in tensor.shape]
        small = rng.permutation(np.prod(shape, dtype=int) + 1)[1:].reshape(shape) + 1
        arrays[tensor.name] = np.array(
            [sp.Rational(int(v), 40) for v in small.ravel()] or [], dtype=object
        ).reshape(shape)
    arrays[equation.tensor.name] = evaluate(equation, arrays, {**sizes, **numbers})
    return arrays


@pytest.mark.parametrize("name", ["batch norm", "attention"])
def test_the_whole_sweep_equals_the_derivative_of_the_composed_entries(name: str) -> None:
    text, shapes = DESIGN[name]
    system = parse(text, shapes)
    sizes = dict(zip(system.sizes, (1, 2, 2) if name == "attention" else (2, 1, 2), strict=True))
    sizes = {symbol: sp.Integer(value) for symbol, value in sizes.items()}
    known: dict[str, dict[tuple[int, ...], sp.Expr]] = {}
    for equation in system.equations:
        known[equation.tensor.name] = expand(equation, Entries(sizes, known=known))
    output = system.output
    objective = sum(entry(output.cotangent(), at) * value for at, value in known[output.name].items())
    swept = dict(known)
    for equation, _ in cotangents(system.equations, list(system.inputs)):
        swept[equation.tensor.name] = expand(equation, Entries(sizes, known=swept))
    numbers = {
        s: sp.Rational(k + 3, 7 + k % 3) for k, s in enumerate(sorted(objective.free_symbols, key=str))
    }
    for tensor in system.inputs:
        for at, value in swept[tensor.cotangent().name].items():
            difference = (value - sp.diff(objective, entry(tensor, at))).subs(numbers)
            assert abs(sp.N(difference, 30)) < 1e-20


@pytest.mark.parametrize("name", ["bilinear", "lrn", "flipped filter", "dense"])
def test_the_result_does_not_depend_on_the_order_of_terms(name: str) -> None:
    """Equations whose factors and terms are written in another order have the same gradients."""
    text, shapes = {
        "bilinear": (
            "y[n,k] = sum[i,j](x[n,i]*W[k,i,j]*z[n,j]) + b[k]*x[n,k]",
            {"x": "N,K", "W": "K,K,J", "z": "N,J", "b": "K"},
        ),
        "lrn": ("y[c] = x[c]/(k + sum[d<3](x[c+d-1 | 0]**2))**2 + x[c]", {"x": "C"}),
        "flipped filter": (
            "y[n,i] = sum[r](w[R-1-r]*x[n,i+r]) + w[0]*x[n,i]",
            {"w": "R", "x": "N,H", "y": "N,H-R+1"},
        ),
        "dense": ("z[n,k] = b[k] + sum[d](W[k,d]*x[n,d])", {"x": "N,D", "W": "K,D", "b": "K"}),
    }[name]
    turned = {
        "bilinear": "y[n,k] = x[n,k]*b[k] + sum[i,j](z[n,j]*x[n,i]*W[k,i,j])",
        "lrn": "y[c] = x[c] + (sum[d<3](x[c+d-1 | 0]**2) + k)**-2*x[c]",
        "flipped filter": "y[n,i] = x[n,i]*w[0] + sum[r](x[n,r+i]*w[-r-1+R])",
        "dense": "z[n,k] = sum[d](x[n,d]*W[k,d]) + b[k]",
    }[name]
    (left,), (right,) = parse(text, shapes).equations, parse(turned, shapes).equations
    assert same(left.body, right.body)
    for tensor in left.inputs:
        assert same(pullback(left, tensor).equation.body, pullback(right, tensor).equation.body)


def test_permuted_bound_indices_give_the_same_gradient() -> None:
    shapes = {"x": "N,C,H", "W": "O,C,R"}
    for names in itertools.permutations(("c", "r")):
        text = f"z[n,o,i] = sum[{','.join(names)}](W[o,c,r]*x[n,c,2*i+r])"
        (equation,) = parse(text, shapes).equations
        proof = by_entries(pullback(equation, equation.inputs[0]))
        assert proof.holds, proof.differs


def test_a_wrong_gradient_does_not_pass() -> None:
    """The evidence can fail: doubled, shifted and unguarded results are caught by entries."""
    (equation,) = parse("y[i] = sum[r](w[r]*x[i+r])", {"w": "R", "x": "N"}).equations
    x = next(t for t in equation.inputs if t.name == "x")
    right = pullback(equation, x)
    body, free = right.equation.body, right.equation.free
    wrong = [2 * body, -body, body.xreplace({free[0].symbol: free[0].symbol + 1}), sp.S.Zero]
    for candidate in wrong:
        changed = dataclasses.replace(right, equation=Equation(right.equation.target, candidate, free))
        assert not by_entries(changed).holds
    assert by_entries(right).holds


def test_a_step_that_was_tampered_with_does_not_replay() -> None:
    (equation,) = parse("a[n,k] = tanh(z[n,k])", {"z": "N,K"}).equations
    derivation = pullback(equation, equation.inputs[0]).derivation
    last = derivation.steps[-1]
    doubled = tuple(dataclasses.replace(term, factor=2 * term.factor) for term in last.after)
    broken = dataclasses.replace(
        derivation, steps=(*derivation.steps[:-1], dataclasses.replace(last, after=doubled))
    )
    assert derivation.replay()
    assert not broken.replay()


def test_a_tensor_that_is_not_read_has_no_gradient() -> None:
    left = parse("y[i] = x[i]", {"x": "N"}).equations[0]
    right = parse("y[i] = w[i]", {"w": "N"}).equations[0]
    with pytest.raises(UnknownName, match="y does not depend on w; it reads x"):
        pullback(left, right.inputs[0])


def test_an_input_without_influence_has_gradient_zero() -> None:
    system = parse("h[i] = x[i]*0 + w[i]\ny[i] = h[i] + 1", {"x": "N", "w": "N"})
    assert [t.name for t in system.inputs] == ["x", "w"]
    results = {e.tensor.name: e.body for e, _ in cotangents(system.equations, list(system.inputs))}
    assert results["dx"] == 0


def test_one_tensor_twice_in_a_term_and_in_two_equations() -> None:
    system = parse("h[i] = x[i]*x[i+1]; y[i] = h[i]*x[i]", {"x": "N", "h": "N-1"})
    results = {e.tensor.name: parts for e, parts in cotangents(system.equations, list(system.inputs))}
    assert len(results["dx"]) == 2
    assert all(by_entries(part).holds for part in results["dx"])


def test_cotangents_are_defined_before_they_are_read() -> None:
    text, shapes = DESIGN["attention"]
    system = parse(text, shapes)
    seen = {system.output.cotangent().name}
    for equation, _ in cotangents(system.equations, list(system.inputs)):
        read = {t.name for t in equation.inputs if t.role == "cotangent"}
        assert read <= seen
        seen.add(equation.tensor.name)


@pytest.mark.parametrize(
    ("text", "shapes", "tensor", "wanted"),
    [
        (*DESIGN["dense"], "W", "dW[k, d] = sum[n<N](dz[n, k]*x[n, d])"),
        (*DESIGN["dense"], "x", "dx[n, d] = sum[k<K](W[k, d]*dz[n, k])"),
        (*DESIGN["dense"], "b", "db[k] = sum[n<N](dz[n, k])"),
        (*FILTER, "w", "dw[r] = sum[i<N - R + 1](dy[i]*x[i + r])"),
        (*FILTER, "x", "dx[h] = sum[r<R](dy[-r + h | 0]*w[r])"),
        ("y[i] = x[2*i]", {"x": "N"}, "x", "dx[h] = dy[h/2 | 0]"),
        (*DESIGN["sigmoid"], "z", "dz[n, k] = (1 - a[n, k])*a[n, k]*da[n, k]"),
        (*DESIGN["tanh"], "z", "dz[n, k] = (1 - a[n, k]**2)*da[n, k]"),
        ("a[n,k] = exp(z[n,k])", {"z": "N,K"}, "z", "dz[n, k] = a[n, k]*da[n, k]"),
        ("a[n,k] = sqrt(z[n,k])", {"z": "N,K"}, "z", "dz[n, k] = da[n, k]/(2*sqrt(z[n, k]))"),
        (*DESIGN["relu"], "z", "dz[n, k] = where(z[n, k] > 0, da[n, k], 0)"),
        (*DESIGN["softmax"], "z", "dz[n, l] = (dp[n, l] - sum[k<K](dp[n, k]*p[n, k]))*p[n, l]"),
    ],
)
def test_results_read_as_a_textbook_prints_them(
    text: str, shapes: dict[str, str], tensor: str, wanted: str
) -> None:
    (equation,) = parse(text, shapes).equations
    gradient = pullback(equation, next(t for t in equation.inputs if t.name == tensor))
    assert str(gradient.equation) == wanted


def test_the_strided_input_gradient_keeps_divisibility_and_range() -> None:
    (equation,) = parse("y[i] = x[2*i]", {"x": "9"}).equations
    gradient = pullback(equation, equation.inputs[0])
    dy = np.array([1, 2, 3, 4, 5], dtype=object)
    found = evaluate(gradient.equation, {"x": np.zeros(9, dtype=object), "dy": dy})
    assert found.tolist() == [1, 0, 2, 0, 3, 0, 4, 0, 5]


@pytest.mark.parametrize(
    ("text", "shapes", "tensor"),
    [
        ("y[i] = x[i]*w[i]/(2 + w[i]**2)", {"x": "N", "w": "N"}, "x"),
        ("y[i] = A[i,i | 0]*w[3*i+3 | -2]/(2 + w[i | 1]**2)", {"A": "H,K", "w": "K", "y": "H"}, "A"),
        ("y[i] = v[i-2 | 1]*A[i,4*i+2 | 0]/(2 + A[i,i+3 | 0]**2)", {"A": "H,K", "v": "5", "y": "H"}, "A"),
        ("y[i] = tanh(v[i | 0])", {"v": "5", "y": "4"}, "v"),
        ("y[i] = tanh(sum[r](w[r]*x[2*i+r-1 | 0]))", {"x": "H", "w": "R", "y": "H//2"}, "x"),
        ("y[i] = exp(x[3*i-1 | 0])", {"x": "H", "y": "H"}, "x"),
    ],
)
def test_the_own_output_is_used_only_where_it_is_defined(
    text: str, shapes: dict[str, str], tensor: str
) -> None:
    """y/x would be 0/0 where x is 0, and y[i] does not exist for every place of x."""
    (equation,) = parse(text, shapes).equations
    gradient = pullback(equation, next(t for t in equation.inputs if t.name == tensor))
    assert gradient.derivation.replay()
    proof = by_entries(gradient)
    assert proof.holds, proof.differs
    divisors = [p.base for p in gradient.equation.body.atoms(sp.Pow) if p.exp.is_negative]
    assert not any(base.is_Symbol or type(base).__name__ == "Read" for base in divisors)


def test_a_derivative_in_the_output_names_no_new_function() -> None:
    (equation,) = parse("y[i] = tanh(tanh(x[i]))", {"x": "N"}).equations
    gradient = pullback(equation, equation.inputs[0])
    assert {f.func for f in gradient.equation.body.atoms(sp.Function)} <= {sp.tanh}
