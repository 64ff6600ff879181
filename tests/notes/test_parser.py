"""What formulas of many styles are read as, and that everything read can be printed and read again.

`formulas.txt` beside this file holds one formula a line, in the notations of many authors.
"""

import contextlib
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from symcnn.notes import tree
from symcnn.notes.extract import load
from symcnn.notes.marks import NOWHERE
from symcnn.notes.parser import parse
from symcnn.notes.parser_cursor import MAX_DEPTH
from symcnn.notes.tokens import Macro, NotationError
from symcnn.notes.tree import Node
from symcnn.notes.unparse import unparse
from symcnn.notes.walking import children, replace, same, walk

FORMULAS = Path(__file__).with_name("formulas.txt").read_text(encoding="utf-8").splitlines()
SAMPLE = Path(__file__).resolve().parents[3] / "shared" / "notes" / "cnn-backprop.md"


def sketch(node: object) -> str:
    """A tree in a few characters: symbols by name, everything else as (Kind field ...)."""
    match node:
        case tree.Symbol(name=name, font=font):
            return f"{font}.{name}" if font else name
        case tree.Number(text=text):
            return text
        case tree.Word(text=text):
            return f"'{text}'"
        case tree.Text(text=text):
            return f'"{text}"'
        case tree.Empty():
            return "_"
        case tree.Operator(name=name) | tree.Separator(name=name):
            return name or "~"
        case tree.Relation(name=name, above=above):
            return name + ("" if above is None else f"^{sketch(above)}")
        case tree.Script(base=base, sub=sub, sup=sup, primes=primes):
            below = "" if sub is None else f"_{sketch(sub)}"
            return sketch(base) + "'" * primes + below + ("" if sup is None else f"^{sketch(sup)}")
        case tree.Group(open=opening, close=closing, body=body):
            return f"{opening}{sketch(body)}{closing}" if opening else f"<{sketch(body)}>"
        case tree.Chain(sides=sides, relations=marks) | tree.Sequence(items=sides, separators=marks):
            return _joined(sides, marks)
        case tree.Product(factors=factors, operators=marks):
            return _joined(factors, marks)
        case tuple():
            return f"[{' '.join(sketch(item) for item in node)}]"
        case tree.Node():
            values = [getattr(node, name) for name in type(node).__slots__ if name != "span"]
            shown = [sketch(value) for value in values if value not in (None, "", False, ())]
            return f"({type(node).__name__} {' '.join(shown)})"
    return str(node)


def _joined(parts: tuple[Node, ...], marks: tuple[object, ...]) -> str:
    pieces = [sketch(parts[0])]
    for mark, part in zip(marks, parts[1:], strict=True):
        pieces += [sketch(mark), sketch(part)]
    return f"({' '.join(pieces)})"


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        # scripts
        ("x_{11}", "x_11"),
        ("x_12", "(Juxtapose [x_1 2])"),
        ("x^2_i", "x_i^2"),
        ("W^{[l]T}", "W^(Juxtapose [[l] T])"),
        ("a^{(i)}", "a^(i)"),
        ("x''", "x''"),
        ("{x_i}_j", "x_i_j"),
        ("x_{ij}", "x_(Juxtapose [i j])"),
        ("x_{i,j+1}", "x_(i , (Add [j 1]))"),
        ("w_{new}", "w_'new'"),
        ("T_{ijkl}", "T_(Juxtapose [i j k l])"),
        ("f^*", "f^*"),
        ("W^{-1}", "W^(Unary - 1)"),
        # calls and products
        ("f(x)", "(CallOrProduct f (x))"),
        ("y_i(1-a)", "(CallOrProduct y_i ((Add [1 (Unary - a)])))"),
        ("a(b)^2", "(CallOrProduct a (b)^2)"),
        ("2(x)", "(Juxtapose [2 (x)])"),
        (r"\log(a)b", "(Juxtapose [(Call 'log' (a)) b])"),
        (r"\log a b", "(Call 'log' (Juxtapose [a b]))"),
        (r"y\log a \log b", "(Juxtapose [y (Call 'log' a) (Call 'log' b)])"),
        (r"\text{dot-product}(F, w_2)", "(Call 'dot-product' ((F , w_2)))"),
        (r"\text{ReLU}'(z)", "(Call 'ReLU'' (z))"),
        ("softmax(x)_i", "(Call 'softmax' (x))_i"),
        ("np.sum(dZ, axis=1)", "(Call 'np.sum' (((Differential d Z) , ('axis' = 1))))"),
        (r"P_2.\text{shape}", "(Attribute P_2 shape)"),
        ("W.T @ x", "((Attribute W T) @ x)"),
        (r"\max(0, x)", "(Call 'max' ((0 , x)))"),
        # sums and products
        ("-a b + c", "(Add [(Unary - (Juxtapose [a b])) c])"),
        (r"a \times -b", "(a times (Unary - b))"),
        (r"W^T \delta \odot s", "((Juxtapose [W^T delta]) odot s)"),
        ("1/2m", "(1 / (Juxtapose [2 m]))"),
        (r"1/m \sum_i x_i", "(1 / m ~ (BigOperator sum i x_i))"),
        (r"A_2 / \hat y", "(A_2 / (Accent hat y))"),
        (r"\sum_{i=1}^m a_i \cdot b_i + c", "(Add [(BigOperator sum (i = 1) m (a_i cdot b_i)) c])"),
        (r"\sum_i -x_i", "(BigOperator sum i (Unary - x_i))"),
        (r"\max_{r,s} x_{rs}", "(BigOperator max (r , s) x_(Juxtapose [r s]))"),
        (r"\arg\max_k p_k", "(BigOperator argmax k p_k)"),
        # derivatives
        (r"\frac{\partial L}{\partial w_1}", "(Derivative partial L [w_1] [None] frac)"),
        (r"\frac{dL}{dw}", "(Derivative d L [w] [None] frac)"),
        (r"\frac{\partial^2 L}{\partial x\partial y}", "(Derivative partial L [x y] [None None] 2 frac)"),
        (r"\frac{d^2 y}{dx^2}", "(Derivative d y [x] [2] 2 frac)"),
        (r"\frac{\partial L}{\partial x^2}", "(Derivative partial L [x^2] [None] frac)"),
        (
            r"\frac{\partial}{\partial a}[b] c",
            "(Juxtapose [(Derivative partial [b] [a] [None] frac True) c])",
        ),
        (r"\frac{d}{dx} x y + z", "(Add [(Derivative d (Juxtapose [x y]) [x] [None] frac True) z])"),
        (r"\partial L/\partial w", "(Derivative partial L [w] [None] slash)"),
        ("dL/dw x", "(Juxtapose [(Derivative d L [w] [None] slash) x])"),
        (r"\frac{1}{d\sigma}", "(Fraction 1 (Juxtapose [d sigma]) frac)"),
        (r"\frac{dy - x}{dx}", "(Fraction (Add [(Differential d y) (Unary - x)]) (Differential d x) frac)"),
        (r"\partial_x f", "(Derivative partial f [x] [None] subscript True)"),
        (r"\nabla_w L(w)", "(Gradient (CallOrProduct L (w)) w)"),
        ("dW^{[1]}", "(Differential d W^[1])"),
        (r"x_{nd} W_{dk}", "(Juxtapose [x_(Juxtapose [n d]) W_(Juxtapose [d k])])"),
        (r"\left. f \right|_{x=0}", "(Evaluated f (x = 0))"),
        # chains and sequences
        ("= b", "(_ = b)"),
        ("a = b = c", "(a = b = c)"),
        (r"a &= b \\ &= c", "(a = b = c)"),
        (r"\begin{aligned} a &= b \\ -c &= d \end{aligned}", "((a = b) newline ((Unary - c) = d))"),
        (r"a = b, \quad c = d", "((a = b) quad (c = d))"),
        (r"a = b \implies c = d", "((a = b) implies (c = d))"),
        (r"W_1 \text{ and } W_2", '(W_1 ~ " and " ~ W_2)'),
        (r"A \xrightarrow{f} B", "(A ->^f B)"),
        (r"\begin{array}{rcl} a & = & b \\ & = & c \end{array}", "(a = b = c)"),
        (r"a &= b && \text{by (1)} \\ &= c", '((a = b) quad "by (1)" newline (_ = c))'),
        # layouts
        (
            r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}_{2\times 2}",
            "(Matrix [ ] [[1 2] [3 4]])_(2 times 2)",
        ),
        (
            r"\left[\begin{array}{c|c} 1 & 2 \\ \hline 3 & 4 \end{array}\right]",
            "(Matrix [ ] [[1 2] [3 4]] c|c [1])",
        ),
        (
            r"\begin{cases} 1 & \rightarrow z > 0 \\ 0 & \text{otherwise} \end{cases}",
            '(Cases [(Branch 1 (z > 0)) (Branch 0 "otherwise")])',
        ),
        (
            r"\begin{cases} x, \text{ if } x > 0 \\ 0 \quad \text{else} \end{cases}",
            '(Cases [(Branch x (" if " ~ (x > 0))) (Branch 0 "else")])',
        ),
        (r"\substack{a \\ b}", "(Stack [a b])"),
        (r"\underbrace{a}_{b}", "(Annotated underbrace a b)"),
        (r"\boxed{a = b}", "(Decorated boxed (a = b))"),
        # brackets
        (r"\|w\|_2^2 + |x|", "(Add [||w||_2^2 |x|])"),
        ("p(y|x)", "(CallOrProduct p ((y | x)))"),
        (r"\mathbb{1}\{a = b\}", "(CallOrProduct bb.1 {(a = b)})"),
        ("[0, 1)", "[(0 , 1))"),
        # names
        (r"\mathbf{W_1}", "bf.W_1"),
        (r"\text{output size} = 3", '("output size" = 3)'),
        ("1{,}024 + 60,000", "(Add [1024 60000])"),
        ("1e-3", "1e-3"),
        (r"\unknown{x}", "(Juxtapose [unknown x])"),
        (r"\write18{a}", "(Juxtapose [write 18 a])"),
    ],
)
def test_reading(latex: str, expected: str) -> None:
    assert sketch(parse(latex)) == expected


@pytest.mark.parametrize("latex", FORMULAS)
def test_printing_and_reading_again_gives_the_same_tree(latex: str) -> None:
    node = parse(latex)
    assert same(parse(unparse(node)), node), unparse(node)


@pytest.mark.parametrize("latex", FORMULAS)
def test_spans_lie_inside_their_parents(latex: str) -> None:
    for node in walk(parse(latex)):
        assert 0 <= node.span.start <= node.span.end <= len(latex)
        for child in children(node):
            assert node.span.start <= child.span.start
            assert child.span.end <= node.span.end


# What cannot stand alone: sizes that are names only beside their partner, primes, raised characters.
ALONE = ("in", "'", "²", "₁", "⁻", "¹", "ᵀ")


@pytest.mark.parametrize("latex", FORMULAS)
def test_the_text_of_a_node_reads_as_that_node(latex: str) -> None:
    for node in walk(parse(latex)):
        text = node.span.of(latex)
        if isinstance(node, tree.Empty | tree.Branch) or any(alone in text for alone in ALONE):
            continue
        assert same(parse(text), node), text


def test_the_sample_notes_are_read_whole_and_fast() -> None:
    if not SAMPLE.exists():
        pytest.skip("the sample notes are not beside the checkout")
    formulas = load(SAMPLE).formulas
    start = time.perf_counter()
    nodes = [parse(formula.latex) for formula in formulas]
    assert time.perf_counter() - start < 0.3
    assert all(same(parse(unparse(node)), node) for node in nodes)


@pytest.mark.parametrize(
    ("latex", "position"),
    [
        ("(a", 2),
        ("a)", 1),
        (r"\left( a", 8),
        (r"\frac{a}", 8),
        ("x_", 2),
        ("{a", 2),
        (r"\begin{foo} a \end{foo}", 0),
        (r"\begin{bmatrix} a \end{pmatrix}", 18),
        ("a ` b", 2),
        ("|a", 2),
        (r"\not a", 5),
    ],
)
def test_what_cannot_be_read_is_refused_at_its_place(latex: str, position: int) -> None:
    with pytest.raises(NotationError, match=r"expected .*, came") as caught:
        parse(latex)
    assert caught.value.position == position


@pytest.mark.parametrize(
    "latex",
    [
        "(" * 3000,
        "{" * 3000 + "}" * 3000,
        r"\frac{" * 2000,
        "x^{" * 3000,
        r"\hat" * 3000 + "x",
        "-" * 5000 + "x",
        "x" + "_a^b" * 3000,
        "x" + "!" * 5000,
        r"\sum" * 3000 + "x",
        r"\begin{aligned}" * 500,
        "f(" * 3000,
        r"\newcommand{\a}{\a\a}\a",
    ],
)
def test_deep_notation_is_refused(latex: str) -> None:
    start = time.perf_counter()
    with pytest.raises(NotationError, match=r"at most|came"):
        parse(latex)
    assert time.perf_counter() - start < 2


def test_nesting_up_to_the_limit_is_read() -> None:
    depth = MAX_DEPTH - 2
    latex = "(" * depth + "x" + ")" * depth
    assert same(parse(unparse(parse(latex))), parse(latex))


@pytest.mark.parametrize(
    "piece", ["a + ", "a ", r"a \cdot ", "a = ", "|", "|a ", r"\|", "a, ", r"a \\ ", "' ", ".", "(|"]
)
def test_long_notation_takes_little_time(piece: str) -> None:
    start = time.perf_counter()
    with contextlib.suppress(NotationError):
        parse("x" + piece * (19_000 // len(piece)))
    assert time.perf_counter() - start < 3


def test_macros_are_expanded_and_keep_places() -> None:
    macros = {
        "R": Macro("R", 0, r"\mathbb{R}"),
        "pd": Macro("pd", 2, r"\frac{\partial #1}{\partial #2}"),
        "op": Macro("op", 1, r"\operatorname{#1}"),
        "half": Macro("half", 2, r"\frac{#1}{#2}", "1"),
    }
    latex = r"\pd{L}{w} \in \R, \op{tr}(A), \half{x} + \half[3]{y}"
    node = parse(latex, macros=macros)
    derivative = next(one for one in walk(node) if isinstance(one, tree.Derivative))
    assert sketch(derivative) == "(Derivative partial L [w] [None] frac)"
    assert derivative.span.of(latex) == r"\pd{L}{w}"
    assert [child.span.of(latex) for child in children(derivative)] == ["L", "w"]
    rest = "((Call 'tr' (A)) , (Add [(Fraction 1 x frac) (Fraction 3 y frac)]))"
    assert sketch(node) == f"(((Derivative partial L [w] [None] frac) in bb.R) , {rest[1:]}"


def test_a_macro_defined_in_the_formula() -> None:
    assert sketch(parse(r"\newcommand{\X}[1]{#1^T} \X{a} b")) == "(Juxtapose [a^T b])"


def test_replacing_a_subtree() -> None:
    node = parse("a + b x_1")
    old = next(one for one in walk(node) if isinstance(one, tree.Script))
    assert unparse(replace(node, old, parse("y"))) == "a + b y"
    with pytest.raises(ValueError, match="subtree"):
        replace(node, parse("x_1"), parse("y"))


def test_trees_that_were_made_get_the_brackets_they_need() -> None:
    total = parse("a + b")
    product = tree.Juxtapose(NOWHERE, (total, parse("c")))
    assert unparse(product) == r"\left( a + b \right) c"
    minus = tree.Unary(NOWHERE, "-", total)
    assert unparse(minus) == r"-\left( a + b \right)"
    power = tree.Script(NOWHERE, product, None, parse("2"))
    assert unparse(power) == r"\left( \left( a + b \right) c \right)^2"


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """LaTeX made from smaller LaTeX, in the ways that notes make it."""
    one = [
        "({})", "[{}]", r"\left( {} \right)", r"|{}|", r"\| {} \|", "-{}", r"\hat{{{}}}", r"\sqrt{{{}}}",
        "f({})", "x[{}]", r"\text{{conv}}({})", r"\log {}", r"\sum_i {}", r"\max_{{j}} {}",
        r"\mathbf{{{}}}", "{{{}}}^T", "x_{{{}}}", "x^{{{}}}", r"\boxed{{{}}}", r"\nabla_x {}",
        r"\partial {}", r"\frac{{d}}{{dx}} {}", r"\left. {} \right|_{{x=0}}", r"\cancel{{{}}}",
        r"\begin{{aligned}} {} \end{{aligned}}", "({})'", "= {}", r"\underbrace{{{}}}_{{n}}",
        r"\text{{if }} {}", "d{}", "2 {}",
    ]  # fmt: skip
    two = [
        "{} + {}", "{} - {}", "{} {}", r"{} \cdot {}", r"{} \times {}", "{} * {}", r"{} \odot {}",
        "{} / {}", "{}/{}", "{} = {}", r"{} \le {}", "{}, {}", r"{} \quad {}", r"\frac{{{}}}{{{}}}",
        r"{} \\ {}", r"{} \to {}", r"{} \text{{ and }} {}", r"\frac{{\partial {}}}{{\partial {}}}",
        r"\begin{{bmatrix}} {} & {} \end{{bmatrix}}", r"{} \implies {}",
        r"\begin{{cases}} {} & {} \\ 0 & \text{{else}} \end{{cases}}", r"\sum_{{{}}} {}", "f({}, {})",
        r"\log({}) {}", r"\frac{{d {}}}{{d {}}}", r"\partial {} / \partial {}", r"{} \mid {}",
        r"\xrightarrow{{{}}} {}", r"\pm {} \pm {}",
    ]  # fmt: skip
    return st.one_of(
        st.builds(lambda form, a: form.format(a), st.sampled_from(one), inner),
        st.builds(lambda form, a, b: form.format(a, b), st.sampled_from(two), inner, inner),
    )


ATOMS = st.sampled_from(
    [
        "x", "W", "3", "0.5", "x_1", "y_i^2", r"\alpha", r"\hat{y}", "z_{11}", "W^T", "a^{(i)}",
        r"\mathbf{x}", "dW", r"\infty", r"\text{loss}", r"\text{some words}", r"\dots", "f'",
        r"\mathrm{ReLU}(z)", r"\frac{\partial L}{\partial w}", "?", "", r"\log", r"\max", r"\sum",
        r"\partial", "d", r"\nabla", r"\cdot", "1{,}000", "A.T", "n!", r"5\%", "|x|", "softmax",
    ]
)  # fmt: skip


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.recursive(ATOMS, _combined, max_leaves=12))
def test_whatever_is_read_is_printed_so_that_it_reads_the_same(latex: str) -> None:
    try:
        node = parse(latex)
    except NotationError:
        return
    printed = unparse(node)
    assert same(parse(printed), node), printed


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(alphabet="\\{}()[]|^_&$ ab1+-*/=<>,.;:'%\n∂²", max_size=40) | st.text(max_size=40))
def test_any_text_is_read_or_refused(latex: str) -> None:
    try:
        node = parse(latex)
    except NotationError:
        return
    for one in walk(node):
        assert 0 <= one.span.start <= one.span.end <= len(latex)


PAGES = sorted(
    path for path in Path(__file__).with_name("pages").rglob("*") if path.suffix in (".md", ".tex", ".ipynb")
)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_formula_of_the_pages_is_read_and_printed(path: Path) -> None:
    document = load(path)
    for formula in document.formulas:
        node = parse(formula.latex, macros=document.macros)
        assert same(parse(unparse(node)), node), formula.latex


@pytest.mark.parametrize("font", ["mathrm", "mathtt", "mathsf", "mathbf", "text", "operatorname"])
def test_a_word_with_escaped_underscores_is_one_name(font: str) -> None:
    node = parse(rf"\{font}{{inv\_std}}_j^3", names=frozenset({"inv"}))
    assert isinstance(node, tree.Script)
    assert isinstance(node.base, tree.Word)
    assert node.base.text == "inv_std"
    assert node.sub is not None
    assert node.sup is not None
    assert same(parse(unparse(node)), node)


def test_escaped_underscores_join_bare_letters() -> None:
    node = parse(
        r"\frac{\partial L}{\partial x\_hat_{ij}} grad\_w2 \cdot a", names=frozenset({"hat", "grad"})
    )
    names = [one.text for one in walk(node) if isinstance(one, tree.Word)]
    assert names == ["x_hat", "grad_w2"]
    assert same(parse(unparse(node)), node)
