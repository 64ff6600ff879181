"""The command as a process: what it imports, and how it ends when its reader goes away."""

from __future__ import annotations

import os
import subprocess
import sys

HEAVY = ("sympy", "numpy", "jinja2", "markdown_it", "latex2mathml")


def test_the_command_line_alone_imports_nothing_heavy() -> None:
    program = (
        "import sys, symcnn.cli\n"
        "try:\n    symcnn.cli.main(['--help'])\n"
        "except SystemExit as leaving:\n    assert leaving.code == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: symcnn")
    assert done.stderr.strip() == "[]"


def test_a_reader_that_goes_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "symcnn", "models"],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode == 141


def test_unreadable_notes_are_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "symcnn", "verify", "absent.md"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "absent.md" in done.stderr
    assert done.stderr.count("\n") == 1


def test_show_prints_the_array_program_of_a_formula() -> None:
    words = ["show", "--program", "--formula", "y[n] = sum[k](x[n,k]**2)", "--shape", "x=N,K"]
    done = subprocess.run(
        [sys.executable, "-m", "symcnn", *words], capture_output=True, text=True, check=True
    )
    assert "\n(1) y[n] = sum[k](x[n,k]**2)\n" in done.stdout
    assert "y = sum " in done.stdout
    assert done.stderr == ""
