"""What the commands make of arguments, results and errors; the work behind them is played by stand-ins."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import symcnn
from symcnn.cli import main, write_whole
from symcnn.core.errors import FormulaError, UnknownName
from symcnn.models import figures, table


@dataclass
class StandIn:
    """Stands for every result of the front door, and records what was asked for."""

    passed: bool = True
    source: str = "import numpy as np\n"
    asked: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, bool]:
        return {"passed": self.passed}

    def to_html(self) -> str:
        return "<html></html>"

    def to_latex(self) -> str:
        return r"\documentclass{article}"

    def to_markdown(self) -> str:
        return "# z₁₁"


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """The front door, whose every function gives the same stand-in."""
    result = StandIn()

    def get(name: str) -> str:
        if name != "lenet5":
            raise UnknownName(f"no model {name!r};\nknown: lenet5")
        return name

    def layer(text: str, *, shapes: dict[str, str]) -> tuple[str, dict[str, str]]:
        if "]" not in text:
            raise FormulaError("expected ']'", line=1, column=4)
        return text, shapes

    def asked(**given: Any) -> StandIn:
        result.asked = given
        return result

    summary = {
        "name": "lenet5",
        "source": "LeCun 1998",
        "input": [1, 32, 32],
        "parameters": 156,
        "multiply_adds": 117600,
        "layers": [{"name": "conv1", "type": "conv2d", "output_shape": [6, 28, 28], "parameters": 156}],
    }
    models = SimpleNamespace(MODELS=table.MODELS, figures=figures, get=get, summary=lambda net: summary)
    monkeypatch.setattr(symcnn, "models", models, raising=False)
    monkeypatch.setattr(symcnn, "layer", layer, raising=False)
    monkeypatch.setattr(symcnn, "derive", lambda what, **rest: asked(what=what, **rest), raising=False)
    monkeypatch.setattr(symcnn, "emit", lambda what, *styles, **rest: asked(what=what, **rest), raising=False)
    monkeypatch.setattr(symcnn, "check", lambda what, **rest: asked(what=what, **rest), raising=False)
    return result


@pytest.mark.parametrize(
    ("arguments", "first"),
    [
        (["-o", "{}/net.tex"], r"\documentclass"),
        (["-o", "{}/net.html"], "<html>"),
        (["-o", "{}/net.md"], "# z"),
        (["-o", "{}/net.txt"], "# z"),
        (["-o", "{}/net.md", "--format", "latex"], r"\documentclass"),
    ],
)
def test_derive_chooses_the_format(door: StandIn, tmp_path: Path, arguments: list[str], first: str) -> None:
    assert main(["derive", "lenet5", *(argument.format(tmp_path) for argument in arguments)]) == 0
    (written,) = tmp_path.iterdir()
    assert written.read_text(encoding="utf-8").startswith(first)


def test_formula_lines_and_shapes_reach_the_layer(door: StandIn) -> None:
    formulas = ["--formula", "m[c] = mean[n](x[n,c])", "--formula", "y[n,c] = x[n,c] - m[c]"]
    assert main(["derive", *formulas, "--shape", "x=N,C", "--wrt", "x"]) == 0
    text = "m[c] = mean[n](x[n,c])\ny[n,c] = x[n,c] - m[c]"
    assert door.asked == {"what": (text, {"x": "N,C"}), "wrt": ["x"]}


@pytest.mark.parametrize("passed", [True, False])
def test_check_exits_by_the_evidence(door: StandIn, passed: bool, capsys: pytest.CaptureFixture[str]) -> None:
    door.passed = passed
    assert main(["check", "lenet5", "--json"]) == (0 if passed else 1)
    assert json.loads(capsys.readouterr().out) == {"passed": passed}


def test_show_prints_a_table_or_json(door: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "lenet5"]) == 0
    table = capsys.readouterr().out
    assert "6 x 28 x 28" in table
    assert table.endswith("156 parameters, 117,600 multiply-adds for one input\n")
    main(["show", "lenet5", "--json"])
    assert json.loads(capsys.readouterr().out)["layers"][0]["output_shape"] == [6, 28, 28]


def test_show_refuses_a_style_without_the_program(door: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "lenet5", "--style", "fast"]) == 2
    assert "--style goes with --program" in capsys.readouterr().err


def test_models_are_listed_one_a_line(door: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    heading, _, *lines = capsys.readouterr().out.splitlines()
    assert heading.split() == ["name", "input", "parameters", "multiply-adds", "source"]
    assert [line.split()[0] for line in lines] == list(table.MODELS)
    row = next(line for line in lines if line.startswith("resnet18 "))
    assert "3 x 224 x 224" in row
    assert "11,689,512" in row


def test_models_as_json(door: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in listed] == list(table.MODELS)
    assert set(listed[0]) == {"name", "source", "input", "parameters", "multiply_adds"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "lenet6"], "expected one of the models"),
        (["derive"], "expected either a model's name or --formula"),
        (["derive", "lenet5", "--formula", "y[i] = x[i]"], "not both"),
        (["emit", "--formula", "y[i = 1"], "line 1, column 4: expected ']'"),
        (["emit", "--formula", "y[i] = x[i]", "--shape", "x"], "expected NAME=AXES, such as x=N,D; came 'x'"),
        (["emit", "--formula", "y[i] = x[i]", "--shape", "x=N", "--shape", "x=M"], "x is given twice"),
        (["emit", "lenet5", "--shape", "x=N"], "--shape goes with --formula"),
        (["verify", "a.md", "b.md", "--html", "out.html"], "--html takes one file"),
        (["emit", "lenet5", "-o", "missing-folder/net.py"], "missing-folder"),
        (["emit", "lenet5", "-o", "."], "directory"),
    ],
)
def test_refusals_are_one_line(
    door: StandIn, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert message in error
    assert error.startswith(f"symcnn {arguments[0]}: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["verify"], ["show", "--nonsense", "x"], ["verify", "x", "--explain", "b"]]
)
def test_wrong_usage_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(arguments)
    assert leaving.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "--help" in error


def test_interruption_is_quiet(
    door: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(subject: str, *styles: str, **rest: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(symcnn, "emit", interrupted)
    assert main(["emit", "lenet5"]) == 130
    assert capsys.readouterr() == ("", "")


def test_a_defect_is_not_dressed_as_bad_input(door: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    def defective(subject: str, *styles: str, **rest: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(symcnn, "emit", defective)
    with pytest.raises(KeyError):
        main(["emit", "lenet5"])


def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "net.py"
    target.write_text("old", encoding="utf-8")

    def full(handle: int, mode: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("symcnn.cli.os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(target, "new")
    assert target.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_links_are_followed_and_new_files_are_readable(tmp_path: Path) -> None:
    link = tmp_path / "link.md"
    link.symlink_to(tmp_path / "real.md")
    write_whole(link, "text")
    assert link.is_symlink()
    assert (tmp_path / "real.md").read_text(encoding="utf-8") == "text"
    assert (tmp_path / "real.md").stat().st_mode & 0o600 == 0o600
