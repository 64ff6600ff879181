"""`symcnn verify`: what it makes of arguments, of readable and unreadable notes, and of what it finds."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from symcnn.cli import main
from symcnn.notes import many
from symcnn.notes.progress import ProgressBar

NOTES = """# Two formulas

Let $a = 2 b$ for a number $b$. Then

$$\\frac{\\partial a}{\\partial b} = 3$$

and $2 + 2 = 4$.
"""


@dataclass
class StandIn:
    """Stands for a report."""

    file: str
    counts: dict[str, int] = field(default_factory=dict)
    document: Any = field(default_factory=lambda: SimpleNamespace(file="a = b\r\n"))
    corrected: str = "a = b^T\r\n"

    def to_json(self) -> str:
        return json.dumps({"file": self.file, "claims": [], "counts": self.counts})

    def to_text(self, *, color: bool, width: int) -> str:
        return f"report, {'with' if color else 'without'} colour, {width} columns\n"

    def explain(self, line: int, *, color: bool, width: int) -> str:
        return f"all about line {line}\n"

    def to_html(self) -> str:
        return "<html></html>"

    def fixed(self) -> str:
        return self.corrected


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """The counts of every report; files named `no…` are refused."""
    found: dict[str, int] = {}

    def verify_many(paths: list[str], **rest: object) -> list[object]:
        return [many.Refused(p, f"{p}: absent") if p.startswith("no") else StandIn(p, found) for p in paths]

    monkeypatch.setattr(many, "verify_many", verify_many)
    return found


@pytest.mark.parametrize(
    ("verdicts", "options", "code"),
    [
        ({"holds": 3, "definition": 1}, [], 0),
        ({"fails": 1}, [], 1),
        ({"shape-wrong": 1}, [], 1),
        ({"inconsistent-with-definition": 1}, [], 1),
        ({"cannot-check": 1}, [], 0),
        ({"cannot-check": 1}, ["--strict"], 1),
        ({"fails": 1}, ["--json"], 1),
        ({"fails": 1}, ["no-such.md"], 2),
    ],
)
def test_exit_code_follows_the_verdicts(
    counts: dict[str, int], verdicts: dict[str, int], options: list[str], code: int
) -> None:
    counts.update(verdicts)
    assert main(["verify", "a.md", *options]) == code


def test_one_file_gives_an_object_and_several_give_a_list(
    counts: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["verify", "a.md", "--json"])
    assert json.loads(capsys.readouterr().out)["file"] == "a.md"
    main(["verify", "a.md", "b.md", "no.md", "--json"])
    out, error = capsys.readouterr()
    assert [report["file"] for report in json.loads(out)] == ["a.md", "b.md"]
    assert error == "symcnn verify: no.md: absent\n"


def test_only_a_terminal_gets_colour(counts: dict[str, int], capsys: pytest.CaptureFixture[str]) -> None:
    main(["verify", "a.md"])
    assert capsys.readouterr().out == "report, without colour, 100 columns\n"
    main(["verify", "a.md", "--color", "always"])
    assert capsys.readouterr().out == "report, with colour, 100 columns\n"
    main(["verify", "a.md", "--explain", "7"])
    assert capsys.readouterr().out == "all about line 7\n"


def test_the_name_of_the_output_says_what_is_written(counts: dict[str, int], tmp_path: Path) -> None:
    page, data, text = (tmp_path / name for name in ("a.html", "a.json", "a.txt"))
    for path in (page, data, text):
        main(["verify", "a.md", "-o", str(path)])
    assert page.read_text().lower().startswith("<")
    assert data.read_text().startswith("{")
    assert text.read_text().startswith("report")


def test_fix_writes_in_place_byte_for_byte(counts: dict[str, int], tmp_path: Path) -> None:
    notes = tmp_path / "a.md"
    notes.write_bytes(b"a = b\r\n")
    notes.chmod(0o640)
    main(["verify", str(notes), "--fix", "--html", str(tmp_path / "a.html")])
    assert notes.read_bytes() == b"a = b^T\r\n"
    assert notes.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "a.md"]


def test_real_notes_through_workers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text(NOTES, encoding="utf-8")
    assert main(["verify", str(notes), "--json"]) == 1
    content = json.loads(capsys.readouterr().out)
    wrong = [claim for claim in content["claims"] if claim["verdict"] == "fails"]
    assert [(claim["line"], claim["column"]) for claim in wrong] == [(5, 3)]
    assert list(wrong[0]) == [
        "line", "column", "latex", "verdict", "proof", "assumption", "reason", "correction", "counterexample",
        "wrong_terms", "related_lines",
    ]  # fmt: skip
    assert sum(content["counts"].values()) == len(content["claims"])


def test_fix_leaves_no_false_claim(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notes = tmp_path / "notes.md"
    notes.write_bytes(NOTES.replace("\n", "\r\n").encode())
    assert main(["verify", str(notes), "--fix"]) == 1
    assert notes.read_bytes() == NOTES.replace("= 3$$", "= 2$$").replace("\n", "\r\n").encode()
    assert main(["verify", str(notes)]) == 0
    assert "nothing was found wrong" in capsys.readouterr().out


def test_several_files_keep_their_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [tmp_path / f"{name}.md" for name in "cab"]
    for path in paths:
        path.write_text("$1 + 1 = 2$", encoding="utf-8")
    assert main(["verify", *map(str, paths), "--json"]) == 0
    assert [report["file"] for report in json.loads(capsys.readouterr().out)] == list(map(str, paths))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.md", None, "No such file or directory"),
        ("notes.pdf", b"%PDF", "expected a file named .md .markdown .tex .ipynb, came notes.pdf"),
        ("binary.md", b"\x89PNG\r\n\x1a\n", "expected UTF-8 text, came byte 0x89 in line 1"),
        ("half.md", b"fine\n$x = \xff$", "expected UTF-8 text, came byte 0xff in line 2"),
        ("cells.ipynb", b"{}", "expected a notebook with a list of cells"),
        ("deep.ipynb", b"[" * 100_000, "nested less deeply"),
        ("large.md", b" " * 4_000_001, "large.md has 4000001 bytes; notes can have at most 4000000"),
    ],
)
def test_unreadable_notes_are_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert main(["verify", str(path)]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.count("\n") == 1
    assert error.startswith("symcnn verify: ")
    assert message in error


def test_bindings_say_what_names_mean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text("$$\\frac{\\partial z}{\\partial b} = 2$$\n", encoding="utf-8")
    side = tmp_path / "names.toml"
    side.write_text("formulas = ['z = 2 b']\n", encoding="utf-8")
    main(["verify", str(notes), "--json"])
    assert "holds" not in json.loads(capsys.readouterr().out)["counts"]
    main(["verify", str(notes), "--bindings", str(side), "--json"])
    content = json.loads(capsys.readouterr().out)
    assert content["counts"] == {"holds": 1}
    assert (content["claims"][0]["line"], content["claims"][0]["column"]) == (1, 3)


def test_another_name_stands_for_what_it_is_bound_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text("$z = 2 b$, $\\frac{\\partial z}{\\partial c} = 2$\n", encoding="utf-8")
    side = tmp_path / "names.toml"
    side.write_text("names.c = 'b'\n", encoding="utf-8")
    main(["verify", str(notes), "--bindings", str(side), "--json"])
    assert json.loads(capsys.readouterr().out)["counts"] == {"holds": 1, "definition": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("formulas = 3", "expected a list of texts as formulas"),
        ("formulas = ['$x$']", "without dollar signs"),
        ("colour = 'red'", "expected prose, formulas, shapes, names; came colour"),
        ("names.c = 'a + b'", "expected a name in the bindings, came a + b"),
        ("[shapes", "expected TOML"),
        ("[shapes]\nW = 3", "expected texts in [shapes]"),
    ],
)
def test_bad_bindings_are_refused(
    tmp_path: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    side = tmp_path / "names.toml"
    side.write_text(text, encoding="utf-8")
    assert main(["verify", "notes.md", "--bindings", str(side)]) == 2
    assert message in capsys.readouterr().err


def test_interruption_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(paths: list[str], **rest: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(many, "verify_many", interrupted)
    assert main(["verify", "notes.md"]) == 130
    assert capsys.readouterr() == ("", "")


def test_the_progress_bar_is_for_terminals_and_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    plain, terminal = StringIO(), Terminal()
    for stream in (plain, terminal):
        with ProgressBar(stream) as bar:
            bar("notes\x1b.md", 4, 10, 1, 2)
    assert plain.getvalue() == ""
    drawn = terminal.getvalue()
    assert "1/2 files  notes␛.md  5/10" in drawn
    assert "\x1b" not in drawn
    assert drawn.endswith("\r")


def test_nothing_of_sympy_is_imported_by_the_command_itself(tmp_path: Path) -> None:
    import subprocess

    notes = tmp_path / "notes.md"
    notes.write_text("$1 + 1 = 2$", encoding="utf-8")
    code = (
        "import sys\nfrom symcnn.cli import main\n"
        f"if __name__ == '__main__':\n    main(['verify', {str(notes)!r}])\n    assert 'sympy' not in sys.modules"
    )
    script = tmp_path / "script.py"
    script.write_text(code, encoding="utf-8")
    subprocess.run([sys.executable, str(script)], check=True, capture_output=True)
