"""The notation tree back to LaTeX.

`parse(unparse(tree))` is the same tree, spans left out, for every tree that the parser makes. Trees made by
others print too: where an operand would fall apart without brackets, `\\left( \\right)` is put around it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symcnn.notes import unparse_derivatives as derivatives
from symcnn.notes import unparse_layouts as layouts
from symcnn.notes import unparse_operators as operators
from symcnn.notes.parser_tables import FONT_COMMANDS, PRODUCTS, SIGNS
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
from symcnn.notes.unparse_levels import (
    BASE,
    FACTOR,
    JUXTAPOSITION,
    SEQUENCE,
    TERM,
    delimiter,
    is_tall,
    tightness,
)


def unparse(node: Node) -> str:
    """LaTeX of a tree."""
    return Printer().at(node, SEQUENCE)


class Printer:
    """Prints nodes; inside scripts a bare d would be an index, so differentials are printed upright there."""

    def __init__(self) -> None:
        self.in_script = False

    def at(self, node: Node, level: int) -> str:
        """The node where one at least as tight as `level` is expected."""
        printed = self.print(node)
        return printed if tightness(node) >= level else rf"\left( {printed} \right)"

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
        escaped = node.text.replace("_", r"\_")
        match node.style:
            case "command":
                return "\\" + node.text
            case "raw":
                return node.text
            case "text" | "operatorname":
                return rf"\{node.style}{{{escaped}}}"
        return rf"\{FONT_COMMANDS[node.style]}{{{escaped}}}"

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
        return self.at(node, BASE)

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
        opening, closing = (delimiter(one) for one in (node.open, node.close))
        plain_pair = (node.open, node.close) in {("(", ")"), ("[", "]"), ("[", ")"), ("(", "]")}
        if plain_pair and not is_tall(node.body):
            return f"{opening}{body}{closing}"
        return rf"\left{opening} {body} \right{closing}"

    def call_or_product(self, node: CallOrProduct) -> str:
        return self.at(node.head, FACTOR) + self.at(node.group, FACTOR)

    def call(self, node: Call) -> str:
        function = self.at(node.function, FACTOR)
        if isinstance(node.argument, Group) and node.argument.open:
            return function + self.print(node.argument)
        if isinstance(node.argument, Matrix):
            return function + self.print(node.argument)
        signed = isinstance(node.argument, Unary) and isinstance(node.function, Word | Script)
        if isinstance(node.argument, BigOperator):
            return f"{function} {self.print(node.argument)}"
        return f"{function} {self.at(node.argument, TERM if signed else JUXTAPOSITION)}"

    def attribute(self, node: Attribute) -> str:
        name = node.name if node.name.isascii() and node.name.isalpha() else rf"\text{{{node.name}}}"
        base = self.at(node.base, FACTOR)
        return f"{base}.{name}"

    def fraction(self, node: Fraction) -> str:
        return rf"\{node.form}{{{self.fresh(node.numerator)}}}{{{self.fresh(node.denominator)}}}"

    def root(self, node: Root) -> str:
        degree = "" if node.degree is None else f"[{self.fresh(node.degree)}]"
        return rf"\sqrt{degree}{{{self.fresh(node.radicand)}}}"


_PRINTERS: dict[type[Node], Callable[[Any, Any], str]] = {
    Empty: Printer.empty,
    Number: Printer.number,
    Symbol: Printer.symbol,
    Word: Printer.word,
    Text: Printer.text,
    Ellipsis: Printer.ellipsis,
    Accent: Printer.accent,
    Styled: Printer.styled,
    Script: Printer.scripted,
    Group: Printer.group,
    CallOrProduct: Printer.call_or_product,
    Call: Printer.call,
    Attribute: Printer.attribute,
    Fraction: Printer.fraction,
    Root: Printer.root,
    Derivative: derivatives.derivative,
    Gradient: derivatives.gradient,
    Differential: derivatives.differential,
    BigOperator: operators.big_operator,
    Unary: operators.unary,
    Postfix: operators.postfix,
    Add: operators.add,
    Product: operators.product,
    Juxtapose: operators.juxtapose,
    Chain: operators.chain,
    Sequence: operators.sequence,
    Matrix: layouts.matrix,
    Branch: layouts.branch,
    Cases: layouts.cases,
    Stack: layouts.stack,
    Annotated: layouts.annotated,
    Decorated: layouts.decorated,
    Evaluated: derivatives.evaluated,
}
