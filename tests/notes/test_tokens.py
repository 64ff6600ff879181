"""Tokens carry their spans; layout leaves none; broken input is refused with its position."""

import pytest

from symcnn.notes.tokens import MAX_LENGTH, NotationError, tokenize


def kinds(latex: str) -> list[str]:
    return [f"{token.kind}:{token.text}" for token in tokenize(latex)]


@pytest.mark.parametrize(
    ("latex", "tokens"),
    [
        ("ab1", ["letter:a", "letter:b", "digit:1"]),
        (r"\alpha α", ["command:alpha", "command:alpha"]),
        ("x_1^2'", ["letter:x", "sub:_", "digit:1", "sup:^", "digit:2", "prime:'"]),
        (r"a\, b\; c \! d~e\displaystyle", ["letter:a", "letter:b", "letter:c", "letter:d", "letter:e"]),
        (r"\;\;\;", ["quad:quad"]),
        (r"\quad \qquad \hspace{1cm}", ["quad:quad"] * 3),
        (r"\hspace{-1cm}\label{a}\tag*{1}\phantom{x}", []),
        (r"\left( \right]", ["left:(", "right:]"]),
        (r"\left\{ \right.", ["left:{", "right:."]),
        (r"\bigl| \Bigr| \big|", ["command:lvert", "command:rvert", "char:|"]),
        (r"\text{if $x$ a}", ["text:if ", "letter:x", "text: a"]),
        (r"\operatorname*{arg\,max}", ["operatorname:argmax"]),
        (r"\begin{array}[t]{c|c} \end{array}", ["begin:array", "end:array"]),
        (
            r"a \\[2pt] b \cr [c]",
            ["letter:a", "newline:newline", "letter:b", "newline:newline", "char:[", "letter:c", "char:]"],
        ),
        (":= <= >= -> ... **", ["char::=", "char:<=", "char:>=", "char:->", "command:dots", "char:**"]),
        ("a % comment\nb 5%", ["letter:a", "letter:b", "digit:5", "command:%"]),
        ("x²", ["letter:x", "sup:^", "open:{", "digit:2", "close:}"]),
        ("α₁₂", ["command:alpha", "sub:^", "open:{", "digit:1", "digit:2", "close:}"]),
        (r"\write18\input", ["command:write", "digit:1", "digit:8", "command:input"]),
        ("a\0b", ["letter:a", "letter:b"]),
    ],
)
def test_tokens(latex: str, tokens: list[str]) -> None:
    assert kinds(latex) == tokens


def test_spans_slice_the_formula() -> None:
    latex = r"\frac{\partial L}{\partial w_1} = \text{conv}\left(x\right)"
    for token in tokenize(latex):
        piece = token.span.of(latex)
        assert piece.lstrip("\\").startswith(token.text) or piece.startswith(("\\text", "\\left", "\\right"))


@pytest.mark.parametrize(
    ("latex", "message"),
    [
        ("x" * (MAX_LENGTH + 1), "at most"),
        ("a \\", "after the backslash"),
        (r"\text{a", r"argument of \\text"),
        (r"\left x", "delimiter"),
        ("a $ b", "dollar sign"),
        (r"\text{a $x b}", "dollar sign"),
    ],
)
def test_broken_input_is_refused(latex: str, message: str) -> None:
    with pytest.raises(NotationError, match=message) as caught:
        tokenize(latex)
    assert 0 <= caught.value.position <= len(latex)
