"""Templates are found, and what is missing is named."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from symcnn.render import loader


@pytest.fixture(autouse=True)
def fresh() -> None:
    loader.templates.cache_clear()


def test_an_undefined_name_in_a_template_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        loader.templates().from_string("{{ nothing }}").render()


def test_a_missing_template_is_named() -> None:
    with pytest.raises(loader.TemplatesMissing, match=r"expected the template numpy/none\.jinja"):
        loader.render("numpy/none.jinja")


def test_a_missing_folder_names_the_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(loader, "PLACES", (tmp_path / "a", tmp_path / "b"))
    with pytest.raises(loader.TemplatesMissing, match=r"found none at .*a and .*b"):
        loader.templates()
    loader.templates.cache_clear()
