"""Proofs by entries: which indices are left out, that wrong gradients are refused, that sizes are telling."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy as sp

from symcnn.calculus.entries import Entries, entry, expand
from symcnn.calculus.independent import Claim, sliced
from symcnn.calculus.proof import by_entries, zero
from symcnn.calculus.pullback import Gradient, pullback
from symcnn.calculus.sizes import small_sizes
from symcnn.core.equation import Equation
from symcnn.core.expr import Read, rebind
from symcnn.core.infer import parse


def gradient_of(text: str, shapes: dict[str, str], name: str) -> Gradient:
    (equation,) = parse(text, shapes).equations
    return pullback(equation, next(t for t in equation.inputs if t.name == name))


def claim_of(gradient: Gradient) -> Claim:
    derivation = gradient.derivation
    return Claim(derivation.equation, gradient.equation, gradient.of, derivation.cotangent.tensor)


@pytest.mark.parametrize(
    ("text", "shapes", "name", "independent"),
    [
        ("y[n,c,i,j] = tanh(x[n,c,i,j])", {"x": "N,C,H,V"}, "x", ("n", "c", "i", "j")),
        ("y[n,k] = w[k]*x[n,k]", {"x": "N,K", "w": "K"}, "x", ("n", "k")),
        ("y[n,k] = w[k]*x[n,k]", {"x": "N,K", "w": "K"}, "w", ("k",)),
        ("z[n,k] = sum[d](W[k,d]*x[n,d])", {"x": "N,D", "W": "K,D"}, "x", ("n",)),
        ("z[n,k] = sum[d](W[k,d]*x[n,d])", {"x": "N,D", "W": "K,D"}, "W", ("k",)),
        ("p[n,k] = exp(z[n,k])/sum[l](exp(z[n,l]))", {"z": "N,K"}, "z", ("n",)),
        ("y[i] = x[2*i]", {"x": "H"}, "x", ()),  # not alone at its axis
        ("y[i] = x[i]*x[H-1-i]", {"x": "H"}, "x", ()),  # entries of two values meet
        ("y[i,j] = A[i,j]*A[j,i]", {"A": "H,H"}, "A", ()),  # once first, once second
        ("y[i] = A[i,i]", {"A": "H,H"}, "A", ()),
        ("y[i] = where(i < 2, x[i], 0)", {"x": "H"}, "x", ()),  # its value counts
        ("y[i] = x[i]*x[0]", {"x": "H"}, "x", ()),  # one entry is in all of them
    ],
)
def test_which_indices_are_independent(
    text: str, shapes: dict[str, str], name: str, independent: tuple[str, ...]
) -> None:
    gradient = gradient_of(text, shapes, name)
    assert sliced(claim_of(gradient))[1] == independent
    proof = by_entries(gradient)
    assert proof.holds
    assert proof.independent == independent


def test_an_elementwise_layer_is_proved_for_all_sizes_by_one_entry() -> None:
    proof = by_entries(gradient_of("y[n,c,i,j] = x[n,c,i,j]*tanh(x[n,c,i,j])", {"x": "N,C,H,V"}, "x"))
    assert (proof.entries, proof.sizes) == (1, ())


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("2*dy[n, k]*w[k]", "a factor"),
        ("dy[n, k]*w[0]", "another place"),
        ("dy[0, k]*w[k]", "another image"),
        ("dy[n, k]*x[n, k]", "another tensor"),
        ("dy[n, k]*w[k]*n", "the value of an index"),
    ],
)
def test_wrong_gradients_are_refused(wrong: str, why: str) -> None:
    right = gradient_of("y[n,k] = w[k]*x[n,k]", {"x": "N,K", "w": "K"}, "x")
    shapes = {"dy": "N,K", "w": "K", "x": "N,K", "r": "N,K"}
    read = {name: shape for name, shape in shapes.items() if f"{name}[" in f"r[{wrong}"}
    (claimed,) = parse(f"r[n,k] = {wrong}", read).equations
    cotangent = right.derivation.cotangent.tensor
    body = claimed.body.replace(
        lambda e: isinstance(e, Read) and e.tensor.name == "dy", lambda e: Read(cotangent, e.at)
    )
    inputs = {t.name: t for t in right.derivation.equation.inputs}
    body = body.replace(
        lambda e: isinstance(e, Read) and e.tensor.name in inputs, lambda e: Read(inputs[e.tensor.name], e.at)
    )
    proof = by_entries(replace(right, equation=replace(right.equation, body=body)))
    assert not proof.holds, why
    assert proof.differs


def test_a_slice_has_the_entries_of_the_whole() -> None:
    """One value of an independent index shows the entries of every other, under other names."""
    gradient = gradient_of("p[n,k] = exp(z[n,k])/sum[l](exp(z[n,l]))", {"z": "N,K"}, "z")
    claim, _ = sliced(claim_of(gradient))
    N, K = (sp.Symbol(name, integer=True, positive=True) for name in "NK")
    whole = expand(gradient.equation, Entries({N: sp.Integer(2), K: sp.Integer(3)}))
    part = expand(claim.gradient, Entries({K: sp.Integer(3)}))
    for n in range(2):
        names = {entry(t, (k,)): entry(t, (n, k)) for t in ("p", "dp") for k in range(3)}
        for k in range(3):
            assert rebind(part[(k,)], names) == whole[(n, k)]


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("z[n,k] = sum[d](W[k,d]*x[n,d])", {"x": "N,D", "W": "K,D"}),
        ("y[i] = sum[r](w[r]*x[u*i+e*r-p | 0])", {"x": "H", "w": "R", "y": "(H+2*p-e*(R-1)-1)//u+1"}),
    ],
)
@pytest.mark.parametrize("seed", range(4))
def test_small_sizes_differ_and_exceed_one(text: str, shapes: dict[str, str], seed: int) -> None:
    (equation,) = parse(text, shapes).equations
    sizes = small_sizes([equation], seed)
    extents = [int(e.xreplace(sizes).doit()) for e in equation.extents.values()]
    assert len(set(extents)) == len(extents)
    assert min(extents) > 1
    assert sizes == small_sizes([equation], seed)


def test_what_vanishes_under_some_names_vanishes_under_others() -> None:
    for name in "xyz":
        s = sp.Symbol(name, real=True)
        assert zero(sp.exp(2 * s) - sp.exp(s) ** 2)
        assert zero((s + 1) ** 2 - s**2 - 2 * s - 1)
        assert not zero((s + 1) ** 2 - s**2 - 2 * s)
    x, y = sp.symbols("x y", real=True)
    assert zero((x - y) * (x + y) - x**2 + y**2)
    assert not zero((x - y) * (x + y) - x**2 + x**2)


def test_an_equation_without_reads_of_the_tensor_elsewhere_is_not_sliced_by_chance() -> None:
    """A gradient that sums over what the forward equation keeps apart is compared in full."""
    gradient = gradient_of("y[n,k] = w[k]*x[n,k]", {"x": "N,K", "w": "K"}, "x")
    other = gradient_of("y[n,k] = w[k]*x[n,k]", {"x": "N,K", "w": "K"}, "w")
    mixed = Equation(gradient.equation.target, other.equation.body, gradient.equation.free)
    assert not by_entries(replace(gradient, equation=mixed)).holds
