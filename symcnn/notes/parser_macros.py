"""A user's macros: reading their definitions, and putting their bodies in place, token by token.

Tokens of a body take the span of the whole use of the macro; tokens of an argument keep their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from symcnn.notes.marks import Span
from symcnn.notes.tokens import Macro, NotationError, Token, braced, tokenize

MAX_TOKENS = 100_000
MAX_DEPTH = 40

_DEFINITION = re.compile(
    r"\\(?P<how>newcommand|renewcommand|providecommand|DeclareRobustCommand|DeclareMathOperator|def|gdef)"
    r"(?P<star>\*?)\s*(?:\{\s*\\(?P<braced>[A-Za-z]+|[^A-Za-z])\s*\}|\\(?P<bare>[A-Za-z]+|[^A-Za-z]))"
    r"\s*(?:\[(?P<count>\d)\]\s*(?:\[(?P<default>[^\]]*)\])?|(?P<parameters>(?:#\d)*))"
)


def definition(text: str, at: int) -> tuple[Macro, int] | None:
    """The macro that a definition starting at `at` makes, and where it ends; None where there is none."""
    match = _DEFINITION.match(text, at)
    if match is None:
        return None
    body = braced(text, match.end())
    if body is None:
        return None
    name = match["braced"] or match["bare"]
    source = text[body[0] : body[1]]
    if match["how"] == "DeclareMathOperator":
        source = f"\\operatorname{match['star']}{{{source}}}"
    count = int(match["count"] or (match["parameters"] or "").count("#"))
    return Macro(name, count, source, match["default"]), body[1] + 1


def without_definitions(latex: str) -> tuple[str, dict[str, Macro]]:
    """The formula with its own definitions blanked out, so that positions stay, and those definitions."""
    macros: dict[str, Macro] = {}
    for match in re.finditer(
        r"\\(?:new|renew|provide)command|\\DeclareMathOperator|\\g?def(?![A-Za-z])", latex
    ):
        found = definition(latex, match.start())
        if found is not None:
            macro, end = found
            macros[macro.name] = macro
            latex = latex[: match.start()] + " " * (end - match.start()) + latex[end:]
    return latex, macros


def expand(tokens: list[Token], macros: Mapping[str, Macro], latex: str) -> list[Token]:
    """The tokens with every macro replaced by its body.

    Raises NotationError for a macro that lacks arguments, and where the expansion is too long or too deep.
    """
    if not macros:
        return tokens
    return _Expansion(macros, latex).run(tokens, 0)


class _Expansion:
    def __init__(self, macros: Mapping[str, Macro], latex: str) -> None:
        self.macros = macros
        self.latex = latex
        self.bodies: dict[str, list[Token]] = {}
        self.count = 0

    def run(self, tokens: list[Token], depth: int) -> list[Token]:
        result: list[Token] = []
        place = 0
        while place < len(tokens):
            token = tokens[place]
            place += 1
            if token.kind != "command" or token.text not in self.macros:
                result.append(token)
                continue
            macro = self.macros[token.text]
            arguments, place = self._arguments(macro, tokens, place, token)
            if depth >= MAX_DEPTH:
                raise NotationError(f"expected macros nested at most {MAX_DEPTH} deep", token.span.start)
            span = Span(token.span.start, tokens[place - 1].span.end)
            body = self._filled(self._body(macro, span), arguments)
            self.count += len(body)
            if self.count > MAX_TOKENS:
                raise NotationError(f"expected macros to give at most {MAX_TOKENS} tokens", token.span.start)
            result.extend(self.run(body, depth + 1))
        return result

    def _body(self, macro: Macro, span: Span) -> list[Token]:
        if macro.name not in self.bodies:
            self.bodies[macro.name] = tokenize(macro.body)
        return [replace(token, span=span) for token in self.bodies[macro.name]]

    def _arguments(
        self, macro: Macro, tokens: list[Token], place: int, user: Token
    ) -> tuple[list[list[Token]], int]:
        arguments: list[list[Token]] = []
        if macro.default is not None and macro.parameters:
            if place < len(tokens) and tokens[place].text == "[":
                end = next((i for i in range(place, len(tokens)) if tokens[i].text == "]"), None)
                if end is None:
                    raise NotationError(
                        f"expected ] to close the argument of \\{macro.name}", user.span.start
                    )
                arguments.append(tokens[place + 1 : end])
                place = end + 1
            else:
                arguments.append([replace(token, span=user.span) for token in tokenize(macro.default)])
        while len(arguments) < macro.parameters:
            if place >= len(tokens):
                wanted = f"expected {macro.parameters} arguments of \\{macro.name}, came {len(arguments)}"
                raise NotationError(wanted, user.span.start)
            end = _argument_end(tokens, place)
            inner = tokens[place + 1 : end - 1] if tokens[place].kind == "open" else tokens[place:end]
            arguments.append(inner)
            place = end
        return arguments, place

    def _filled(self, body: list[Token], arguments: list[list[Token]]) -> list[Token]:
        result: list[Token] = []
        place = 0
        while place < len(body):
            token = body[place]
            following = body[place + 1] if place + 1 < len(body) else None
            if token.text == "#" and following is not None and following.kind == "digit":
                number = int(following.text)
                result.extend(arguments[number - 1] if 0 < number <= len(arguments) else [])
                place += 2
                continue
            if token.kind in ("text", "operatorname") and "#" in token.text:
                token = replace(token, text=self._filled_text(token.text, arguments))
            result.append(token)
            place += 1
        return result

    def _filled_text(self, text: str, arguments: list[list[Token]]) -> str:
        for number, argument in enumerate(arguments, 1):
            written = self.latex[argument[0].span.start : argument[-1].span.end] if argument else ""
            text = text.replace(f"#{number}", written)
        return text


def _argument_end(tokens: list[Token], place: int) -> int:
    """Where the argument that begins at `place` ends: after its braces, or after one token."""
    if tokens[place].kind != "open":
        return place + 1
    depth = 0
    for end in range(place, len(tokens)):
        depth += {"open": 1, "close": -1}.get(tokens[end].kind, 0)
        if depth == 0:
            return end + 1
    raise NotationError("expected a closing brace", tokens[place].span.start)
