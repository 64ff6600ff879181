"""Wrong input: one clear line each, with the column; nothing but the library's own errors, whatever the text."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symcnn.core.errors import FormulaError, SymcnnError, UnknownName
from symcnn.core.infer import parse

X = {"x": "N"}


def refusal(text: str, shapes: dict[str, str]) -> str:
    """The message with which a formula is refused, or nothing where it is read."""
    try:
        parse(text, shapes)
    except SymcnnError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("text", "shapes", "column", "message"),
    [
        # an index at two extents
        ("y[i] = x[i] + w[i]", {"x": "N", "w": "M"}, 15, "w[i] can leave w"),
        ("y[n] = sum[k](x[n,k]*w[k])", {"x": "N,K", "w": "J"}, 22, "can leave w"),
        # an unbound index
        ("y[i] = x[i]*w[k]", {"x": "N", "w": "K"}, 13, "expected an index, got k"),
        ("y = x[i]", X, 5, "expected an index, got i"),
        ("y[i,j] = x[i]", X, 1, "expected an extent for the index j"),
        ("y = sum[k](1)", {}, 1, "expected an extent for the index k"),
        # a read that can leave its tensor
        ("y[i] = x[i+1]", {"x": "N", "y": "N"}, 8, "axis 0 of extent N is read at 1 … N"),
        ("y[i] = x[i] + x[i-1]", {"x": "N", "y": "N"}, 15, "is read at -1 …"),
        # shapes that do not fit
        ("y[i] = x[i,j]", X, 8, "expected 1 positions in x of shape (N), got 2"),
        ("y[i] = x[i]", {"x": "N", "y": "N,M"}, 1, "expected 2 positions in y"),
        ("y[i] = x", X, 8, "expected positions after x"),
        ("y[i] = x[i]", {}, 8, "expected a shape for the tensor x"),
        ("y[2*i] = x[i]", X, 1, "define each of the"),
        ("y[i+j] = x[i]*x[j]", X, 1, "define each of the"),
        ("y[i,i] = x[i]", X, 1, "each index once in the target"),
        ("y[i+1] = x[i]", X, 1, "define each of the"),
        # unknown functions and wrong arguments
        ("y[i] = foo(x[i])", X, 8, "expected a function, got 'foo'"),
        ("y[i] = exp(x[i], 2)", X, 8, "another number of arguments for exp, got 2"),
        ("y[i] = max(x[i])", X, 8, "another number of arguments for max, got 1"),
        ("y[i] = median[j](x[j])", X, 8, "expected one of sum, mean, max, min, prod"),
        ("y[i] = sum(x[i])", X, 8, "expected a function, got 'sum'"),
        ("y[i] = __import__('os')", {}, 8, "expected a function"),
        ("y[i] = x(i)", X, 8, "x[…] reads a tensor"),
        ("y[i] = max(x[i], key=2)", X, 8, "expected a formula"),
        # reserved names
        ("class[i] = x[i]", X, 1, "'class', which Python reserves"),
        ("y[i] = x[i]*lambda", X, 13, "'lambda', which Python reserves"),
        ("sum[i] = x[i]", X, 1, "reserved name 'sum'"),
        ("np[i] = x[i]", X, 1, "reserved name 'np'"),
        ("y[exp] = x[exp]", X, 3, "reserved name 'exp'"),
        ("y_[i] = x[i]", X, 1, "expected a name of letters and digits"),
        ("_y[i] = x[i]", X, 1, "expected a name of letters and digits"),
        ("π[i] = x[i]", X, 1, "expected a name of letters and digits"),
        (f"{'y' * 41}[i] = x[i]", X, 1, "expected a name of letters and digits"),
        # indices
        ("y[i] = sum[i](x[i])", X, 12, "expected a new index, got i"),
        ("y = sum[i,i](x[i])", X, 5, "each index once in a reduction"),
        ("y = sum[i<0](x[0])", X, 11, "expected an extent of at least 1"),
        ("y = sum[2](x[0])", X, 9, "expected an index such as r or r<R"),
        ("y[i] = x[i*i]", X, 10, "affine"),
        ("y[i] = x[i/2]", X, 10, "expected a position"),
        ("y[i] = x[i//2]", X, 10, "expected a position"),
        ("y[i] = x[i+0.5]", X, 12, "expected a position"),
        ("y[i] = x[0:2]", X, 10, "expected a position"),
        ("y[i] = x[i|0,i]", {"x": "N,N"}, 10, "expected a position"),
        # order of equations
        ("y[i] = y[i] + 1", {"y": "N"}, 8, "expected y to be defined before it is read"),
        ("z[i] = x[i]\nz[i] = 2*x[i]", X, 1, "got z a second time"),
        ("z[i] = y[i]\ny[i] = z[i]", {"y": "N"}, 1, "expected y to be defined before it is read"),
        # numbers
        ("y[i] = x[i]/0", X, 13, "a divisor other than 0"),
        ("y[i] = x[i]*0**-1", X, 13, "a base other than 0"),
        ("y[i] = x[i]**1000", X, 14, "an exponent of at most 64"),
        ("y[i] = x[i]*9**9**9", X, 16, "an exponent of at most 64"),
        ("y[i] = x[i]*1e400", X, 13, "expected a number below"),
        ("y[i] = x[i]*log(0)", X, 13, "expected a real number"),
        ("y[i] = x[i]*sqrt(-1)", X, 13, "expected a real number"),
        ("y[i] = x[i]*(-1)**0.5", X, 13, "expected a real number"),
        ("y[i] = x[i]*exp(exp(exp(100)))", X, 17, "expected a real number"),
        ("y[i] = oo*x[i]", X, 8, "expected a finite number"),
        ("y[i] = x[i]*1j", X, 13, "expected a formula"),
        ("y[i] = x[i]*True", X, 13, "expected a formula"),
        ("y[i] = x[i]*'a'", X, 13, "expected a formula"),
        # operators
        ("y[i] = x[i] % 2", X, 8, "expected + - * / **, got Mod"),
        ("y[i] = x[i] @ x[i]", X, 8, "expected + - * / **, got MatMult"),
        ("y[i] = x[i] // 2", X, 8, "expected // between sizes only"),
        ("y[i] = x[i] | 0", X, 8, "inside the brackets"),
        ("y[i] = x[i] > 0", X, 8, "expected a number, got a comparison"),
        ("y[i] = where(x[i], 1, 2)", X, 14, "expected a comparison"),
        ("y[i] = where(x[i] in x[i], 1, 2)", X, 14, "expected < <= > >= == or !="),
        ("y[i] = x[i | x[i]]", X, 14, "expected a number or parameter outside"),
        ("y[i] = x[i | i]", X, 14, "expected a number or parameter outside"),
        ("y[i] = (lambda: 1)()", X, 8, "expected a formula"),
        ("y[i] = x[i] if 1 else 2", X, 8, "expected a formula"),
        ("y[i] = [x[i] for k in x]", X, 8, "expected a formula"),
        ("y[i] = x.real", X, 8, "expected a formula"),
        ("y[i] = x[i][i]", X, 8, "expected a formula"),
        # not an equation
        ("", X, 1, "got nothing"),
        ("   \n# nothing\n", X, 1, "got nothing"),
        ("x[i]", X, 1, "expected one equation"),
        ("y[i] == x[i]", X, 1, "expected one equation"),
        ("y[i] = z[i] = x[i]", X, 1, "expected one equation"),
        ("y[i] += x[i]", X, 1, "expected one equation"),
        ("y[i], z = x[i]", X, 1, "expected a target"),
        ("import os", {}, 1, "expected one equation"),
        ("y[i] = (x[i]", X, 8, "'(' was never closed"),
        ("y[i] = x[i])", X, 12, "unmatched ')'"),
        ("y[i] = x[i] +", X, 14, "Python's syntax"),
        ("y[i] = x[i]\x00", X, 1, "null bytes"),
        # shapes
        ("y[i] = x[i]", {"x": "N,,"}, 1, "expected sizes separated by commas"),
        ("y[i] = x[i]", {"x": "lambda"}, 1, "expected sizes separated by commas"),
        ("y[i] = x[i]", {"x": "N/2"}, 1, "expected a size, a number"),
        ("y[i] = x[i]", {"x": "N**9"}, 1, "expected a size, a number"),
        ("y[i] = x[i]", {"x": "f(N)"}, 1, "expected a size, a number"),
        ("y[i] = x[i]", {"x": "N//0"}, 1, "expected a size, a number"),
        ("y[i] = x[i]", {"x": "0"}, 1, "expected axes of at least 1"),
        ("y[i] = x[i]", {"x": 3}, 1, "expected a shape such as"),
        ("y[i] = x[i]", {"x": None}, 1, "expected a shape such as"),
    ],
)
def test_wrong_input_is_one_line_with_its_column(
    text: str, shapes: dict[str, object], column: int, message: str
) -> None:
    with pytest.raises(FormulaError) as caught:
        parse(text, shapes)
    assert message in str(caught.value)
    assert (caught.value.column, "\n" in str(caught.value)) == (column, False)
    assert str(caught.value).startswith(f"line {caught.value.line}, column {column}: ")


def test_line_and_column_count_through_the_whole_text() -> None:
    with pytest.raises(FormulaError) as caught:
        parse("a[i] = x[i]\n  b[i] = a[i]; y[i] = foo(b[i])", X)
    assert (caught.value.line, caught.value.column) == (2, 23)


def test_a_shape_that_nothing_reads() -> None:
    with pytest.raises(UnknownName, match="shape given for w, which no equation reads"):
        parse("y[i] = x[i]", {"x": "N", "w": "K"})


@pytest.mark.parametrize(
    "body",
    [
        "(" * 9_000 + "x[i]" + ")" * 9_000,
        "(" * 10_000 + "x[i]" + ")" * 10_000,
        "[" * 10_000,
        "(" * 10_000,
        ")" * 10_000,
        "-" * 9_000 + "x[i]",
        "not " * 3_000 + "x[i]",
        "+".join(["x[i]"] * 3_000),
        "**".join(["x[i]"] * 3_000),
        "exp(" * 90 + "x[i]" + ")" * 90,
        "(2**64)" + "**64" * 40 + "*x[i]",
        "((((2**64)**64)**64)**64)**64*x[i]",
        "9" * 5_000,
        "9" * 4_000 + "*x[i]",
        "where(exp(exp(exp(exp(1)))) > 1, x[i], 0)",
        "x[i" + "+1" * 5_000 + "]",
        "x[" + "i," * 5_000 + "]",
        "x[" + "N*" * 150 + "i]",
    ],
    ids=lambda body: f"{body[:12]}… of {len(body)}",
)
def test_huge_input_is_refused_or_read_quickly(body: str) -> None:
    start = time.perf_counter()
    message = refusal(f"y[i] = {body}", X)
    assert "\n" not in message
    assert not message or "column" in message
    assert time.perf_counter() - start < 3


PIECES = [
    *("x[i]", "w[i,j]", "x[2*i+r]", "x[N-1-i | 0]", "x[i | -oo]", "x", "i", "N", "t", "1", "2.5", "0", "1e9"),
    *("+", "-", "*", "/", "**", "//", "%", "|", "<", ">=", "==", "and", "or", "not", "(", ")", "[", "]", ","),
    *(
        "sum[r<2]",
        "mean[k]",
        "max[r<R,s<2]",
        "prod[i]",
        "min",
        "max",
        "exp",
        "log",
        "sqrt",
        "tanh",
        "sigmoid",
    ),
    *(
        "where",
        "relu",
        "abs",
        "sign",
        "lambda",
        "__import__",
        "'a'",
        "oo",
        ";",
        "\n",
        "=",
        "#",
        ":",
        "...",
        "é",
    ),
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join))
def test_no_text_raises_anything_else(body: str) -> None:
    for text in (f"y[i] = {body}", body):
        assert "\n" not in refusal(text, {"x": "N", "w": "N,M"})


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=30))
def test_no_characters_raise_anything_else(text: str) -> None:
    for formula, shape in ((text, "N"), (f"y[i] = {text}", "N"), ("y[i] = x[i]", text)):
        assert "\n" not in refusal(formula, {"x": shape})


def test_formulas_with_one_character_changed_raise_nothing_else() -> None:
    draw = random.Random(7)
    formula = "z[n,o,i] = b[o] + sum[c,r](W[o,c,r]*max(x[n,c,2*i+r-1 | 0], 0)**2/sqrt(v[c] + eps))"
    shapes = {"x": "N,C,H", "W": "O,C,R", "b": "O", "v": "C", "z": "N,O,(H+2-R)//2+1"}
    assert parse(formula, shapes)
    for _ in range(150):
        at = draw.randrange(len(formula))
        changed = formula[:at] + draw.choice("[](),+-*/|<0i2x =;\n") + formula[at + draw.randrange(2) :]
        assert "\n" not in refusal(changed, shapes)
