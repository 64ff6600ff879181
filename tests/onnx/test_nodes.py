"""The standard layers against the results that ONNX expects of its nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

onnx = pytest.importorskip("onnx")

from tests.onnx.node_table import Row, table  # noqa: E402

pytestmark = [pytest.mark.onnx, pytest.mark.slow]
TABLE = Path(__file__).with_name("nodes.md")
HEAD = """# Standard layers against ONNX's node cases

Every case of one node in `onnx.backend.test`, run through `forward` of the emitted layer in double precision: equal to
the expected result, which is in single precision, to 1e-5. ONNX {version}.

| operator | cases | usable | right | not usable, or wrong |
|---|---|---|---|---|
"""


def written(rows: list[Row]) -> str:
    """The table."""
    lines = []
    for row in rows:
        remarks = [f"{count} × {reason}" for reason, count in sorted(row.reasons.items())]
        remarks += [f"WRONG {reason}" for reason in sorted(row.wrong) if reason]
        lines.append(f"| {row.operator} | {row.cases} | {row.usable} | {row.right} | {'; '.join(remarks)} |")
    counts = [sum(getattr(row, name) for row in rows) for name in ("cases", "usable", "right")]
    lines.append(f"| **all {len(rows)}** | {counts[0]} | {counts[1]} | {counts[2]} | |")
    return HEAD.format(version=onnx.__version__) + "\n".join(lines) + "\n"


def test_every_node_agrees(regen: bool) -> None:
    rows = table()
    text = written(rows)
    if regen:
        TABLE.write_text(text, encoding="utf-8")
    wrong = {row.operator: list(row.wrong) for row in rows if row.right < 0.95 * row.usable}
    assert not wrong
    recorded = TABLE.read_text(encoding="utf-8")
    if f"ONNX {onnx.__version__}." in recorded:
        assert text == recorded
