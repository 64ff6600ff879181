"""Hostile notes through the command line: a verdict or a refusal each, in bounded time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 40.0
MEGABYTES = 1_500
PWNED = "pwned-by-notes"

MILLION = 1_000_000
PAGES = {
    "long.md": "$$" + "x+" * (MILLION // 2) + "x$$",
    "open.md": "$" + "a" * MILLION,
    "dollars.md": "$" * 200_000,
    "braces.md": "$$" + "{" * 100_000 + "x" + "}" * 100_000 + "$$",
    "fractions.md": "$$" + "\\frac{1}{" * 3_000 + "x" + "}" * 3_000 + " = 1$$",
    "brackets.md": "$$" + "(" * 5_000 + "x" + ")" * 5_000 + " = 1$$",
    "lists.md": "".join("  " * depth + "- $x = 1$\n" for depth in range(300)) + "> " * 3_000 + "[" * 50_000,
    "tower.md": "$9^{9^{9^9}} = 3$ $2^{100000000} = 0$ $99999999! = 1$ $10^{10^{10}} = e^{e^{e^{e^9}}}$",
    "sums.md": "$\\sum_{i=1}^{10^{12}} i = 3$ "
    "$$\\sum_{i=1}^{10^9}\\sum_{j=1}^{10^9} x_{ij} = \\prod_{k=1}^{10^6} (x_k + y_k)$$",
    "powers.md": "$(a+b+c+d+e+f)^{200} = (a+b+c+d+e+g)^{200}$ $(a+b+c)^{1000000} = 1$",
    "sizes.md": "$W \\in \\mathbb{R}^{1000000 \\times 1000000}$, $y = W x$, $\\frac{\\partial y}{\\partial x} = W^T$",
    "unbalanced.md": "$$\\frac{1}{2 = {{{ x$$\n\n$}}}{{{ = 1$ $\\left( x = 1$ $\\end{matrix}$\n\n$$\\begin{aligned} a = b$$",
    "python.md": f"$__import__('os').system('touch {PWNED}') = 1$ $\\text{{eval}}(open('{PWNED}', 'w')) = 0$",
    "shell.tex": f"\\input{{/etc/passwd}}\\write18{{touch {PWNED}}}$\\write18{{touch {PWNED}}} = \\input{{/etc/passwd}}$",
    "macros.tex": "".join(f"\\newcommand{{\\{a}}}{{{f'{chr(92)}{b}' * 10}}}" for a, b in ["ab", "bc", "cd", "de", "ef"])
    + "\\newcommand{\\loop}{\\loop\\loop}$\\a = \\loop$",
    "html.md": "<script>alert(1)</script> [a](javascript:alert(1)) $\\text{<script>alert(2)</script>} = 1$",
    "zeros.md": "a\0b $x\0 = \0001$ \x1b]0;title\x07 $y = \x1b[31m2$",
    "cells.ipynb": json.dumps({"cells": [{"cell_type": "markdown", "source": "$x = \ud800 1$ <script>"}]}),
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_hostile_notes_are_judged_or_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(PAGES[name], encoding="utf-8", newline="")
    command = [
        sys.executable,
        "-m",
        "symcnn",
        "verify",
        name,
        "--html",
        "page.html",
        "--json",
        "-o",
        "out.json",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode in (0, 1, 2)
    assert "Traceback" not in done.stderr
    assert not (tmp_path / PWNED).exists()
    if done.returncode == 2:
        assert done.stderr.count("\n") == 1
        return
    content = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert all(claim["verdict"] != "holds" for claim in content["claims"])
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert 'href="javascript' not in page
    assert "root:" not in page


def test_memory_is_bounded(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    for name in ("long.md", "powers.md", "sums.md"):
        (tmp_path / name).write_text(PAGES[name], encoding="utf-8")
    command = [sys.executable, "-m", "symcnn", "verify", "long.md", "powers.md", "sums.md"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=SECONDS)
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert most / (1024 if sys.platform != "darwin" else 1024**2) < MEGABYTES


@pytest.mark.parametrize(
    ("name", "content"), [("half.md", b"$x = \xff\xfe$"), ("wide.md", "$x$".encode("utf-16"))]
)
def test_text_that_is_not_utf8_is_refused_with_its_line(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    command = [sys.executable, "-m", "symcnn", "verify", name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"symcnn verify: {name}: expected UTF-8 text, came byte 0xff in line 1")
