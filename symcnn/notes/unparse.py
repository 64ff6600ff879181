"""The notation tree back to LaTeX.

`parse(unparse(tree))` is the same tree, spans left out, for every tree that the parser makes. Trees made by
others print too: where an operand would fall apart without brackets, `\\left( \\right)` is put around it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symcnn.notes.marks import Relation, Separator
from symcnn.notes.parser_tables import FONT_COMMANDS, PRODUCTS, RELATION_COMMANDS, SEPARATOR_COMMANDS, SIGNS
from symcnn.notes.tree import (
    Accent,
    Add,
    Annotated,
    Attribute,
    BigOperator,
    Branch,
    Call,
    CallOrProduct,
    Cases,
    Chain,
    Decorated,
    Derivative,
    Differential,
    Ellipsis,
    Empty,
    Evaluated,
    Fraction,
    Gradient,
    Group,
    Juxtapose,
    Matrix,
    Node,
    Number,
    Postfix,
    Product,
    Root,
    Script,
    Sequence,
    Stack,
    Styled,
    Symbol,
    Text,
    Unary,
    Word,
)

# How tightly a node holds together, loosest first.
_SEQUENCE, _CHAIN, _SUM, _TERM, _PRODUCT, _JUXTAPOSITION, _FACTOR, _BASE = range(8)

_DELIMITERS = {"{": r"\{", "}": r"\}", "||": r"\|", "|": "|"}
_MATRIX_NAMES = {
    ("(", ")"): "pmatrix", ("[", "]"): "bmatrix", ("{", "}"): "Bmatrix", ("|", "|"): "vmatrix",
    ("||", "||"): "Vmatrix", (".", "."): "matrix",
}  # fmt: skip
_MARKS = {"partial": r"\partial", "d": "d", "delta": r"\delta"}


def unparse(node: Node) -> str:
    """LaTeX of a tree."""
    return _Printer().at(node, _SEQUENCE)


class _Printer:
    """Prints nodes; inside scripts a bare d would be an index, so differentials are printed upright there."""

    def __init__(self) -> None:
        self.in_script = False

    def at(self, node: Node, level: int) -> str:
        """The node where one at least as tight as `level` is expected."""
        printed = self.print(node)
        return printed if _level(node) >= level else rf"\left( {printed} \right)"

    def script(self, node: Node) -> str:
        was, self.in_script = self.in_script, True
        printed = self.print(node)
        self.in_script = was
        return printed

    def fresh(self, node: Node) -> str:
        """The node inside brackets or an argument, where a script's rules end."""
        was, self.in_script = self.in_script, False
        printed = self.print(node)
        self.in_script = was
        return printed

    def print(self, node: Node) -> str:
        return _PRINTERS[type(node)](self, node)

    # --- names

    def empty(self, node: Empty) -> str:
        return ""

    def number(self, node: Number) -> str:
        return node.text

    def symbol(self, node: Symbol) -> str:
        if node.name == "!":
            return "{!}"  # not the factorial of what stands before it
        bare = node.name[0].isdigit() or (len(node.name) == 1 and node.name not in "%#$&_")
        printed = node.name if bare else "\\" + node.name
        return rf"\{FONT_COMMANDS[node.font]}{{{printed}}}" if node.font else printed

    def word(self, node: Word) -> str:
        match node.style:
            case "command":
                return "\\" + node.text
            case "raw":
                return node.text
            case "text":
                return rf"\text{{{node.text.replace('_', chr(92) + '_')}}}"
            case "operatorname":
                return rf"\operatorname{{{node.text}}}"
        return rf"\{FONT_COMMANDS[node.style]}{{{node.text}}}"

    def text(self, node: Text) -> str:
        return rf"\text{{{node.text}}}"

    def ellipsis(self, node: Ellipsis) -> str:
        return "\\" + node.kind

    def accent(self, node: Accent) -> str:
        return rf"\{node.kind}{{{self.fresh(node.body)}}}"

    def styled(self, node: Styled) -> str:
        return rf"\{FONT_COMMANDS[node.font]}{{{self.fresh(node.body)}}}"

    # --- structures

    def scripted(self, node: Script) -> str:
        return self.base(node.base) + self.scripts(node.sub, node.sup, node.primes)

    def base(self, node: Node) -> str:
        """What scripts can be hung on."""
        if isinstance(node, Empty):
            return "{}"
        if (
            isinstance(node, Script | CallOrProduct | Attribute | Postfix | Evaluated)
            or (isinstance(node, Annotated) and node.note is None)
            or (isinstance(node, Symbol) and (node.name in PRODUCTS or node.name in SIGNS))
        ):
            return f"{{{self.print(node)}}}"
        return self.at(node, _BASE)

    def scripts(self, sub: Node | None, sup: Node | None, primes: int = 0) -> str:
        below = "" if sub is None else self._script("_", sub)
        above = "" if sup is None else self._script("^", sup)
        return "'" * primes + below + above

    def _script(self, mark: str, node: Node) -> str:
        printed = self.script(node)
        short = isinstance(node, Number | Symbol) and len(printed) == 1 and printed not in "|([{}])&%$#_^~\\"
        return mark + (printed if short else f"{{{printed}}}")

    def group(self, node: Group) -> str:
        if not node.open and not node.close:
            return f"{{{self.print(node.body)}}}"
        body = self.fresh(node.body)
        opening, closing = (_delimiter(one) for one in (node.open, node.close))
        plain_pair = (node.open, node.close) in {("(", ")"), ("[", "]"), ("[", ")"), ("(", "]")}
        if plain_pair and not _is_tall(node.body):
            return f"{opening}{body}{closing}"
        return rf"\left{opening} {body} \right{closing}"

    def call_or_product(self, node: CallOrProduct) -> str:
        return self.at(node.head, _FACTOR) + self.at(node.group, _FACTOR)

    def call(self, node: Call) -> str:
        function = self.at(node.function, _FACTOR)
        if isinstance(node.argument, Group) and node.argument.open:
            return function + self.print(node.argument)
        if isinstance(node.argument, Matrix):
            return function + self.print(node.argument)
        signed = isinstance(node.argument, Unary) and isinstance(node.function, Word | Script)
        if isinstance(node.argument, BigOperator):
            return f"{function} {self.print(node.argument)}"
        return f"{function} {self.at(node.argument, _TERM if signed else _JUXTAPOSITION)}"

    def attribute(self, node: Attribute) -> str:
        name = node.name if node.name.isascii() and node.name.isalpha() else rf"\text{{{node.name}}}"
        base = self.at(node.base, _FACTOR)
        return f"{base}.{name}"

    def fraction(self, node: Fraction) -> str:
        return rf"\{node.form}{{{self.fresh(node.numerator)}}}{{{self.fresh(node.denominator)}}}"

    def root(self, node: Root) -> str:
        degree = "" if node.degree is None else f"[{self.fresh(node.degree)}]"
        return rf"\sqrt{degree}{{{self.fresh(node.radicand)}}}"

    # --- derivatives

    def derivative(self, node: Derivative) -> str:
        if node.form == "subscript":
            mark = r"\partial" + self.scripts(node.wrt[0], node.order)
            return mark if node.of is None else f"{mark} {self.operand(node.of)}"
        was, self.in_script = self.in_script, self.in_script and node.form == "slash"
        mark = self.mark(node.kind)
        above = mark if node.order is None else f"{mark}^{{{self.script(node.order)}}}"
        if node.of is not None and not node.applied:
            above = f"{above} {self._differentiated(node)}"
        below = " ".join(
            f"{mark} {self._variable(variable, order)}"
            for variable, order in zip(node.wrt, node.orders, strict=True)
        )
        self.in_script = was
        printed = rf"\frac{{{above}}}{{{below}}}" if node.form == "frac" else f"{above}/{below}"
        if node.applied and node.of is not None:
            of = self.print(node.of) if isinstance(node.of, BigOperator) else self.at(node.of, _JUXTAPOSITION)
            return f"{printed} {of}"
        return printed

    def operand(self, node: Node) -> str:
        """What stands after d, ∂ or ∇: one factor, which may itself be a function, a sum or a derivative."""
        whole = isinstance(node, Call | BigOperator | Derivative) or (
            isinstance(node, Unary) and node.name == "neg"
        )
        return self.print(node) if whole else self.at(node, _FACTOR)

    def mark(self, kind: str) -> str:
        return r"\mathrm{d}" if kind == "d" and self.in_script else _MARKS[kind]

    def _differentiated(self, node: Derivative) -> str:
        of = node.of
        assert of is not None
        if node.form == "slash":
            return self.operand(of)
        if isinstance(of, Product | Unary | BigOperator):
            return self.print(of)
        if isinstance(of, Add) and isinstance(of.terms[0], Unary):
            return self.print(of)
        return self.at(of, _JUXTAPOSITION)

    def _variable(self, variable: Node, order: Node | None) -> str:
        if order is None:
            return self.operand(variable)
        bare = isinstance(variable, Script) and variable.sup is None and not variable.primes
        base = self.print(variable) if bare else self.base(variable)
        return f"{base}^{{{self.script(order)}}}"

    def gradient(self, node: Gradient) -> str:
        mark = r"\nabla" + self.scripts(node.wrt, node.order)
        return mark if node.of is None else f"{mark} {self.operand(node.of)}"

    def differential(self, node: Differential) -> str:
        return f"{self.mark(node.kind)} {self.operand(node.body)}"

    def evaluated(self, node: Evaluated) -> str:
        return rf"\left. {self.fresh(node.body)} \right|" + self.scripts(node.lower, node.upper)

    # --- operators

    def big_operator(self, node: BigOperator) -> str:
        name = rf"\operatorname{{{node.name}}}" if node.name in ("argmax", "argmin") else "\\" + node.name
        printed = name + self.scripts(node.lower, node.upper)
        if node.body is None:
            return printed
        return f"{printed} {self.at(node.body, _TERM if isinstance(node.body, Unary) else _PRODUCT)}"

    def unary(self, node: Unary) -> str:
        if node.name == "neg":
            return rf"\neg {self.operand(node.body)}"
        sign = node.name if len(node.name) == 1 else f"\\{node.name} "
        return sign + self.at(node.body, _TERM)

    def postfix(self, node: Postfix) -> str:
        base = self.at(node.body, _FACTOR)
        if node.modulus is not None:
            return rf"{base} \pmod{{{self.fresh(node.modulus)}}}"
        return base + ("!" if node.name == "!" else r"\%")

    def add(self, node: Add) -> str:
        printed = self.at(node.terms[0], _TERM)
        for term in node.terms[1:]:
            subtracts = isinstance(term, Unary) and term.name in ("-", "pm", "mp")
            if subtracts and isinstance(term, Unary):
                sign = "-" if term.name == "-" else "\\" + term.name
                printed += f" {sign} {self.at(term.body, _TERM)}"
            else:
                printed += f" + {self.at(term, _TERM) or '{}'}"
        return printed

    def product(self, node: Product) -> str:
        last = len(node.factors) - 1
        printed = self._factor(node.factors[0], last == 0)
        for number, (operator, factor) in enumerate(zip(node.operators, node.factors[1:], strict=True), 1):
            spelled = self._factor(factor, number == last)
            if operator.name == "/":
                # Letters that touch after a slash stand below it together.
                printed += "/" + self._below(factor, number == last)
            elif operator.name == "":
                printed += f" {spelled}"
            else:
                sign = (
                    operator.name
                    if len(operator.name) == 1 or operator.name == "**"
                    else "\\" + operator.name
                )
                printed += f" {sign} {spelled}"
        return printed

    def _factor(self, node: Node, last: bool) -> str:
        if isinstance(node, Unary):
            return self.print(node) if _level(node.body) >= _JUXTAPOSITION else self.at(node, _BASE)
        if _swallows(node):
            return self.print(node) if last else rf"\left( {self.print(node)} \right)"
        return self.at(node, _JUXTAPOSITION)

    def _below(self, node: Node, last: bool) -> str:
        if isinstance(node, Juxtapose):
            touching = all(isinstance(part, Symbol | Script) for part in node.parts[1:])
            parts = [self.at(part, _FACTOR) for part in node.parts]
            return "".join(parts) if touching else rf"\left( {self.print(node)} \right)"
        return self._factor(node, last)

    def juxtapose(self, node: Juxtapose) -> str:
        printed: list[str] = []
        before: Node | None = None
        for part, following in zip(node.parts, (*node.parts[1:], None), strict=True):
            reaches = following is not None and _reaches(part, following)
            loose = isinstance(part, Call | Derivative | BigOperator) or (
                following is None and isinstance(part, Unary)
            )
            spelled = self.print(part) if loose and not reaches else self.at(part, _FACTOR)
            if reaches and isinstance(part, Differential | Gradient | Unary):
                spelled = rf"\left( {spelled} \right)"
            held = (before is not None and _takes(before, part)) or (following is not None and _is_mark(part))
            held = held or (isinstance(part, Symbol) and (part.name in PRODUCTS or part.name in SIGNS))
            printed.append(f"{{{spelled}}}" if held else spelled)
            before = part
        return " ".join(printed)

    def chain(self, node: Chain) -> str:
        printed = self.at(node.sides[0], _SUM)
        for relation, side in zip(node.relations, node.sides[1:], strict=True):
            printed += f" {self.relation(relation)} {self.at(side, _SUM)}"
        return printed.strip()

    def relation(self, relation: Relation) -> str:
        name = RELATION_COMMANDS.get(relation.name, relation.name)
        sign = name if not name[0].isalpha() else "\\" + name
        if relation.above is None and relation.below is None:
            return sign
        if relation.name in ("->", "<-"):
            arrow = r"\xrightarrow" if relation.name == "->" else r"\xleftarrow"
            below = "" if relation.below is None else f"[{self.fresh(relation.below)}]"
            above = "" if relation.above is None else self.fresh(relation.above)
            return f"{arrow}{below}{{{above}}}"
        if relation.above is not None:
            return rf"\overset{{{self.fresh(relation.above)}}}{{{sign}}}"
        assert relation.below is not None
        return rf"\underset{{{self.fresh(relation.below)}}}{{{sign}}}"

    def sequence(self, node: Sequence) -> str:
        printed = self.at(node.items[0], _CHAIN)
        for separator, item in zip(node.separators, node.items[1:], strict=True):
            # After prose, the operand that is missing before a relation has to be seen to be missing.
            gap = separator.name == "" and isinstance(item, Chain) and isinstance(item.sides[0], Empty)
            printed += _separator(separator) + ("{} " if gap else "") + self.at(item, _CHAIN)
        return printed

    # --- layouts

    def matrix(self, node: Matrix) -> str:
        rules = [r"\hline " * node.rules.count(row) for row in range(len(node.rows) + 1)]
        rows = [" & ".join(self.fresh(cell) for cell in row) for row in node.rows]
        lines = "".join(rule + row + r" \\ " for rule, row in zip(rules, rows, strict=False)) + rules[-1]
        name = _MATRIX_NAMES.get((node.open, node.close))
        if name is not None and not node.columns:
            return rf"\begin{{{name}}} {lines}\end{{{name}}}"
        array = rf"\begin{{array}}{{{node.columns}}} {lines}\end{{array}}"
        if (node.open, node.close) == (".", "."):
            return array
        return rf"\left{_delimiter(node.open)} {array} \right{_delimiter(node.close)}"

    def cases(self, node: Cases) -> str:
        branches = [self.branch(branch) for branch in node.branches]
        return r"\begin{cases} " + r" \\ ".join(branches) + r" \end{cases}"

    def branch(self, node: Branch) -> str:
        value = self.fresh(node.value)
        return value if node.condition is None else f"{value} & {self.fresh(node.condition)}"

    def stack(self, node: Stack) -> str:
        return r"\substack{" + r" \\ ".join(self.fresh(row) for row in node.rows) + "}"

    def annotated(self, node: Annotated) -> str:
        body, note = self.fresh(node.body), "" if node.note is None else self.fresh(node.note)
        if node.kind.startswith(("underbr", "overbr")):
            script = "_" if node.kind.startswith("under") else "^"
            return rf"\{node.kind}{{{body}}}" + ("" if node.note is None else f"{script}{{{note}}}")
        return rf"\{node.kind}{{{note}}}{{{body}}}"

    def decorated(self, node: Decorated) -> str:
        return rf"\{node.kind}{{{self.fresh(node.body)}}}"


_PRINTERS: dict[type[Node], Callable[[Any, Any], str]] = {
    Empty: _Printer.empty,
    Number: _Printer.number,
    Symbol: _Printer.symbol,
    Word: _Printer.word,
    Text: _Printer.text,
    Ellipsis: _Printer.ellipsis,
    Accent: _Printer.accent,
    Styled: _Printer.styled,
    Script: _Printer.scripted,
    Group: _Printer.group,
    CallOrProduct: _Printer.call_or_product,
    Call: _Printer.call,
    Attribute: _Printer.attribute,
    Fraction: _Printer.fraction,
    Root: _Printer.root,
    Derivative: _Printer.derivative,
    Gradient: _Printer.gradient,
    Differential: _Printer.differential,
    BigOperator: _Printer.big_operator,
    Unary: _Printer.unary,
    Postfix: _Printer.postfix,
    Add: _Printer.add,
    Product: _Printer.product,
    Juxtapose: _Printer.juxtapose,
    Chain: _Printer.chain,
    Sequence: _Printer.sequence,
    Matrix: _Printer.matrix,
    Branch: _Printer.branch,
    Cases: _Printer.cases,
    Stack: _Printer.stack,
    Annotated: _Printer.annotated,
    Decorated: _Printer.decorated,
    Evaluated: _Printer.evaluated,
}


def _level(node: Node) -> int:
    match node:
        case Sequence():
            return _SEQUENCE
        case Chain():
            return _CHAIN
        case Add():
            return _SUM
        case Unary(name=name):
            return _FACTOR if name == "neg" else _TERM
        case Product():
            return _PRODUCT
        case BigOperator(body=body):
            return _PRODUCT if body is not None else _FACTOR
        case Juxtapose():
            return _JUXTAPOSITION
        case Call(argument=argument):
            return _BASE if isinstance(argument, Group | Matrix) else _JUXTAPOSITION
        case Derivative(form="subscript"):
            return _FACTOR
        case Derivative(of=of, applied=applied):
            return _JUXTAPOSITION if applied and of is not None else _FACTOR if node.form != "frac" else _BASE
        case Differential() | Gradient() | CallOrProduct() | Postfix() | Attribute() | Evaluated():
            return _FACTOR
    return _BASE


def _reaches(part: Node, following: Node) -> bool:
    """Whether a part without closing bracket would take in the part that follows it."""
    match part:
        case BigOperator(body=body):
            return body is not None
        case (
            Differential(body=inner)
            | Gradient(of=Node() as inner)
            | Derivative(of=Node() as inner, form="subscript")
            | Unary(name="neg", body=inner)
        ):
            return _reaches(inner, following)
        case Derivative(of=of, applied=applied):
            return applied and not isinstance(of, Group)
        case Call(argument=argument):
            return not (isinstance(argument, Group | Matrix) or _stops_argument(following))
    return False


def _takes(before: Node, node: Node) -> bool:
    """Whether a symbol would take the bracket after it for its argument, unless braces keep them apart."""
    bracket = node
    while isinstance(bracket, Script):
        bracket = bracket.base
    head: Node | None = before
    while True:
        match head:
            case Script(base=inner) | Accent(body=inner) | Differential(body=inner) | Unary(body=inner):
                head = inner
            case Gradient(of=last):
                head = last
            case Call(argument=inner) if not isinstance(inner, Group):
                head = inner
            case Juxtapose(parts=(*_, inner)):
                head = inner
            case _:
                break
    return (
        isinstance(head, Symbol | Styled | Word)
        and isinstance(bracket, Group)
        and bracket.open in ("(", "[", "{")
    )


def _is_mark(node: Node) -> bool:
    """Whether a symbol would make a differential of what follows it."""
    return isinstance(node, Symbol) and node.name in ("d", "partial") and node.font in ("", "rm", "sf")


def _swallows(node: Node) -> bool:
    """Whether a node ends in a big operator's body, which takes in every factor that follows."""
    match node:
        case BigOperator(body=body):
            return body is not None
        case Call(argument=inner) if not isinstance(inner, Group):
            return _swallows(inner)
        case Differential(body=inner) | Gradient(of=Node() as inner) | Unary(body=inner):
            return _swallows(inner)
        case Derivative(of=Node() as inner, applied=True):
            return _swallows(inner)
        case Juxtapose(parts=(*_, inner)) | Product(factors=(*_, inner)):
            return _swallows(inner)
    return False


def _stops_argument(node: Node) -> bool:
    """Whether the argument of a function without brackets ends before this node."""
    match node:
        case Call() | BigOperator() | Group() | Matrix() | Cases():
            return True
        case Word():
            return True
        case Script(base=base):
            return _stops_argument(base)
    return False


def _is_tall(node: Node) -> bool:
    """Whether brackets around a node should grow with it."""
    match node:
        case Fraction() | Derivative() | BigOperator() | Matrix() | Cases() | Root() | Stack():
            return True
        case Add(terms=nodes) | Product(factors=nodes) | Juxtapose(parts=nodes):
            return any(_is_tall(one) for one in nodes)
        case Chain(sides=nodes) | Sequence(items=nodes):
            return any(_is_tall(one) for one in nodes)
        case Unary(body=body):
            return _is_tall(body)
    return False


def _delimiter(name: str) -> str:
    return _DELIMITERS.get(name, name if len(name) == 1 else "\\" + name)


def _separator(separator: Separator) -> str:
    match separator.name:
        case "":
            return " "
        case "," | ";" | "." | ":" as sign:
            return f"{sign} "
        case "newline":
            return r" \\ "
    return f" \\{SEPARATOR_COMMANDS.get(separator.name, separator.name)} "
