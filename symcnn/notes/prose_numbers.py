"""Claims about numbers in running text."""

from __future__ import annotations

from symcnn.notes.claims import Piece
from symcnn.notes.extract import Document
from symcnn.notes.facts import Facts
from symcnn.notes.verdict import Claim


def claims(document: Document, found: list[Piece], facts: Facts, lines: list[int]) -> list[Claim]:
    return []
