"""The heads of index notation: reads, reductions, cases and the conditions that guard them.

Everything else in a body is ordinary SymPy (+, *, powers, exp, log, …). All heads are real-valued.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import sympy as sp
from sympy.core.symbol import Str
from sympy.logic.boolalg import Boolean, BooleanFunction

from symcnn.core.index import fresh
from symcnn.core.tensor import Tensor

Kind = Literal["sum", "max", "min", "prod"]
Limit = tuple[sp.Symbol, sp.Expr]


class Read(sp.Expr):
    """``T[p₁, …, p_k | outside]``: the entry of ``T`` at affine positions.

    With ``outside``, a position that is not an integer in ``[0, extent)`` reads that value instead: padding,
    cropping, concatenation, and the divisibility and range conditions of strided adjoints, are all this one thing.
    """

    is_commutative = True
    is_extended_real = True
    is_real = True

    def __new__(cls, tensor: Tensor, at: Iterable[object], outside: object = None) -> Read:
        guard = (
            outside if isinstance(outside, sp.Tuple) else sp.Tuple(*([] if outside is None else [outside]))
        )
        return super().__new__(cls, tensor, sp.Tuple(*at), guard)

    @property
    def tensor(self) -> Tensor:
        return self.args[0]

    @property
    def at(self) -> tuple[sp.Expr, ...]:
        return tuple(self.args[1])

    @property
    def outside(self) -> sp.Expr | None:
        return self.args[2][0] if self.args[2] else None

    def guarded(self, outside: object = 0) -> Read:
        """The same read with a value outside the tensor."""
        return Read(self.tensor, self.at, sp.Tuple(outside))

    def unguarded(self) -> Read:
        """The same read without a value outside the tensor."""
        return Read(self.tensor, self.at)

    def _eval_derivative(self, symbol: sp.Symbol) -> sp.Expr:
        return sp.S.Zero

    def _sympystr(self, printer: object) -> str:
        tail = f" | {self.outside}" if self.outside is not None else ""
        return f"{self.tensor.name}[{', '.join(map(str, self.at))}{tail}]" if self.at else self.tensor.name


class Reduce(sp.Expr):
    """``sum|max|min|prod`` of ``body`` over bound indices ``k < extent``."""

    is_commutative = True
    is_extended_real = True
    is_real = True

    def __new__(cls, kind: str | Str, body: sp.Expr, limits: Iterable[Iterable[object]]) -> sp.Expr:
        bounds = sp.Tuple(*(sp.Tuple(*limit) for limit in limits))
        if not bounds:
            return body
        if str(kind) == "sum" and body == 0:
            return sp.S.Zero
        return super().__new__(cls, Str(str(kind)), body, bounds)

    @property
    def kind(self) -> str:
        return str(self.args[0].name)

    @property
    def body(self) -> sp.Expr:
        return self.args[1]

    @property
    def limits(self) -> tuple[Limit, ...]:
        return tuple((limit[0], limit[1]) for limit in self.args[2])

    @property
    def indices(self) -> tuple[sp.Symbol, ...]:
        return tuple(limit[0] for limit in self.args[2])

    @property
    def bound_symbols(self) -> list[sp.Symbol]:
        return list(self.indices)

    @property
    def free_symbols(self) -> set[sp.Basic]:
        inner = self.body.free_symbols - set(self.indices)
        return inner | {symbol for _, extent in self.limits for symbol in extent.free_symbols}

    def opened(self) -> tuple[sp.Expr, tuple[Limit, ...]]:
        """Body and limits under fresh bound indices, ready to stand inside another binder."""
        renaming = {k: fresh(k.name) for k in self.indices}
        limits = tuple((renaming[k], extent) for k, extent in self.limits)
        return rebind(self.body, renaming), limits

    def _eval_derivative(self, symbol: sp.Symbol) -> sp.Expr:
        return sp.S.Zero

    def _sympystr(self, printer: object) -> str:
        names = ", ".join(f"{k.name}<{extent}" for k, extent in self.limits)
        return f"{self.kind}[{names}]({self.body})"


class Where(sp.Expr):
    """``value`` where ``condition`` is true, ``otherwise`` elsewhere; the branch not taken is never evaluated."""

    is_commutative = True
    is_extended_real = True
    is_real = True

    def __new__(cls, condition: object, value: object, otherwise: object = 0) -> sp.Expr:
        condition = sp.sympify(condition, strict=True)
        value, otherwise = sp.sympify(value, strict=True), sp.sympify(otherwise, strict=True)
        if condition == sp.true or value == otherwise:
            return value
        if condition == sp.false:
            return otherwise
        return super().__new__(cls, condition, value, otherwise)

    @property
    def condition(self) -> Boolean:
        return self.args[0]

    @property
    def value(self) -> sp.Expr:
        return self.args[1]

    @property
    def otherwise(self) -> sp.Expr:
        return self.args[2]

    def _eval_derivative(self, symbol: sp.Symbol) -> sp.Expr:
        return Where(self.condition, sp.diff(self.value, symbol), sp.diff(self.otherwise, symbol))

    def _sympystr(self, printer: object) -> str:
        return f"where({condition_text(self.condition)}, {self.value}, {self.otherwise})"


class Selected(sp.Expr):
    """1 where ``at`` is the place from which ``max``/``min`` of ``body`` takes its value, else 0.

    ``policy`` says what happens at a tie: ``first`` or ``last`` place in row-major order, or ``split`` (an equal share).
    """

    is_commutative = True
    is_extended_real = True
    is_real = True

    def __new__(
        cls,
        kind: str | Str,
        body: sp.Expr,
        limits: Iterable[Iterable[object]],
        at: Iterable[object],
        policy: str | Str,
    ) -> Selected:
        bounds = sp.Tuple(*(sp.Tuple(*limit) for limit in limits))
        return super().__new__(cls, Str(str(kind)), body, bounds, sp.Tuple(*at), Str(str(policy)))

    @property
    def kind(self) -> str:
        return str(self.args[0].name)

    @property
    def body(self) -> sp.Expr:
        return self.args[1]

    @property
    def limits(self) -> tuple[Limit, ...]:
        return tuple((limit[0], limit[1]) for limit in self.args[2])

    @property
    def indices(self) -> tuple[sp.Symbol, ...]:
        return tuple(limit[0] for limit in self.args[2])

    @property
    def at(self) -> tuple[sp.Expr, ...]:
        return tuple(self.args[3])

    @property
    def policy(self) -> str:
        return str(self.args[4].name)

    @property
    def bound_symbols(self) -> list[sp.Symbol]:
        return list(self.indices)

    @property
    def free_symbols(self) -> set[sp.Basic]:
        inner = self.body.free_symbols - set(self.indices)
        outer = [extent for _, extent in self.limits] + list(self.at)
        return inner | {symbol for part in outer for symbol in part.free_symbols}

    def _eval_derivative(self, symbol: sp.Symbol) -> sp.Expr:
        return sp.S.Zero

    def _sympystr(self, printer: object) -> str:
        at = ", ".join(map(str, self.at))
        names = ", ".join(f"{k.name}<{extent}" for k, extent in self.limits)
        return f"[({at}) = arg{self.kind}[{names}]({self.body})]"


class Delta(sp.Expr):
    """Kronecker's δ(a, b): 1 where two positions are equal, else 0; contracted by our own rule only."""

    is_commutative = True
    is_extended_real = True
    is_real = True

    def __new__(cls, left: object, right: object) -> sp.Expr:
        left, right = sp.sympify(left, strict=True), sp.sympify(right, strict=True)
        if left == right:
            return sp.S.One
        return super().__new__(cls, left, right)

    def _eval_derivative(self, symbol: sp.Symbol) -> sp.Expr:
        return sp.S.Zero

    def _sympystr(self, printer: object) -> str:
        return f"δ({self.args[0]}, {self.args[1]})"


class Within(BooleanFunction):
    """True where ``position`` is an integer in ``[0, extent)``: divisibility and range in one condition."""

    @classmethod
    def eval(cls, position: sp.Expr, extent: sp.Expr) -> Boolean | None:
        if position.is_number and position.is_Rational and not position.is_Integer:
            return sp.false
        if position.is_Integer:
            if position < 0:
                return sp.false
            if extent.is_Integer:
                return sp.true if position < extent else sp.false
        return None

    @property
    def position(self) -> sp.Expr:
        return self.args[0]

    @property
    def extent(self) -> sp.Expr:
        return self.args[1]

    def _sympystr(self, printer: object) -> str:
        return f"{self.position} in 0..{self.extent}-1"


COMPARED = {sp.Gt: ">", sp.Ge: ">=", sp.Lt: "<", sp.Le: "<=", sp.Eq: "==", sp.Ne: "!="}


def condition_text(condition: sp.Basic) -> str:
    """A condition as the formula language writes it: ``t[n] == k and not x[n] > 0``."""
    if type(condition) in COMPARED:
        left, right = condition.args
        return f"{left} {COMPARED[type(condition)]} {right}"
    if isinstance(condition, sp.Not):
        return f"not ({condition_text(condition.args[0])})"
    if isinstance(condition, sp.And | sp.Or):
        parts = [
            f"({condition_text(part)})" if isinstance(part, sp.And | sp.Or) else condition_text(part)
            for part in sorted(condition.args, key=sp.default_sort_key)
        ]
        return (" and " if isinstance(condition, sp.And) else " or ").join(parts)
    return str(condition)


Binder = (Reduce, Selected)


def rebind(expr: sp.Basic, mapping: Mapping[sp.Basic, sp.Basic]) -> sp.Basic:
    """Substitute exactly, inside reads, limits and conditions too; bound indices are unique, so nothing is captured."""
    return expr.xreplace(dict(mapping)) if mapping else expr


def reads(expr: sp.Basic) -> list[Read]:
    """Every distinct read in ``expr``, in the order in which it is printed."""
    return list(dict.fromkeys(node for node in sp.preorder_traversal(expr) if isinstance(node, Read)))


def tensors(expr: sp.Basic) -> list[Tensor]:
    """Every distinct tensor that ``expr`` reads, in the order in which it is printed."""
    return list(dict.fromkeys(read.tensor for read in reads(expr)))


def canonical(expr: sp.Basic) -> sp.Basic:
    """``expr`` with bound indices renamed by depth, so that ``==`` compares up to the names of bound indices."""
    if not expr.args:
        return expr
    if isinstance(expr, Binder):
        body = canonical(expr.body)
        depth = 1 + max(
            (int(s.name[1:]) // 16 for s in body.atoms(sp.Symbol) if s.name[:1] == "\x00"), default=-1
        )
        names = {
            k: sp.Symbol(f"\x00{16 * depth + place}", integer=True, nonnegative=True)
            for place, k in enumerate(expr.indices)
        }
        limits = sp.Tuple(*(sp.Tuple(names[k], canonical(extent)) for k, extent in expr.limits))
        inner = canonical(rebind(body, names))
        rest = [canonical(part) for part in expr.args[3:]]
        return expr.func(expr.args[0], inner, limits, *rest)
    return expr.func(*(canonical(arg) for arg in expr.args))


def same(left: sp.Basic, right: sp.Basic) -> bool:
    """Equal up to the names of bound indices."""
    return bool(left == right or canonical(left) == canonical(right))
