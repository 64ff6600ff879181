"""The formula language: a subset of Python's expression syntax, read node by node from ``ast`` and never evaluated."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import sympy as sp

from symcnn.core.bounds import coefficients
from symcnn.core.errors import FormulaError, LimitExceeded, UnsupportedFormula
from symcnn.core.expr import Read, Reduce, Where
from symcnn.core.functions import FIRST, KinkPolicy, absolute, sigmoid, signum, softplus
from symcnn.core.index import fresh, index, offset, scalar, size
from symcnn.core.tensor import Tensor

MAX_LENGTH = 20_000
MAX_DEPTH = 100
MAX_EXPONENT = 64
MAX_LOGARITHM = 700  # of a constant power: what a float holds
LARGEST = 1e300

REDUCTIONS = ("sum", "mean", "max", "min", "prod")
ELEMENTWISE: dict[str, Callable[[sp.Expr], sp.Expr]] = {
    "exp": sp.exp,
    "log": sp.log,
    "sqrt": sp.sqrt,
    "tanh": sp.tanh,
    "erf": sp.erf,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "abs": absolute,
    "sign": signum,
}
FUNCTIONS = (*ELEMENTWISE, "relu", "max", "min", "where")
RESERVED = frozenset({*keyword.kwlist, *REDUCTIONS, *FUNCTIONS, "np", "oo"})
COMPARISONS: dict[type[ast.cmpop], Callable[[sp.Expr, sp.Expr], sp.Basic]] = {
    ast.Lt: sp.Lt,
    ast.LtE: sp.Le,
    ast.Gt: sp.Gt,
    ast.GtE: sp.Ge,
    ast.Eq: sp.Eq,
    ast.NotEq: sp.Ne,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One ``target = body`` line: its syntax and where it stands in the text."""

    number: int
    target: ast.expr
    body: ast.expr


@dataclass(slots=True)
class Draft:
    """An equation as read, with placeholders where extents are still to be inferred."""

    line: int
    target: Read
    body: sp.Expr
    free: dict[str, sp.Symbol]
    placeholders: dict[sp.Symbol, sp.Symbol] = field(default_factory=dict)
    explicit: dict[sp.Symbol, sp.Expr] = field(default_factory=dict)
    columns: dict[Read, int] = field(default_factory=dict)


def check_name(name: str, what: str, *, line: int = 1, column: int = 1) -> str:
    """``name`` where it is a plain identifier that neither Python nor the language reserves.

    Raises FormulaError.
    """
    if name in RESERVED:
        raise FormulaError(
            f"expected a name for {what}, got the reserved name {name!r}", line=line, column=column
        )
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*", name) or len(name) > 40:
        raise FormulaError(
            f"expected a name of letters and digits for {what}, got {name[:60]!r}", line=line, column=column
        )
    return name


def syntax(text: str) -> list[Line]:
    """Lines of ``text`` as syntax trees. Raises FormulaError or LimitExceeded."""
    if len(text) > MAX_LENGTH:
        line, column = text.count("\n", 0, MAX_LENGTH) + 1, MAX_LENGTH - text.rfind("\n", 0, MAX_LENGTH)
        where = f"line {line}, column {column}"
        raise LimitExceeded(f"{where}: formula of {len(text)} characters; the limit is {MAX_LENGTH}")
    lines = []
    for number, row in enumerate(text.split("\n"), start=1):
        start = 0
        for part in row.partition("#")[0].split(";"):
            if part.strip():
                lines.append(_line(part.strip(), number, start + len(part) - len(part.lstrip())))
            start += len(part) + 1
    if not lines:
        raise FormulaError("expected an equation such as y[i] = x[i], got nothing")
    return lines


def _line(raw: str, number: int, indent: int) -> Line:
    _check_nesting(raw, number, indent)
    try:
        module = ast.parse(raw)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        _check_words(raw, number, indent)
        column = (getattr(error, "offset", None) or 1) + indent
        raise FormulaError(
            "expected target[indices] = expression in Python's syntax",
            line=number,
            column=column,
            hint=_reason(error),
        ) from None
    match module.body:
        case [ast.Assign(targets=[target], value=body)]:
            _check_tree(module, number)
            for node in ast.walk(module):
                if isinstance(node, ast.expr):
                    node.col_offset += indent
            return Line(number, target, body)
    raise FormulaError("expected one equation, target[indices] = expression", line=number, column=1 + indent)


def _reason(error: BaseException) -> str:
    message = str(getattr(error, "msg", "") or "nested too deeply")
    return (
        message.replace("Perhaps you forgot a comma?", "")
        .replace(". Maybe you meant '==' or ':=' instead of '='?", "")
        .strip(" .")
    )


def _check_words(raw: str, number: int, indent: int) -> None:
    for word in re.finditer(r"[A-Za-z_]\w*", raw):
        if keyword.iskeyword(word.group()) and word.group() not in ("and", "or", "not"):
            raise FormulaError(
                f"expected a name, got {word.group()!r}, which Python reserves",
                line=number,
                column=word.start() + 1 + indent,
            )


def _check_nesting(raw: str, number: int, indent: int) -> None:
    depth = 0
    for column, character in enumerate(raw, start=1 + indent):
        depth += (character in "([{") - (character in ")]}")
        if depth > MAX_DEPTH:
            raise FormulaError(
                f"expected at most {MAX_DEPTH} nested brackets, got more", line=number, column=column
            )


def _check_tree(module: ast.AST, number: int) -> None:
    frontier = [(module, 0)]
    while frontier:
        node, depth = frontier.pop()
        if depth > 3 * MAX_DEPTH:
            raise FormulaError(f"expected an expression at most {3 * MAX_DEPTH} operations deep", line=number)
        frontier.extend((child, depth + 1) for child in ast.iter_child_nodes(node))


def parse_shape(
    text: str | tuple[object, ...] | list[object], names: Mapping[str, sp.Symbol]
) -> tuple[sp.Expr, ...]:
    """A shape such as ``"N,C,(H-R)//2+1,W"``: each axis a size name, a number or an expression of sizes."""
    if not isinstance(text, str):
        text = ",".join(str(axis) for axis in text)
    if len(text) > MAX_LENGTH:
        raise LimitExceeded(f"shape of {len(text)} characters; the limit is {MAX_LENGTH}")
    if not text.strip():
        return ()
    try:
        tree = ast.parse(f"({text},)", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise FormulaError(f"expected sizes separated by commas, got {text!r}") from None
    assert isinstance(tree, ast.Tuple)
    shape = tuple(_size(axis, names, text) for axis in tree.elts)
    if any(extent.is_number and extent < 1 for extent in shape):
        raise FormulaError(f"expected axes of at least 1, got {text!r}")
    return shape


def _size(node: ast.expr, names: Mapping[str, sp.Symbol], text: str) -> sp.Expr:
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return sp.Integer(value)
        case ast.Name(id=name):
            return names[name] if name in names else size(check_name(name, "a size"))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_size(operand, names, text)
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _size(left, names, text), _size(right, names, text)
            match op:
                case ast.Add():
                    return a + b
                case ast.Sub():
                    return a - b
                case ast.Mult():
                    return a * b
                case ast.FloorDiv() if b != 0:
                    return sp.floor(a / b)
    raise FormulaError(
        f"expected a size, a number, +, -, * or // in the shape {text!r}", column=node.col_offset
    )


def shape_names(text: str | tuple[object, ...] | list[object]) -> tuple[set[str], set[str]]:
    """Names that stand alone as an axis of a shape, and all names in it."""
    parts = text.split(",") if isinstance(text, str) else [str(axis) for axis in text]
    alone = {part.strip() for part in parts if part.strip().isidentifier()}
    return alone, set(re.findall(r"[A-Za-z]\w*", ",".join(parts)))


class Reader:
    """Reads lines into drafts; knows which names are tensors, sizes, indices and parameters."""

    def __init__(self, lines: list[Line], shapes: Mapping[str, object], policy: KinkPolicy = FIRST) -> None:
        for name, shape in shapes.items():
            if not isinstance(shape, str | tuple | list):
                raise FormulaError(f"expected a shape such as 'N,D' for {name}, got {shape!r:.60}")
        self.policy = policy
        self.lines = lines
        self.shapes = shapes
        self.defined: dict[str, Tensor] = {}
        self.inputs: dict[str, Tensor] = {}
        self.scalars: dict[str, sp.Symbol] = {}
        self.symbols = self._symbols()
        self.whole = self._whole()
        self.draft: Draft = Draft(0, Read(Tensor("none"), ()), sp.S.Zero, {})

    # -- names -------------------------------------------------------------------------------------------------------

    def _symbols(self) -> dict[str, sp.Symbol]:
        """Sizes, and the integer parameters that stand in positions (strides, dilations, paddings)."""
        alone: set[str] = set()
        mentioned: set[str] = set()
        for text in self.shapes.values():
            axes, names = shape_names(text)  # type: ignore[arg-type]
            alone |= axes
            mentioned |= names
        offsets = set()
        for line in self.lines:
            offsets |= _position_names(line.body) - _factor_names(line.body)
        return {
            name: (offset(name) if name in offsets and name not in alone else size(name))
            for name in sorted(mentioned)
        }

    def _whole(self) -> set[str]:
        """Names that stand in a position or bound an index somewhere: one integer, wherever they are read."""
        everywhere = [line.body for line in self.lines]
        whole = {name for body in everywhere for name in _position_names(body) | _limit_names(body)}
        indices = {n.id for line in self.lines for n in ast.walk(line.target) if isinstance(n, ast.Name)}
        return whole - indices - {name for body in everywhere for name in _bound_names(body)}

    def shape_of(self, name: str) -> tuple[sp.Expr, ...] | None:
        """The declared shape of a tensor, if there is one."""
        return parse_shape(self.shapes[name], self.symbols) if name in self.shapes else None  # type: ignore[arg-type]

    # -- equations ---------------------------------------------------------------------------------------------------

    def read(self, line: Line) -> Draft:
        """One line as a draft. Raises FormulaError."""
        free: dict[str, sp.Symbol] = {}
        self.draft = Draft(line.number, Read(Tensor("none"), ()), sp.S.Zero, free)
        match line.target:
            case ast.Name(id=name):
                target, positions = name, []
            case ast.Subscript(value=ast.Name(id=name), slice=inner):
                target, positions = name, _elements(inner)
            case _:
                raise self.error("expected a target such as y[n,k] or L", line.target)
        check_name(target, "the target", line=line.number, column=line.target.col_offset + 1)
        if target in self.defined:
            raise self.error(f"expected a new target, got {target} a second time", line.target)
        if target in self.inputs:
            raise self.error(f"expected {target} to be defined before it is read", line.target)
        for position in positions:
            for node in ast.walk(position):
                if isinstance(node, ast.Name) and node.id not in self.symbols and node.id not in free:
                    check_name(node.id, "an index", line=line.number, column=node.col_offset + 1)
                    free[node.id] = index(node.id)
        at = [self.position(p, free) for p in positions]
        shape = self.shape_of(target)
        if shape is not None and len(shape) != len(at):
            raise self.error(
                f"expected {len(shape)} positions in {target} of shape {self.shapes[target]}, got {len(at)}",
                line.target,
            )
        self.draft.target = Read(Tensor(target, shape or [sp.S.Zero] * len(at), "value"), at)
        self.draft.body = self.value(line.body, free)
        return self.draft

    def error(self, message: str, node: ast.AST, hint: str = "") -> FormulaError:
        return FormulaError(
            message, line=self.draft.line, column=getattr(node, "col_offset", 0) + 1, hint=hint
        )

    # -- positions ---------------------------------------------------------------------------------------------------

    def position(self, node: ast.expr, scope: Mapping[str, sp.Symbol], *, guarded: bool = False) -> sp.Expr:
        """An affine position; a guarded one may end in ``/ size``: where that does not divide, it is outside.

        Raises FormulaError.
        """
        match node:
            case ast.BinOp(left=above, op=ast.Div(), right=below) if guarded:
                divisor = self._integer(below, {})
                if not divisor.is_positive:
                    raise self.error("expected a positive divisor in a position", below)
                built = self._integer(above, scope) / divisor
            case _:
                built = self._integer(node, scope)
        try:
            coefficients(built, scope.values())
        except UnsupportedFormula:
            raise self.error(
                f"expected a position that is affine in its indices, got {ast.unparse(node)}", node
            ) from None
        return built

    def _integer(self, node: ast.expr, scope: Mapping[str, sp.Symbol]) -> sp.Expr:
        match node:
            case ast.Constant(value=int(value)) if not isinstance(value, bool):
                return sp.Integer(value)
            case ast.Name(id=name):
                return scope[name] if name in scope else self.integer_name(name, node)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._integer(operand, scope)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self._integer(operand, scope)
            case ast.BinOp(left=left, op=op, right=right):
                a, b = self._integer(left, scope), self._integer(right, scope)
                match op:
                    case ast.Add():
                        return a + b
                    case ast.Sub():
                        return a - b
                    case ast.Mult():
                        return a * b
                    case ast.FloorDiv() if b != 0 and not (a.free_symbols | b.free_symbols) & set(
                        scope.values()
                    ):
                        return sp.floor(a / b)
        raise self.error(
            f"expected a position of indices, sizes and integers with +, -, *, got {ast.unparse(node)[:60]}",
            node,
        )

    def integer_name(self, name: str, node: ast.AST) -> sp.Symbol:
        """The symbol of a size or integer parameter."""
        if name not in self.symbols:
            if name in RESERVED or name in self.shapes or name in self.defined:
                raise self.error(f"expected an index or a size, got {name}", node)
            check_name(name, "a parameter", line=self.draft.line, column=getattr(node, "col_offset", 0) + 1)
            factors = {n for line in self.lines for n in _factor_names(line.body)}
            self.symbols[name] = size(name) if name in factors else offset(name)
        if name not in self.scalars and not self.is_size(name):
            self.scalars[name] = self.symbols[name]
        return self.symbols[name]

    def is_size(self, name: str) -> bool:
        """Whether a name stands alone as an axis, so that arrays tell its value."""
        return any(name in shape_names(text)[0] for text in self.shapes.values())  # type: ignore[arg-type]

    # -- values ------------------------------------------------------------------------------------------------------

    def value(self, node: ast.expr, scope: Mapping[str, sp.Symbol]) -> sp.Expr:
        """A real-valued expression. Raises FormulaError."""
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                if abs(number) >= LARGEST:
                    raise self.error(f"expected a number below {LARGEST:.0e}, got a larger one", node)
                return _number(number)
            case ast.Name(id=name):
                return self._name(name, node, scope)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.value(operand, scope)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.value(operand, scope)
            case ast.BinOp():
                return self._constant(self._operation(node, scope), node)
            case ast.Subscript(value=ast.Name(id=name)) if name not in REDUCTIONS:
                return self._read(name, node, scope)
            case ast.Call(
                func=ast.Subscript(value=ast.Name(id=kind), slice=limits), args=[body], keywords=[]
            ):
                return self._reduction(kind, limits, body, node, scope)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return self._call(name, args, node, scope)
            case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
                raise self.error("expected a number, got a comparison", node, "use where(condition, 1, 0)")
        raise self.error(f"expected a formula, got {ast.unparse(node)[:60]!r}", node)

    def _name(self, name: str, node: ast.expr, scope: Mapping[str, sp.Symbol]) -> sp.Expr:
        if name in scope:
            return scope[name]
        if name in self.defined and self.defined[name].rank == 0:
            return Read(self.defined[name], ())
        if name in self.defined or (name in self.shapes and self.shape_of(name)):
            raise self.error(f"expected positions after {name}, which is a tensor", node, f"write {name}[i]")
        if name in self.symbols or name in self.whole:
            return self.integer_name(name, node)
        if name == "pi" and name not in self.shapes:
            return sp.pi
        if name == "oo":
            raise self.error("expected a finite number, got oo", node, "oo stands only after | in a read")
        check_name(name, "a parameter", line=self.draft.line, column=node.col_offset + 1)
        if name in self.shapes:
            return self._tensor_read(name, [], None, node)
        return self.scalars.setdefault(name, scalar(name))

    def _operation(self, node: ast.BinOp, scope: Mapping[str, sp.Symbol]) -> sp.Expr:
        if isinstance(node.op, ast.BitOr):
            raise self.error("expected `| value` inside the brackets of a read", node)
        a, b = self.value(node.left, scope), self.value(node.right, scope)
        match node.op:
            case ast.Add():
                return a + b
            case ast.Sub():
                return a - b
            case ast.Mult():
                return a * b
            case ast.Div():
                if b == 0:
                    raise self.error("expected a divisor other than 0", node.right)
                return a / b
            case ast.FloorDiv():
                if b != 0 and not a.has(Read) and not b.has(Read):
                    return sp.floor(a / b)
                raise self.error("expected // between sizes only", node)
            case ast.Pow():
                if b.is_number and abs(b) > MAX_EXPONENT:
                    raise self.error(
                        f"expected an exponent of at most {MAX_EXPONENT}, got {ast.unparse(node.right)}",
                        node.right,
                    )
                if a == 0 and b.is_negative:
                    raise self.error("expected a base other than 0", node.left)
                if a.is_number and b.is_number and abs(b) * sp.log(1 + abs(a)) > MAX_LOGARITHM:
                    raise self.error("expected a smaller power", node)
                return a**b
        raise self.error(f"expected + - * / **, got {type(node.op).__name__}", node)

    def _constant(self, value: sp.Expr, node: ast.expr) -> sp.Expr:
        """``value``; where it is a number, only if it is real and of moderate size."""
        if value.is_number and (value.is_finite is False or value.is_real is False or abs(value) >= LARGEST):
            raise self.error(
                f"expected a real number below {LARGEST:.0e}, got {ast.unparse(node)[:60]}", node
            )
        return value

    def _read(self, name: str, node: ast.Subscript, scope: Mapping[str, sp.Symbol]) -> sp.Expr:
        check_name(name, "a tensor", line=self.draft.line, column=node.col_offset + 1)
        parts = _elements(node.slice)
        outside: sp.Expr | None = None
        match parts[-1] if parts else None:
            case ast.BinOp(left=last, op=ast.BitOr(), right=value):
                parts = [*parts[:-1], last]
                outside = self._outside(value, scope)
        guarded = outside is not None
        at = [self.position(part, scope, guarded=guarded) for part in parts]
        return self._tensor_read(name, at, outside, node)

    def _tensor_read(self, name: str, at: list[sp.Expr], outside: sp.Expr | None, node: ast.expr) -> Read:
        tensor = self.defined.get(name) or self.inputs.get(name)
        if tensor is None:
            if name == self.draft.target.tensor.name:
                raise self.error(f"expected {name} to be defined before it is read", node)
            shape = self.shape_of(name)
            if shape is None:
                raise self.error(
                    f"expected a shape for the tensor {name}", node, f"give shapes={{{name!r}: 'N,D'}}"
                )
            tensor = self.inputs[name] = Tensor(name, shape, "input")
        if len(at) != tensor.rank:
            shape_text = ", ".join(map(str, tensor.shape))
            raise self.error(
                f"expected {tensor.rank} positions in {name} of shape ({shape_text}), got {len(at)}", node
            )
        read = Read(tensor, at, outside)
        self.draft.columns.setdefault(read, node.col_offset + 1)
        return read

    def _outside(self, node: ast.expr, scope: Mapping[str, sp.Symbol]) -> sp.Expr:
        match node:
            case ast.Name(id="oo"):
                return sp.oo
            case ast.UnaryOp(op=ast.USub(), operand=ast.Name(id="oo")):
                return -sp.oo
        value = self.value(node, scope)
        if value.has(Read) or value.free_symbols & set(scope.values()):
            raise self.error("expected a number or parameter outside the tensor", node)
        return value

    def _reduction(
        self, kind: str, limits: ast.expr, body: ast.expr, node: ast.Call, scope: Mapping[str, sp.Symbol]
    ) -> sp.Expr:
        if kind not in REDUCTIONS:
            raise self.error(f"expected one of {', '.join(REDUCTIONS)}, got {kind}", node)
        inner = dict(scope)
        bound: list[sp.Symbol] = []
        for limit in _elements(limits):
            match limit:
                case ast.Name(id=name):
                    extent = None
                case ast.Compare(left=ast.Name(id=name), ops=[ast.Lt()], comparators=[extent_node]):
                    extent = self._integer(extent_node, {})
                    if extent.is_number and extent < 1:
                        raise self.error(f"expected an extent of at least 1, got {extent}", extent_node)
                case _:
                    raise self.error(f"expected an index such as r or r<R, got {ast.unparse(limit)}", limit)
            check_name(name, "an index", line=self.draft.line, column=limit.col_offset + 1)
            if name in scope or name in self.symbols:
                raise self.error(f"expected a new index, got {name}, which already has a meaning here", limit)
            symbol = inner[name] = fresh(name)
            bound.append(symbol)
            self.draft.placeholders[symbol] = sp.Dummy(f"extent of {name}", integer=True, positive=True)
            if extent is not None:
                self.draft.explicit[symbol] = extent
        if len(set(inner)) != len(scope) + len(bound):
            raise self.error("expected each index once in a reduction", node)
        value = self.value(body, inner)
        extents = [self.draft.placeholders[symbol] for symbol in bound]
        reduced = Reduce("sum" if kind == "mean" else kind, value, list(zip(bound, extents, strict=True)))
        return reduced / sp.Mul(*extents) if kind == "mean" else reduced

    def _call(
        self, name: str, args: list[ast.expr], node: ast.Call, scope: Mapping[str, sp.Symbol]
    ) -> sp.Expr:
        if name == "where" and len(args) == 3:
            return Where(
                self.condition(args[0], scope), self.value(args[1], scope), self.value(args[2], scope)
            )
        if name in ("max", "min") and len(args) >= 2:
            values = [self.value(arg, scope) for arg in args]
            result = values[0]
            for value in values[1:]:
                result = self._extreme(name, result, value)
            return result
        if name == "relu" and len(args) == 1:
            return self.policy.maximum(self.value(args[0], scope), sp.S.Zero, constant=True)
        if name in ELEMENTWISE and len(args) == 1:
            return self._constant(ELEMENTWISE[name](self.value(args[0], scope)), node)
        if name in FUNCTIONS:
            raise self.error(f"expected another number of arguments for {name}, got {len(args)}", node)
        known = ", ".join(FUNCTIONS)
        hint = f"{name}[…] reads a tensor" if name in self.shapes else f"known functions: {known}"
        raise self.error(f"expected a function, got {name[:40]!r}", node, hint)

    def _extreme(self, name: str, left: sp.Expr, right: sp.Expr) -> sp.Expr:
        choose = self.policy.maximum if name == "max" else self.policy.minimum
        if not left.has(Read) and right.has(Read):
            return choose(right, left, constant=True)
        return choose(left, right, constant=not right.has(Read))

    def condition(self, node: ast.expr, scope: Mapping[str, sp.Symbol]) -> sp.Basic:
        """A condition of comparisons joined by and, or, not. Raises FormulaError."""
        match node:
            case ast.Compare(left=left, ops=ops, comparators=rights):
                sides = [self.value(side, scope) for side in (left, *rights)]
                parts = []
                for op, a, b in zip(ops, sides, sides[1:], strict=False):
                    if type(op) not in COMPARISONS:
                        raise self.error("expected < <= > >= == or !=", node)
                    parts.append(COMPARISONS[type(op)](a, b))
                return sp.And(*parts)
            case ast.BoolOp(op=op, values=values):
                joined = [self.condition(value, scope) for value in values]
                return sp.And(*joined) if isinstance(op, ast.And) else sp.Or(*joined)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return sp.Not(self.condition(operand, scope))
        raise self.error(f"expected a comparison, got {ast.unparse(node)[:60]}", node)


def _elements(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]


def _number(number: int | float) -> sp.Expr:
    return sp.Integer(number) if isinstance(number, int) else sp.Rational(repr(number))


def _tensor_positions(node: ast.AST) -> list[ast.expr]:
    return [
        part.left if isinstance(part, ast.BinOp) and isinstance(part.op, ast.BitOr) else part
        for child in ast.walk(node)
        if isinstance(child, ast.Subscript)
        and isinstance(child.value, ast.Name)
        and child.value.id not in REDUCTIONS
        for part in _elements(child.slice)
    ]


def _position_names(node: ast.AST) -> set[str]:
    return {n.id for part in _tensor_positions(node) for n in ast.walk(part) if isinstance(n, ast.Name)}


def _limits(node: ast.AST) -> list[ast.expr]:
    return [
        limit
        for child in ast.walk(node)
        if isinstance(child, ast.Subscript)
        and isinstance(child.value, ast.Name)
        and child.value.id in REDUCTIONS
        for limit in _elements(child.slice)
    ]


def _limit_names(node: ast.AST) -> set[str]:
    """Names in the extents that reductions write out."""
    extents = [
        part for limit in _limits(node) if isinstance(limit, ast.Compare) for part in limit.comparators
    ]
    return {n.id for extent in extents for n in ast.walk(extent) if isinstance(n, ast.Name)}


def _bound_names(node: ast.AST) -> set[str]:
    """Names of the indices that reductions bind."""
    heads = [limit.left if isinstance(limit, ast.Compare) else limit for limit in _limits(node)]
    return {head.id for head in heads if isinstance(head, ast.Name)}


def _factor_names(node: ast.AST) -> set[str]:
    """Names that multiply something inside a position: strides and dilations."""
    return {
        name.id
        for part in _tensor_positions(node)
        for product in ast.walk(part)
        if isinstance(product, ast.BinOp) and isinstance(product.op, ast.Mult | ast.Div)
        for side in (product.left, product.right)
        for name in ast.walk(side)
        if isinstance(name, ast.Name)
    }
