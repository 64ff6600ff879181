"""Names and letters that are set in a font."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symcnn.notes.parser_tables import NAMES
from symcnn.notes.tree import Accent, Empty, Juxtapose, Node, Number, Script, Styled, Symbol, Text, Word

if TYPE_CHECKING:
    from symcnn.notes.parser_atoms import Atoms


def in_font(parser: Atoms, font: str, start: int) -> Node:
    name = _braced_name(parser)
    if name and (font in ("rm", "sf", "tt", "it") or "_" in name or name.lower() in NAMES):
        parser.at += len(name) + 2
        return Word(parser.since(start), name, font)
    if not (parser.peek().kind in ("open", "letter", "digit") or parser.names_symbol(parser.peek())):
        raise parser.error("what to set in the font")
    body = parser.argument()
    return styled(parser, font, body, start)


def _braced_name(parser: Atoms) -> str:
    r"""The one word of letters, digits and escaped underscores, `inv\_std`, in the braces that come, or nothing."""
    if not parser.next_is("open"):
        return ""
    ahead, name = 1, ""
    while (
        parser.peek(ahead).kind in ("letter", "digit")
        or (parser.peek(ahead).text == "-" and len(name) > 1)
        or (parser.peek(ahead).kind == "command" and parser.peek(ahead).text == "_" and name)
    ):
        name += parser.peek(ahead).text
        ahead += 1
    hyphens = [part for part in name.split("-") if len(part) < 2]
    if (
        parser.peek(ahead).kind != "close"
        or len(name) < 2
        or not name[0].isalpha()
        or ("-" in name and hyphens)
    ):
        return ""
    return name


def styled(parser: Atoms, font: str, body: Node, start: int) -> Node:
    """The body in a font; the font goes to the letter where there is only one."""
    span = parser.since(start)
    match body:
        case Symbol(name=name):
            return Symbol(span, name, body.font or font)
        case Script(base=Symbol() | Accent() as base):
            return replace(body, span=span, base=_in_font(base, font))
        case Accent(body=Symbol() as inner):
            return replace(body, span=span, body=_in_font(inner, font))
        case Juxtapose(parts=parts) if font == "rm" and all(_is_letter(part) for part in parts):
            return Word(span, "".join(part.name for part in parts if isinstance(part, Symbol)), font)
        case Empty() | Word() | Styled() | Text():
            return replace(body, span=span)
        case Number():
            return Symbol(span, body.span.of(parser.latex), font)
    return Styled(span, font, body)


def _is_letter(node: Node) -> bool:
    return isinstance(node, Symbol) and len(node.name) == 1


def _in_font(node: Node, font: str) -> Node:
    match node:
        case Symbol():
            return replace(node, font=node.font or font)
        case Accent(body=Symbol() as inner):
            return replace(node, body=_in_font(inner, font))
    return node
