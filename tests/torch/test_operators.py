"""The standard layers against PyTorch's own samples of its operators: values and gradients in float64."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest", reason="PyTorch's operator database needs expecttest")

from tests.torch.operator_table import Row, measure, operators  # noqa: E402

pytestmark = [pytest.mark.torch]
TABLE = Path(__file__).with_name("operators.md")
QUICK = ("linear", "conv1d", "glu", "layer_norm", "kl_div", "smooth_l1_loss", "softplus", "pixel_shuffle")
HEAD = """# Standard layers against PyTorch's operator database

Every float64 sample of `torch.testing`'s database that needs a gradient, run through `forward` and `vjp` of the
emitted layer and through PyTorch: value and every gradient agree to 1e-9 of the largest entry. PyTorch {version}.

| operator | samples | usable | right | not usable, or wrong |
|---|---|---|---|---|
"""


def written(rows: list[Row]) -> str:
    """The table."""
    lines = []
    for row in rows:
        remarks = [f"{count} × {reason}" for reason, count in sorted(row.reasons.items())]
        remarks += [f"WRONG {count} × {reason}" for reason, count in sorted(row.wrong.items())]
        lines.append(f"| {row.operator} | {row.cases} | {row.usable} | {row.right} | {'; '.join(remarks)} |")
    counts = [sum(getattr(row, name) for row in rows) for name in ("cases", "usable", "right")]
    lines.append(f"| **all {len(rows)}** | {counts[0]} | {counts[1]} | {counts[2]} | |")
    return HEAD.format(version=torch.__version__.split("+")[0]) + "\n".join(lines) + "\n"


def test_quick_operators_agree() -> None:
    for name, op in operators():
        if name.removeprefix("nn.functional.") in QUICK:
            row = measure(name, op)
            assert row.usable, name
            assert row.right == row.usable, (name, row.wrong)


@pytest.mark.slow
def test_every_operator_agrees(regen: bool) -> None:
    rows = [measure(name, op) for name, op in sorted(operators(), key=lambda pair: pair[0])]
    text = written(rows)
    if regen:
        TABLE.write_text(text, encoding="utf-8")
    wrong = {row.operator: dict(row.wrong) for row in rows if row.right < 0.95 * row.usable}
    assert not wrong
    assert sum(row.usable for row in rows) > 4000
    recorded = TABLE.read_text(encoding="utf-8")
    if f"PyTorch {torch.__version__.split('+')[0]}." in recorded:
        assert text == recorded
