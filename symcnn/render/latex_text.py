"""Plain text as LaTeX: everything that LaTeX would act on is escaped, letters beyond ASCII become commands."""

from __future__ import annotations

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "–": "--",
    "—": "---",
    "’": "'",
    "‘": "`",
    "“": "``",
    "”": "''",
    "…": r"\ldots{}",
    "\u00a0": "~",
}
MATHEMATICAL = {
    "−": "-",
    "×": r"\times",
    "·": r"\cdot",
    "≤": r"\le",
    "≥": r"\ge",
    "≠": r"\ne",
    "→": r"\to",
    "∂": r"\partial",
    "∇": r"\nabla",
    "Σ": r"\Sigma",
    "Π": r"\Pi",
    "σ": r"\sigma",
    "δ": r"\delta",
    "η": r"\eta",
    "α": r"\alpha",
    "β": r"\beta",
    "ε": r"\varepsilon",
    "μ": r"\mu",
    "∞": r"\infty",
    "′": "'",
    "⌊": r"\lfloor",
    "⌋": r"\rfloor",
    "∈": r"\in",
    "⊙": r"\odot",
    "√": r"\surd",
}
DIGITS = {**{chr(0x2080 + d): f"$_{{{d}}}$" for d in range(10)}, "²": "$^2$", "³": "$^3$", "¹": "$^1$"}


def escape(text: str) -> str:
    """``text`` as inert LaTeX. A letter that pdflatex cannot set becomes a question mark."""
    return "".join(_letter(letter) for letter in text)


def _letter(letter: str) -> str:
    if letter in SPECIAL:
        return SPECIAL[letter]
    if letter in MATHEMATICAL:
        return f"${MATHEMATICAL[letter]}$"
    if letter in DIGITS:
        return DIGITS[letter]
    if letter == "\n" or letter == "\t":
        return " "
    if " " <= letter <= "~" or ("À" <= letter <= "ÿ" and letter.isalpha()):
        return letter
    return "?"


def bookmark(text: str) -> str:
    """``text`` for a PDF bookmark: letters only."""
    spoken = text.replace("∂", "d").replace("−", "-").replace("·", " ").replace("σ", "sigma")
    return "".join(_bookmark(letter) for letter in spoken)


def _bookmark(letter: str) -> str:
    return letter if letter.isascii() and (letter.isalnum() or letter in " .,:;()/=+-*'") else " "
