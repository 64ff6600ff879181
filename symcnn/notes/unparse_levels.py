"""How tightly notation holds together, and so where brackets are needed when it is printed."""

from __future__ import annotations

from symcnn.notes.tree import (
    Accent,
    Add,
    Attribute,
    BigOperator,
    Call,
    CallOrProduct,
    Cases,
    Chain,
    Derivative,
    Differential,
    Evaluated,
    Fraction,
    Gradient,
    Group,
    Juxtapose,
    Matrix,
    Node,
    Postfix,
    Product,
    Root,
    Script,
    Sequence,
    Stack,
    Styled,
    Symbol,
    Unary,
    Word,
)

# How tightly a node holds together, loosest first.
SEQUENCE, CHAIN, SUM, TERM, PRODUCT, JUXTAPOSITION, FACTOR, BASE = range(8)


_DELIMITERS = {"{": r"\{", "}": r"\}", "||": r"\|", "|": "|"}


def delimiter(name: str) -> str:
    return _DELIMITERS.get(name, name if len(name) == 1 else "\\" + name)


def tightness(node: Node) -> int:
    match node:
        case Sequence():
            return SEQUENCE
        case Chain():
            return CHAIN
        case Add():
            return SUM
        case Unary(name=name):
            return FACTOR if name == "neg" else TERM
        case Product():
            return PRODUCT
        case BigOperator(body=body):
            return PRODUCT if body is not None else FACTOR
        case Juxtapose():
            return JUXTAPOSITION
        case Call(argument=argument):
            return BASE if isinstance(argument, Group | Matrix) else JUXTAPOSITION
        case Derivative(form="subscript"):
            return FACTOR
        case Derivative(of=of, applied=applied):
            return JUXTAPOSITION if applied and of is not None else FACTOR if node.form != "frac" else BASE
        case Differential() | Gradient() | CallOrProduct() | Postfix() | Attribute() | Evaluated():
            return FACTOR
    return BASE


def reaches(part: Node, following: Node) -> bool:
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
            return reaches(inner, following)
        case Derivative(of=of, applied=applied):
            return applied and not isinstance(of, Group)
        case Call(argument=argument):
            return not (isinstance(argument, Group | Matrix) or stops_argument(following))
    return False


def takes(before: Node, node: Node) -> bool:
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


def is_mark(node: Node) -> bool:
    """Whether a symbol would make a differential of what follows it."""
    return isinstance(node, Symbol) and node.name in ("d", "partial") and node.font in ("", "rm", "sf")


def swallows(node: Node) -> bool:
    """Whether a node ends in a big operator's body, which takes in every factor that follows."""
    match node:
        case BigOperator(body=body):
            return body is not None
        case Call(argument=inner) if not isinstance(inner, Group):
            return swallows(inner)
        case Differential(body=inner) | Gradient(of=Node() as inner) | Unary(body=inner):
            return swallows(inner)
        case Derivative(of=Node() as inner, applied=True):
            return swallows(inner)
        case Juxtapose(parts=(*_, inner)) | Product(factors=(*_, inner)):
            return swallows(inner)
    return False


def stops_argument(node: Node) -> bool:
    """Whether the argument of a function without brackets ends before this node."""
    match node:
        case Call() | BigOperator() | Group() | Matrix() | Cases():
            return True
        case Word():
            return True
        case Script(base=base):
            return stops_argument(base)
    return False


def is_tall(node: Node) -> bool:
    """Whether brackets around a node should grow with it."""
    match node:
        case Fraction() | Derivative() | BigOperator() | Matrix() | Cases() | Root() | Stack():
            return True
        case Add(terms=nodes) | Product(factors=nodes) | Juxtapose(parts=nodes):
            return any(is_tall(one) for one in nodes)
        case Chain(sides=nodes) | Sequence(items=nodes):
            return any(is_tall(one) for one in nodes)
        case Unary(body=body):
            return is_tall(body)
    return False
