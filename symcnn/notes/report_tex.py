"""The text of a LaTeX source as HTML to read: headings, paragraphs, lists and emphasis; the rest as it stands."""

from __future__ import annotations

import re
from html import escape
from typing import Protocol

from symcnn.notes.report_marks import visible

_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*")
_LISTS = {"itemize": "ul", "enumerate": "ol", "description": "ul"}
_BLOCK = re.compile(
    r"\\(?P<heading>title|chapter|section|subsection|subsubsection|paragraph)\*?\s*(?:\[[^\]\n]{0,200}\])?"
    r"\{(?P<words>(?:[^{}]++|\{[^{}]*+\})*+)\}"
    r"|\\(?P<end>begin|end)\s*\{(?P<name>[A-Za-z]+)\*?\}(?:\[(?P<note>[^\]\n]{0,200})\])?"
    r"|(?P<item>\\item(?![A-Za-z]))[ \t]*(?:\[(?P<label>[^\]\n]{0,200})\])?"
    r"|(?P<blank>\n[ \t]*\n\s*)"
)
_LEVELS = {
    "title": "h2",
    "chapter": "h2",
    "section": "h2",
    "subsection": "h3",
    "subsubsection": "h4",
    "paragraph": "h5",
}
_STYLES = {
    "textbf": "strong",
    "emph": "em",
    "textit": "em",
    "textsl": "em",
    "texttt": "code",
    "underline": "u",
}
_STYLED = re.compile(r"\\(textbf|emph|textit|textsl|texttt|underline)\s*\{([^{}\\]*)\}")
_SILENT = re.compile(
    r"\\(?:label|vspace|hspace|index|pagestyle|thispagestyle|bibliographystyle)\*?\s*\{[^{}]*\}"
    r"|\\(?:noindent|maketitle|tableofcontents|newpage|clearpage|centering|medskip|bigskip|smallskip|par)(?![A-Za-z])\s*"
)
_SPOKEN = re.compile(r"\\(?:ref|eqref|cite[a-z]*|url)\s*(?:\[[^\]\n]{0,200}\])?\{([^{}]*)\}")
_SIGNS = (
    ("\\&amp;", "&amp;"), ("\\%", "%"), ("\\$", "$"), ("\\_", "_"), ("\\#", "#"), ("\\{", "{"), ("\\}", "}"),
    ("\\LaTeX", "LaTeX"), ("\\TeX", "TeX"), ("``", "“"), ("&#x27;&#x27;", "”"), ("---", "—"), ("--", "–"),
    ("~", "\u00a0"), ("\\ ", " "), ("\\,", "\u2009"),
)  # fmt: skip
MOST_NESTED = 6


class Fills(Protocol):
    """Puts the formulas into finished text, and says what stands below the block that holds them."""

    def fill(self, text: str) -> str: ...

    def below(self) -> str: ...


def tex_html(text: str, filler: Fills) -> str:
    """A LaTeX source, from which the formulas are taken out, as HTML; its preamble is folded away."""
    start = text.find("\\begin{document}")
    parts: list[str] = []
    if start >= 0:
        parts.append(_preamble(text[:start], filler))
        text = text[start + len("\\begin{document}") :]
    text = _COMMENT.sub(r"\1", text.partition("\\end{document}")[0])
    opened: list[str] = []
    done = 0
    for match in _BLOCK.finditer(text):
        parts.append(_paragraph(text[done : match.start()], filler))
        parts.append(_structure(match, opened, filler))
        done = match.end()
    parts.append(_paragraph(text[done:], filler))
    parts += [f"</{tag}>" for tag in reversed(opened)]
    return "\n".join(part for part in parts if part)


def _preamble(text: str, filler: Fills) -> str:
    if not text.strip():
        return ""
    return f"<details><summary>preamble</summary><pre>{filler.fill(escape(visible(text)))}</pre></details>{filler.below()}"


def _paragraph(text: str, filler: Fills) -> str:
    inside = _inline(text, filler).strip()
    return f'<div class="p">{inside}</div>{filler.below()}' if inside else ""


def _structure(match: re.Match[str], opened: list[str], filler: Fills) -> str:
    """A heading, the beginning or end of an environment, or a list item."""
    if match["heading"] is not None:
        tag = _LEVELS[match["heading"]]
        return f"<{tag}>{_inline(match['words'], filler)}</{tag}>{filler.below()}"
    if match["item"] is not None:
        label = f"<strong>{_inline(match['label'], filler)}</strong> " if match["label"] else ""
        closed = f"</{opened.pop()}>" if opened and opened[-1] == "li" else ""
        if opened and opened[-1] in ("ul", "ol"):
            opened.append("li")
            return f"{closed}<li>{label}"
        return label or "•"
    if match["end"] is None:
        return ""
    name = match["name"]
    tag = _LISTS.get(name, "section")
    if match["end"] == "begin":
        opened.append(tag)
        note = f" ({_inline(match['note'], filler)})" if match["note"] else ""
        title = "" if tag != "section" or name in ("center", "quote", "document") else name.capitalize()
        return f"<{tag}>" + (f"<strong>{escape(title)}{note}.</strong>" if title else "")
    closed = f"</{opened.pop()}>" if opened[-1:] == ["li"] and opened[-2:-1] == [tag] else ""
    if opened and opened[-1] == tag:
        return f"{closed}</{opened.pop()}>"
    return closed


def _inline(text: str, filler: Fills) -> str:
    """Running text: escaped first, so that only the tags made here are tags."""
    text = escape(visible(text)).replace("&quot;", '"')
    text = _SPOKEN.sub(r"\1", _SILENT.sub("", text))
    for _ in range(MOST_NESTED):
        text, changed = _STYLED.subn(
            lambda match: f"<{_STYLES[match[1]]}>{match[2]}</{_STYLES[match[1]]}>", text
        )
        if not changed:
            break
    text = re.sub(r"\\\\(?:\[[^\]\n]{0,20}\])?", "<br>", text)
    for sign, shown in _SIGNS:
        text = text.replace(sign, shown)
    return filler.fill(text)
