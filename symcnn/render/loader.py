"""Templates: found beside the installed package or in the checkout; an undefined name in one is an error."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2

from symcnn.core.errors import SymcnnError

PACKAGE = Path(__file__).resolve().parent.parent
PLACES = (PACKAGE / "_templates", PACKAGE.parent / "templates")


class TemplatesMissing(SymcnnError):
    """An installation without its templates; names the places that were looked at."""


@cache
def templates() -> jinja2.Environment:
    """The environment of all templates, addressed as ``numpy/network.py.jinja``. Raises TemplatesMissing."""
    folder = next((place for place in PLACES if place.is_dir()), None)
    if folder is None:
        looked = " and ".join(str(place) for place in PLACES)
        raise TemplatesMissing(f"expected a folder of templates, found none at {looked}")
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(("html", "html.jinja")),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(name: str, **values: object) -> str:
    """Template ``name`` with ``values``. Raises TemplatesMissing where there is no such template."""
    try:
        template = templates().get_template(name)
    except jinja2.TemplateNotFound:
        looked = " and ".join(str(place / name) for place in PLACES)
        raise TemplatesMissing(f"expected the template {name}, found none at {looked}") from None
    return template.render(values)
