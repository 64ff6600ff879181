"""Heads of index notation: equality up to bound names, substitution without capture, derivatives left to the calculus."""

from __future__ import annotations

import pytest
import sympy as sp

from symcnn.core.equation import Equation, Index
from symcnn.core.expr import (
    Delta,
    Read,
    Reduce,
    Selected,
    Where,
    Within,
    canonical,
    reads,
    rebind,
    same,
    tensors,
)
from symcnn.core.index import fresh, index, size
from symcnn.core.tensor import Tensor

N, K = size("N"), size("K")
X, W = Tensor("x", [N]), Tensor("W", [K, N])
i, j = index("i"), index("j")


def summed(name: str, extent: sp.Expr = N, kind: str = "sum") -> Reduce:
    k = fresh(name)
    return Reduce(kind, Read(X, [k]) ** 2, [(k, extent)])


def test_bound_names_do_not_count() -> None:
    assert summed("a") != summed("b")
    assert same(summed("a"), summed("b"))
    assert same(1 + sp.exp(summed("a")) / 2, 1 + sp.exp(summed("b")) / 2)
    assert not same(summed("a"), summed("a", K))
    assert not same(summed("a"), summed("a", N, "prod"))


def test_nested_and_crossed_binders() -> None:
    def nested(first: str, second: str, *, crossed: bool) -> sp.Expr:
        a, b = fresh(first), fresh(second)
        read = Read(W, [b, a] if crossed else [a, b])
        return Reduce("sum", Read(X, [a]) * Reduce("max", read, [(b, N)]), [(a, N)])

    assert same(nested("a", "b", crossed=False), nested("b", "a", crossed=False))
    assert not same(nested("a", "b", crossed=False), nested("a", "b", crossed=True))


def test_two_limits_of_one_reduction_keep_their_roles() -> None:
    def double(swapped: bool) -> sp.Expr:
        a, b = fresh("a"), fresh("b")
        return Reduce("sum", Read(W, [b, a] if swapped else [a, b]), [(a, N), (b, N)])

    assert same(double(False), double(False))
    assert not same(double(False), double(True))


def test_selected_is_compared_with_its_place_and_policy() -> None:
    def chosen(at: sp.Expr, policy: str) -> Selected:
        k = fresh("k")
        return Selected("max", Read(X, [k]), [(k, N)], [at], policy)

    assert same(chosen(i, "first"), chosen(i, "first"))
    assert not same(chosen(i, "first"), chosen(j, "first"))
    assert not same(chosen(i, "first"), chosen(i, "last"))


def test_canonical_does_not_touch_free_names() -> None:
    k = fresh("k")
    body = Reduce("sum", Read(W, [i, k]) * Read(X, [j]), [(k, N)])
    assert {i, j} <= canonical(body).free_symbols


def test_substitution_captures_nothing() -> None:
    k = fresh("i")  # printed like the free index, yet another
    body = Reduce("sum", Read(W, [i, k]), [(k, N)])
    moved = rebind(body, {i: j + 1})
    assert moved == Reduce("sum", Read(W, [j + 1, k]), [(k, N)])
    inner = Reduce("sum", Read(W, [i, k]) * Read(X, [i]), [(k, N)])
    other = fresh("i")
    outer = Reduce("sum", rebind(inner, {i: other}), [(other, N)])
    assert len({*outer.indices, *outer.body.atoms(sp.Dummy)}) == 2


def test_opened_indices_are_new_each_time() -> None:
    total = summed("k")
    (first, limits), (second, others) = total.opened(), total.opened()
    assert first != second
    assert limits[0][0] not in {others[0][0], *total.indices}
    assert same(Reduce("sum", first, limits), total)


def test_a_substitution_of_sizes_reaches_shapes() -> None:
    equation = Equation(Read(Tensor("y", [N]), [i]), Read(X, [i]), (Index(i, N),))
    small = equation.substituted({N: sp.Integer(3)})
    assert small.tensor.shape == small.inputs[0].shape == (3,)
    assert small.free[0].extent == 3


def test_bound_indices_are_not_free() -> None:
    k = fresh("k")
    body = Reduce("sum", Read(W, [i, k]), [(k, N)])
    assert body.free_symbols >= {i, N}
    assert k not in body.free_symbols
    selected = Selected("max", Read(W, [i, k]), [(k, N)], [j], "first")
    assert {i, j} <= selected.free_symbols
    assert k not in selected.free_symbols


def test_sums_and_cases_reduce_where_they_must() -> None:
    k = fresh("k")
    assert Reduce("sum", sp.S.Zero, [(k, N)]) == 0
    assert Reduce("sum", Read(X, [i]), []) == Read(X, [i])
    assert Where(sp.true, i, j) == i
    assert Where(sp.false, i, j) == j
    assert Where(sp.Gt(Read(X, [i]), 0), j, j) == j


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        (Within(sp.Integer(2), sp.Integer(3)), sp.true),
        (Within(sp.Integer(3), sp.Integer(3)), sp.false),
        (Within(sp.Integer(-1), N), sp.false),
        (Within(sp.Rational(1, 2), N), sp.false),
    ],
)
def test_within_decides_numbers(condition: sp.Basic, wanted: sp.Basic) -> None:
    assert condition == wanted


def test_within_stays_undecided_for_symbols() -> None:
    assert isinstance(Within(i / 2, N), Within)
    assert Within(i / 2, N).xreplace({i: sp.Integer(3)}) == sp.false


def test_delta_of_numbers() -> None:
    assert Delta(i, i) == 1
    assert Delta(i, j).xreplace({i: sp.Integer(1), j: sp.Integer(1)}) == 1


def test_plain_differentiation_does_not_look_into_reads() -> None:
    assert sp.diff(Read(X, [i]) ** 2, i) == 0


def test_what_an_expression_reads() -> None:
    body = Read(X, [i]) * Read(W, [j, i]) + Read(X, [i])
    assert set(tensors(body)) == {X, W}
    assert len(reads(body)) == 2


def test_tensors_are_compared_by_name_shape_and_role() -> None:
    assert Tensor("x", [N]) == X
    assert Tensor("x", [K]) != X
    assert X.cotangent() == Tensor("dx", [N], "cotangent")
    assert X.renamed("y").name == "y"
