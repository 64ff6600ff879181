"""Options and fixtures that every test room shares."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--regen` rewrites checked-in output instead of comparing with it."""
    parser.addoption("--regen", action="store_true", help="rewrite the files under generated/")


@pytest.fixture(scope="session")
def regen(pytestconfig: pytest.Config) -> bool:
    """Whether checked-in output is to be rewritten."""
    return bool(pytestconfig.getoption("--regen"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_notes() -> Path:
    """The notes that lie beside the repository; tests that read them skip where they are absent."""
    notes = ROOT.parent / "shared" / "notes"
    if not notes.is_dir():
        pytest.skip(f"{notes.name} beside the repository is absent")
    return notes
