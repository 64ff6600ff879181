"""A formula of the notes as MathML that is safe to show, with its wrong terms marked.

latex2mathml does not escape what it prints, and passes links, styles and classes through. So only its tree is
used: elements and attributes that are not on a list are dropped, and the rest is written with escaping.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from html.entities import html5
from types import MappingProxyType
from xml.etree.ElementTree import Element, SubElement

from latex2mathml.converter import convert_to_element

from symcnn.notes.marks import Span
from symcnn.notes.report_marks import merged, visible
from symcnn.notes.tokens import Macro, braced

NO_MACROS: Mapping[str, Macro] = MappingProxyType({})
LONGEST = 4_000
MOST_EXPANSIONS = 200
DEEPEST = 40

_ELEMENTS = re.compile(
    r"math|mrow|mi|mn|mo|ms|mtext|mspace|mfrac|msqrt|mroot|msub|msup|msubsup|munder|mover|munderover|mtable|mtr|mtd"
    r"|mmultiscripts|mprescripts|mstyle|mpadded|mphantom|menclose"
)
_ATTRIBUTES = re.compile(
    r"displaystyle|scriptlevel|stretchy|fence|form|accent|accentunder|largeop|movablelimits|minsize|maxsize|width"
    r"|height|depth|lspace|voffset|linethickness|notation|mathvariant|columnalign"
)
_VALUE = re.compile(r"[A-Za-z0-9.+\- ]{0,80}")
_REFERENCE = re.compile(r"&#x([0-9A-Fa-f]{1,6});|&([A-Za-z]{1,32};)")
_ENVIRONMENT = re.compile(
    r"(\\(?:begin|end))\s*\{(aligned|alignedat|alignat|gathered|gather|eqnarray|multline|flalign)\*?\}"
)
_NUMBER_OF_COLUMNS = re.compile(r"(\\begin\{align\*\})\s*\{\d+\}")
_DROPPED = re.compile(
    r"\\(?:label|tag\*?|eqref|ref|index)\s*\{[^{}]*\}|\\(?:nonumber|notag|allowbreak)(?![A-Za-z])"
)
_COMMANDS = {"bm": "boldsymbol", "pmb": "boldsymbol", "mathds": "mathbb", "sout": "cancel", "dots": "ldots"}
_RENAMED = re.compile(r"\\(" + "|".join(_COMMANDS) + r")(?![A-Za-z])")
_NOTATION = re.compile(r"\\[A-Za-z]|[A-Za-z0-9}][_^][A-Za-z0-9{\\]")
_BARS = ("|", "‖", "∥")
_ROWS = ("math", "mrow", "mstyle", "mtd", "mpadded")
_COMMAND = re.compile(r"\\([A-Za-z]+|[^A-Za-z])")
_DEFINING = re.compile(
    r"\\(?:(?:new|renew|provide)(?:command|environment)|[gex]?def|let|DeclareMathOperator)(?![A-Za-z])"
)
_UNBALANCED = re.compile(r"(?<!\\)(?:\\\\)*&|\\\\(?![A-Za-z])|\\(?:left|right|middle)(?![A-Za-z])")
_MARK = "#c0ffee"
"""The colour by which a marked term is found again; formulas that name it themselves are shown as source."""

_ALPHABETS = {
    "script": (0x1D49C, 0x1D4B6, dict(zip("BEFHILMRego", "ℬℰℱℋℐℒℳℛℯℊℴ", strict=True))),
    "fraktur": (0x1D504, 0x1D51E, dict(zip("CHIRZ", "ℭℌℑℜℨ", strict=True))),
    "double-struck": (0x1D538, 0x1D552, dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True))),
    "sans-serif": (0x1D5A0, 0x1D5BA, {}),
    "monospace": (0x1D670, 0x1D68A, {}),
    "bold": (0x1D400, 0x1D41A, {}),
    "bold-italic": (0x1D468, 0x1D482, {}),
}


def mathml(
    latex: str,
    *,
    display: bool = False,
    marked: tuple[Span, ...] = (),
    how: str = "wrong",
    macros: Mapping[str, Macro] = NO_MACROS,
) -> str | None:
    """The formula as a `<math>` element, or None where it cannot be shown so.

    `marked`: spans of `latex` that are put in a row of the class `how`. Where they cannot be marked one by
    one, because they cut through the notation, nothing is marked: None is returned, and the caller falls
    back to the source.
    """
    if len(latex) > LONGEST or _depth(latex) > DEEPEST or _DEFINING.search(latex) or _MARK in latex:
        return None
    spans = merged(marked, len(latex))
    tree = _tree(_with_marks(latex, spans), macros, display)
    if tree is None or not all(_whole(latex, span) for span in spans):
        return None
    if spans:  # braces around a part must not change what is an argument of what
        plain = _tree(latex, macros, display)
        if plain is None or "".join(plain.itertext()) != "".join(tree.itertext()):
            return None
    safe = Element("math", {"display": "block"} if display else {})
    for child in tree:
        _copy(child, safe, how)
    return _written(safe)


def _with_marks(latex: str, spans: list[Span]) -> str:
    """The formula with its marked spans in a colour by which they are found again."""
    parts: list[str] = []
    done = 0
    for span in spans:
        parts += [latex[done : span.start], f"{{\\color{{{_MARK}}}{span.of(latex)}}}"]
        done = span.end
    return "".join([*parts, latex[done:]])


def _tree(latex: str, macros: Mapping[str, Macro], display: bool) -> Element | None:
    """What latex2mathml makes of a formula, not yet safe to show; None where it cannot read it."""
    spoken = _spoken(_expanded(latex, macros))
    if len(spoken) > 2 * LONGEST or _depth(spoken) > 2 * DEEPEST:
        return None
    try:
        return convert_to_element(spoken, display="block" if display else "inline")
    except Exception:  # noqa: BLE001  the library has many errors of its own, and the source is shown instead
        return None


def source(latex: str, marked: tuple[Span, ...] = (), how: str = "wrong") -> str:
    """The LaTeX of a formula as HTML, its wrong terms marked."""
    safe = visible(latex)
    parts: list[str] = []
    done = 0
    for span in merged(marked, len(safe)):
        parts += [escape(safe[done : span.start]), f'<mark class="{how}">{escape(span.of(safe))}</mark>']
        done = span.end
    return f'<code class="latex">{"".join(parts)}{escape(safe[done:])}</code>'


def shown(
    latex: str,
    *,
    display: bool = False,
    marked: tuple[Span, ...] = (),
    how: str = "wrong",
    macros: Mapping[str, Macro] = NO_MACROS,
) -> str:
    """The formula as MathML with its marks; marked as a whole, or as source, where that cannot be done."""
    latex = visible(latex)
    best = mathml(latex, display=display, marked=marked, how=how, macros=macros)
    if best is None and marked:
        whole = mathml(latex, display=display, macros=macros)
        best = whole and f'<span class="all-{how}">{whole}</span>'
    return best or source(latex, marked, how)


def worded(text: str) -> str:
    """A sentence as HTML, in which words that are notation (`x_{12}`) are shown as formulas."""
    parts = [
        _word(part) if _NOTATION.search(part) else escape(part)
        for part in re.split(r"([\s,;:]+)", visible(text))
    ]
    return "".join(parts)


def _word(word: str) -> str:
    if word.count("{") == word.count("}") and not word.endswith("\\"):
        return mathml(word) or escape(word)
    return escape(word)


def _expanded(latex: str, macros: Mapping[str, Macro]) -> str:
    """The formula with the notes' own commands written out, as far as that goes in a few steps."""
    for _ in range(MOST_EXPANSIONS if macros else 0):
        match = next((m for m in _COMMAND.finditer(latex) if m[1] in macros), None)
        if match is None or len(latex) > 2 * LONGEST:
            break
        macro = macros[match[1]]
        body, end = macro.body, match.end()
        for number in range(1, macro.parameters + 1):
            argument = braced(latex, end)
            if argument is None or (number == 1 and macro.default is not None):
                return latex
            body = body.replace(f"#{number}", latex[argument[0] : argument[1]])
            end = argument[1] + 1
        latex = f"{latex[: match.start()]}{{{body}}}{latex[end:]}"
    return latex


def _spoken(latex: str) -> str:
    """The formula in the words that latex2mathml knows."""
    latex = _ENVIRONMENT.sub(lambda match: f"{match[1]}{{align*}}", _DROPPED.sub(" ", latex))
    latex = _NUMBER_OF_COLUMNS.sub(r"\1", latex)
    latex = re.sub(r"\\(begin|end)\s*\{(equation|displaymath|math)\*?\}", " ", latex)
    return _RENAMED.sub(lambda match: "\\" + _COMMANDS[match[1]], latex)


def _depth(latex: str) -> int:
    """How deep braces and pairs of brackets and environments are nested."""
    deepest = depth = 0
    for match in re.finditer(r"\\[{}]|\\(?:left|begin|right|end)(?![A-Za-z])|[{}]", latex):
        if match.group() in ("{", "\\left", "\\begin"):
            depth += 1
            deepest = max(deepest, depth)
        elif match.group() in ("}", "\\right", "\\end"):
            depth -= 1
    scripts = max((len(run) for run in re.findall(r"(?:[_^]\s*)+", latex)), default=0)
    return max(deepest, scripts, len(re.findall(r"\\(?:color|over|displaystyle)(?![A-Za-z])", latex)))


def _whole(latex: str, span: Span) -> bool:
    """Whether a span can stand in braces of its own: it cuts neither braces nor cells nor commands."""
    text = span.of(latex)
    depth = 0
    for match in re.finditer(r"\\.|[{}]", text, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(match.group(), 0)
        if depth < 0:
            return False
    before = re.search(r"\\[A-Za-z]*$", latex[: span.start])
    cuts_command = before is not None and (before.group() == "\\" or text[:1].isalpha())
    begins = len(re.findall(r"\\begin\b", text)) - len(re.findall(r"\\end\b", text))
    return (
        depth == 0 and not begins and not cuts_command and not _UNBALANCED.search(text) and bool(text.strip())
    )


def _copy(node: Element, parent: Element, how: str) -> None:
    """Copy what is allowed of a node and of what is under it."""
    if not _ELEMENTS.fullmatch(node.tag):
        for child in node:
            _copy(child, parent, how)
        return
    attributes = {
        name: value
        for name, value in node.attrib.items()
        if _ATTRIBUTES.fullmatch(name) and _VALUE.fullmatch(value)
    }
    tag = node.tag
    if node.attrib.get("mathcolor") == _MARK:
        tag, attributes = "mrow", {"class": how}
    variant = attributes.pop("mathvariant", "")
    text = _characters(node.text or "")
    if variant == "normal" and len(text) == 1:
        attributes["mathvariant"] = "normal"
    elif variant:
        text = "".join(_letter(char, variant) for char in text)
    if tag == "menclose":
        tag, attributes = "mrow", {"class": _enclosure(attributes.get("notation", ""))}
    if tag == "mtable":
        attributes = {name: value for name, value in attributes.items() if name == "displaystyle"}
    if tag == "mtd":
        align = attributes.pop("columnalign", "")
        attributes = {"class": f"to-{align}"} if align in ("left", "right") else {}
    if tag == "mo" and text in _BARS and not attributes:
        attributes = {"stretchy": "false"}
    copied = SubElement(parent, tag, attributes)
    copied.text = text
    for child in node:
        _copy(child, copied, how)
    if tag in _ROWS:
        _join_upright(copied)
        _space_functions(copied)


def _join_upright(row: Element) -> None:
    """Upright letters side by side are one word: `\\mathrm{new}`."""
    word: Element | None = None
    for child in list(row):
        upright = child.tag == "mi" and child.attrib.get("mathvariant") == "normal"
        if not upright or len(row) == 1:
            word = None
        elif word is None:
            word = child
        else:
            word.text = (word.text or "") + (child.text or "")
            row.remove(child)
    for child in row:
        if child.tag == "mi" and len(child.text or "") > 1:
            child.attrib.pop("mathvariant", None)


def _space_functions(row: Element) -> None:
    """A thin space between the name of a function and what is no sign beside it: `y log a`."""
    children = list(row)
    for place, child in enumerate(children):
        base = child[0] if child.tag in ("msub", "msup", "msubsup") and len(child) else child
        if base.tag != "mi" or not (base.text or "").isalpha() or len(base.text or "") < 2:
            continue
        for beside, after in ((children[place - 1 : place], 0), (children[place + 1 : place + 2], 1)):
            if beside and beside[0].tag not in ("mo", "mspace", "mtext"):
                row.insert(list(row).index(child) + after, Element("mspace", {"width": "0.167em"}))


def _enclosure(notation: str) -> str:
    return "boxed" if "box" in notation else "struck" if "strike" in notation else "enclosed"


def _letter(char: str, variant: str) -> str:
    """A letter in another alphabet, which browsers show without any style."""
    if variant not in _ALPHABETS or not (char.isascii() and char.isalpha()):
        return char
    upper, lower, exceptions = _ALPHABETS[variant]
    first = upper + ord(char) - ord("A") if char.isupper() else lower + ord(char) - ord("a")
    return exceptions.get(char, chr(first))


def _characters(text: str) -> str:
    """The text of a leaf, in which latex2mathml writes signs as references."""
    return visible(_REFERENCE.sub(_character, text))


def _character(match: re.Match[str]) -> str:
    if match[1] is None:
        return html5.get(match[2], match.group())
    code = int(match[1], 16)
    return chr(code) if code < 0x110000 else "\ufffd"


def _written(node: Element) -> str:
    """The element as HTML."""
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in node.attrib.items())
    inside = escape(node.text or "") + "".join(_written(child) for child in node)
    return f"<{node.tag}{attributes}>{inside}</{node.tag}>"
