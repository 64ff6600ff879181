"""The notation tree: what is written in a formula, before anybody decides what it means.

Every node carries the `Span` of the LaTeX string that it was read from: `node.span.of(latex)` is its text.
What only the context of the notes can settle stays open, in nodes of its own:

- `CallOrProduct`   f(x + 1), y_i(1 - a), x[i]: a call, a product or an index
- `Script`          W^T, a^{(i)}, W^{[l]}, x^2, x', z_{11}: power, layer, sample, transpose, derivative, entry
- `Product` with `*`, `\\ast`, `\\star`, `\\otimes`, `\\times`: product, convolution, Kronecker, or a shape as
  in 2 × 3; with `/`: a quotient, or "also called" as in A_2 / \\hat y
- `Juxtapose`       a b c: a product, or indices that stand together as in x_{ij}
- `Differential`    dW, ∂L: a differential, the name of a gradient, or d times W
- `Sequence`        a, b: several formulas, a list, or arguments
- `Empty`           a place where an operand is missing: `= b` continues the formula above
- `Word`            a name of several letters; with `style="raw"` it was typed as bare letters
"""

from __future__ import annotations

from dataclasses import dataclass

from symcnn.notes.marks import Operator, Relation, Separator, Span


class _Memory:
    """What was found about a node before; no part of its value."""

    __slots__ = ("_children", "_letters", "_named", "_reading")
    _children: tuple[Node, ...]
    _letters: tuple[str, ...]
    _named: tuple[Node, ...]
    _reading: tuple[object, int, object]


@dataclass(frozen=True, slots=True)
class Node(_Memory):
    """A piece of notation; `span` is where it stands in the formula's LaTeX."""

    span: Span


@dataclass(frozen=True, slots=True)
class Empty(Node):
    """A missing operand: before a leading `=`, after a trailing one, `{}`."""


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A decimal number as digits, without thousands separators: `3`, `0.5`, `1e-5`, `60000`."""

    text: str


@dataclass(frozen=True, slots=True)
class Symbol(Node):
    """One letter, Greek letter or sign: `x`, `alpha`, `infty`, `top`, `?`, with its font.

    `font` is `""` or one of bf, bm (bold italic), bb, cal, scr, frak, rm, it, sf, tt. A sign of operation
    that stands alone (`f(\\cdot)`, `x^*`, `x^{+}`) is a symbol too, named as the operator.
    """

    name: str
    font: str = ""


@dataclass(frozen=True, slots=True)
class Word(Node):
    """A name of several letters: `\\log`, `\\text{conv}`, `\\operatorname{rot}`, `\\mathrm{new}`, `np.sum`.

    `style` tells how it was written: command, operatorname, raw (bare letters), text, rm, it, bf, sf, tt.
    """

    text: str
    style: str


@dataclass(frozen=True, slots=True)
class Text(Node):
    """Prose inside a formula, e.g. `\\text{if }`; spaces kept."""

    text: str


@dataclass(frozen=True, slots=True)
class Ellipsis(Node):
    """Dots, by kind: dots (also `...` and `\\ldots`), cdots, vdots, ddots."""

    kind: str


@dataclass(frozen=True, slots=True)
class Accent(Node):
    """A mark over or under its body: hat, bar, tilde, vec, dot, ddot, overline, underline, ..."""

    kind: str
    body: Node


@dataclass(frozen=True, slots=True)
class Styled(Node):
    """A font over more than one letter, e.g. `\\mathbf{Wx}`; fonts as in `Symbol`."""

    font: str
    body: Node


@dataclass(frozen=True, slots=True)
class Script(Node):
    """A base with subscript, superscript and primes; what they mean is for the context to say.

    At least one of the three is there. `x_i^2` and `x^2_i` are the same tree.
    """

    base: Node
    sub: Node | None = None
    sup: Node | None = None
    primes: int = 0


@dataclass(frozen=True, slots=True)
class Group(Node):
    """A bracketed body.

    `open` and `close`: ( ) [ ] { } | || lfloor rfloor lceil rceil langle rangle, `.` for none.

    Both empty: TeX braces that print nothing but hold several things together, `{a + b}^2`.
    """

    open: str
    close: str
    body: Node


@dataclass(frozen=True, slots=True)
class CallOrProduct(Node):
    """A symbol before a bracket: f(x), y_i(1 - a), x[i, j].

    `group` is a `Group`, or a `Script` over one: in `a(b + c)^2` the power is of the bracket if this is a
    product and of the value if it is a call.
    """

    head: Node
    group: Node


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A named function with its argument: `\\log(a)`, `\\text{conv}(x, w)`, `\\log a b`, `\\max(a, 0)`.

    `function` is a `Word` or a `Script` over one. `argument` is a `Group` (with a `Sequence` inside where
    there are several arguments); without brackets it is what follows up to the next written sign or function.
    """

    function: Node
    argument: Node


@dataclass(frozen=True, slots=True)
class Attribute(Node):
    """`P_2.\\text{shape}`, `W.T`."""

    base: Node
    name: str


@dataclass(frozen=True, slots=True)
class Fraction(Node):
    """`\\frac{a}{b}` (`form="frac"`), or a binomial coefficient (`form="binom"`). `a / b` is a `Product`."""

    numerator: Node
    denominator: Node
    form: str = "frac"


@dataclass(frozen=True, slots=True)
class Root(Node):
    """A root; no degree is the square root."""

    radicand: Node
    degree: Node | None = None


@dataclass(frozen=True, slots=True)
class Derivative(Node):
    """∂ of / ∂ wrt.

    kind: `partial`, `d` or `delta` (δL/δw, as some write it).
    of: None where the operator stands alone. wrt: the variables; orders: one a variable, None for 1.
    order: the exponent in the numerator, None for 1.
    form: `frac` ∂L/∂w as a fraction, `slash` as ∂L/∂w on the line, `subscript` as ∂_w L; `applied` says
    that what is differentiated stands after the operator, as in `\\frac{d}{dx}(x^2)`.
    """

    kind: str
    of: Node | None
    wrt: tuple[Node, ...]
    orders: tuple[Node | None, ...]
    order: Node | None = None
    form: str = "frac"
    applied: bool = False


@dataclass(frozen=True, slots=True)
class Gradient(Node):
    """`\\nabla_w L`: wrt None where no variable is written, of None where the operator stands alone."""

    of: Node | None
    wrt: Node | None = None
    order: Node | None = None


@dataclass(frozen=True, slots=True)
class Differential(Node):
    """`dW`, `\\mathrm d x`, `\\partial L`; kind `d` or `partial`; `bar` for a gradient written with a bar."""

    kind: str
    body: Node


@dataclass(frozen=True, slots=True)
class BigOperator(Node):
    """`\\sum_{i=1}^m body`; name: sum prod int oint max min argmax argmin sup inf lim bigcup bigoplus ...

    lower: `i = 1` (Chain), `i, j` (Sequence), `i \\in S` (Chain), a condition, or `Stack` of several.
    The body reaches over products up to the next `+`, `-` or relation; None where the operator stands alone.
    """

    name: str
    lower: Node | None
    upper: Node | None
    body: Node | None


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """A sign before its operand: `-`, `+`, `pm`, `mp`, `neg`. It reaches over a product: -ab is -(ab)."""

    name: str
    body: Node


@dataclass(frozen=True, slots=True)
class Postfix(Node):
    """A sign after its operand: `!`, `%`, `mod` (with its modulus, `\\pmod{n}`)."""

    name: str
    body: Node
    modulus: Node | None = None


@dataclass(frozen=True, slots=True)
class Add(Node):
    """At least two terms. A term that is subtracted is a `Unary` `-` whose span begins at the sign."""

    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Product(Node):
    """Factors with written operators between them, grouped from the left; at least two factors.

    `len(operators) == len(factors) - 1`. After `/` an operator named `""` can follow: in `1/m \\sum_i x_i`
    the sum is a factor of the whole, not of the denominator.
    """

    factors: tuple[Node, ...]
    operators: tuple[Operator, ...]


@dataclass(frozen=True, slots=True)
class Juxtapose(Node):
    """At least two parts side by side with no sign between them; binds tighter than a written operator."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Chain(Node):
    """`a = b \\le c`: sides and the relations between them. A missing first or last side is `Empty`.

    Rows of an aligned display that begin with a relation belong to the chain of the row above.
    """

    sides: tuple[Node, ...]
    relations: tuple[Relation, ...]


@dataclass(frozen=True, slots=True)
class Sequence(Node):
    """Several items and the separators between them: formulas in one display, lists, arguments, prose."""

    items: tuple[Node, ...]
    separators: tuple[Separator, ...]


@dataclass(frozen=True, slots=True)
class Matrix(Node):
    """A matrix or array with its brackets (`.` for none).

    `columns` as in `{cc|cc}`; `rules`: the rows above which an `\\hline` stands. Rows may differ in length.
    A shape written under it, as in `\\end{bmatrix}_{2 \\times 2}`, is a `Script` over it.
    """

    open: str
    close: str
    rows: tuple[tuple[Node, ...], ...]
    columns: str = ""
    rules: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Branch(Node):
    """One line of a case distinction; the condition may be prose, a chain, or a sequence of both."""

    value: Node
    condition: Node | None = None


@dataclass(frozen=True, slots=True)
class Cases(Node):
    """A case distinction."""

    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Stack(Node):
    """Rows under each other: `\\substack{a \\\\ b}`."""

    rows: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Annotated(Node):
    """A body with a remark beside it: underbrace, overbrace, underset, overset, cancelto."""

    kind: str
    body: Node
    note: Node | None


@dataclass(frozen=True, slots=True)
class Decorated(Node):
    """A body that is marked but not changed: boxed, cancel, bcancel, xcancel, sout."""

    kind: str
    body: Node


@dataclass(frozen=True, slots=True)
class Evaluated(Node):
    """`body |_{x = 0}`, `\\left. body \\right|_a^b`: the value at a place, or the difference of two."""

    body: Node
    lower: Node | None
    upper: Node | None
