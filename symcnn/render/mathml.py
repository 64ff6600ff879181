"""Formulas as MathML: latex2mathml's tree, mended where browsers would show something else than LaTeX does."""

from __future__ import annotations

from functools import lru_cache
from xml.etree import ElementTree

from latex2mathml.converter import convert

MATHML = "http://www.w3.org/1998/Math/MathML"
LIMITS = frozenset({"max", "min", "arg max", "arg min", "∑", "∏"})
FENCES = frozenset("⌊⌋|")
BOLD = {"1": "𝟏"}

ElementTree.register_namespace("", MATHML)


@lru_cache(maxsize=8192)
def mathml(latex: str, *, display: bool = False) -> str:
    """``<math>`` for a formula that our printer wrote.

    >>> mathml("x_{1}")
    '<math><msub><mi>x</mi><mn>1</mn></msub></math>'
    """
    spoken = latex.replace(r"\arg\max", r"\operatorname{argmax}").replace(
        r"\arg\min", r"\operatorname{argmin}"
    )
    root = ElementTree.fromstring(convert(spoken, display="block" if display else "inline"))
    for node in root.iter():
        node.tag = node.tag.removeprefix(f"{{{MATHML}}}")
    _mend(root, display)
    attributes = {"display": "block"} if display else {}
    root.attrib.clear()
    root.attrib.update(attributes)
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)


def _mend(node: ElementTree.Element, display: bool) -> None:
    """Mend a node and all under it."""
    for child in list(node):
        _mend(child, display)
    _join_words(node)
    if node.tag in ("mrow", "mtd", "math"):
        _drop_empty(node)
    _enclose(node)
    _name(node)
    _set_limits(node, display)
    if node.tag == "mtable":
        _style_cells(node)
    for place, child in enumerate(list(node)):
        if child.tag == "mrow" and len(child) == 1 and not child.attrib:
            node[place] = child[0]


def _join_words(node: ElementTree.Element) -> None:
    """Letters of one upright word become one identifier."""
    word: ElementTree.Element | None = None
    for child in list(node):
        upright = child.tag == "mi" and child.attrib.get("mathvariant") == "normal"
        if not upright:
            word = None
            continue
        if word is None:
            word = child
            continue
        word.text = (word.text or "") + (child.text or "")
        node.remove(child)
    for child in node:
        if child.tag == "mi" and len(child.text or "") > 1:
            child.attrib.pop("mathvariant", None)


def _drop_empty(node: ElementTree.Element) -> None:
    for child in list(node):
        if child.tag == "mo" and not (child.text or ""):
            node.remove(child)


def _enclose(node: ElementTree.Element) -> None:
    """A matrix and its brackets become one row, so that the brackets fit it and not its neighbours."""
    children = list(node)
    for place in range(1, len(children) - 1):
        left, table, right = children[place - 1 : place + 2]
        if table.tag == "mtable" and left.text == "[" and right.text == "]":
            row = ElementTree.Element("mrow")
            node.insert(list(node).index(left), row)
            for part in (left, table, right):
                node.remove(part)
                row.append(part)


def _name(node: ElementTree.Element) -> None:
    """Function names are identifiers, brackets of a floor are fences, the indicator's 1 is bold."""
    words = node.text or ""
    if node.tag == "mo" and words in ("argmax", "argmin"):
        node.text = f"{words[:3]} {words[3:]}"
    elif node.tag == "mo" and words.isalpha() and len(words) > 1 and words not in ("max", "min", "mod"):
        node.tag = "mi"
        node.attrib.clear()
    elif node.tag == "mi" and words in FENCES:
        node.tag = "mo"
        node.attrib["stretchy"] = "false"
    elif node.attrib.get("mathvariant") == "bold" and words in BOLD:
        node.text = BOLD[words]
        del node.attrib["mathvariant"]


def _set_limits(node: ElementTree.Element, display: bool) -> None:
    """Limits of Σ, max and arg max stand below in displays."""
    scripts = {"msub": "munder", "msubsup": "munderover", "msup": "mover"}
    if display and node.tag in scripts and len(node) and node[0].tag == "mo" and node[0].text in LIMITS:
        node.tag = scripts[node.tag]
        node[0].attrib["movablelimits"] = "false"


def _style_cells(table: ElementTree.Element) -> None:
    """Alignment and lines of an array, which MathML Core leaves to style."""
    columns = table.attrib.pop("columnlines", "").split()
    lines = table.attrib.pop("rowlines", "").split()
    rows = [row for row in table if row.tag == "mtr"]
    for number, row in enumerate(rows):
        for place, cell in enumerate(row):
            rules = []
            side = cell.attrib.pop("columnalign", "center")
            if side != "center":
                rules.append("text-align:left" if side == "left" else "text-align:right")
            if place and place - 1 < len(columns) and columns[place - 1] == "solid":
                rules.append("border-left:1px solid")
            if number and number - 1 < len(lines) and lines[number - 1] == "solid":
                rules.append("border-top:1px solid")
            if rules:
                cell.attrib["style"] = ";".join(rules)
