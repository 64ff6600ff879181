"""The `symcnn` command: reads arguments, calls the front door, writes the result.

SymPy is imported by the command that needs it, so that `symcnn --help` answers at once. Results go to
standard output or to the file named by `-o`, which is replaced whole or not at all. Exit codes: 0 fine,
1 a check failed (a false formula, a gradient mismatch), 2 wrong usage or unreadable input.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from symcnn.core.files import write_whole

if TYPE_CHECKING:
    import symcnn as sc
    from symcnn.notes.verdict import Report

FINE, FAILED, UNUSABLE = 0, 1, 2
INTERRUPTED, PIPE_CLOSED = 130, 141  # as a shell reports SIGINT and SIGPIPE

FALSE = ("fails", "inconsistent-with-definition", "shape-wrong")
UNPROVED = (*FALSE, "cannot-check")
FORMATS = {".tex": "latex", ".html": "html", ".htm": "html", ".md": "markdown"}


class UsageError(Exception):
    """Arguments that argparse accepts one by one, but that do not go together."""


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(UNUSABLE, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        try:
            return _guarded(_parser().parse_args(argv))
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The interpreter flushes standard output once more on its way out; let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def _guarded(arguments: argparse.Namespace) -> int:
    """Run the command; input that cannot be used becomes one line on standard error."""
    from symcnn.core.errors import SymcnnError

    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code: int = arguments.run(arguments)
    except BrokenPipeError:
        raise
    except OSError as error:
        name = error.filename if error.filename is not None else "input"
        return _refuse(arguments, f"{name}: {error.strerror or error}")
    except (SymcnnError, UsageError) as error:
        return _refuse(arguments, str(error))
    return code


def _refuse(arguments: argparse.Namespace, message: str) -> int:
    line = " ".join(message.split())
    print(f"symcnn {arguments.command}: {line}", file=sys.stderr)
    return UNUSABLE


# --- the commands ------------------------------------------------------------------------------------


def _verify(arguments: argparse.Namespace) -> int:
    from symcnn.notes.many import Refused, verify_many
    from symcnn.notes.progress import ProgressBar

    form = _report_form(arguments)
    if (arguments.html or form == "html") and len(arguments.files) > 1:
        raise UsageError("--html takes one file of notes, so that one page is written")
    with ProgressBar(sys.stderr) as progress:
        results = verify_many(arguments.files, bindings=arguments.bindings, progress=progress)
    reports = [result for result in results if not isinstance(result, Refused)]
    refusals = [result.message for result in results if isinstance(result, Refused)]
    if reports:
        _deliver(_verdicts(arguments, reports, form), arguments.output)
    if arguments.html and reports:
        write_whole(arguments.html, reports[0].to_html())
    if arguments.fix:
        for report in reports:
            _fix(report)
    for message in refusals:
        _refuse(arguments, message)
    bad = UNPROVED if arguments.strict else FALSE
    failed = any(report.counts.get(verdict) for report in reports for verdict in bad)
    return UNUSABLE if refusals else FAILED if failed else FINE


def _report_form(arguments: argparse.Namespace) -> str:
    """What the report is written as: by the options, otherwise by the name of the output file."""
    if arguments.json:
        return "json"
    if arguments.explain is not None:
        return "explain"
    named = Path(arguments.output or "").suffix.lower()
    return "json" if named == ".json" else "html" if FORMATS.get(named) == "html" else "text"


def _verdicts(arguments: argparse.Namespace, reports: list[Report], form: str) -> str:
    """The reports in the form that was asked for; one file gives its JSON object, several give a list."""
    if form == "html":
        return reports[0].to_html()
    color = not arguments.output and _colored(arguments.color)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() and not arguments.output else 100
    if form == "json":
        documents = [report.to_json() for report in reports]
        return documents[0] if len(arguments.files) == 1 else "[\n" + ",\n".join(documents) + "\n]"
    if form == "explain":
        texts = [report.explain(arguments.explain, color=color, width=width) for report in reports]
    else:
        texts = [report.to_text(color=color, width=width) for report in reports]
    return "\n".join(texts)


def _fix(report: Report) -> None:
    """Put the corrections into the file, if there are any."""
    corrected = report.fixed()
    if corrected != report.document.file:
        write_whole(report.file, corrected)


def _derive(arguments: argparse.Namespace) -> int:
    import symcnn as sc

    kind = arguments.format or FORMATS.get(Path(arguments.output or "").suffix.lower(), "markdown")
    subject = _subject(arguments)
    with _progress("deriving"):
        document = sc.derive(subject, wrt=arguments.wrt)
        match kind:
            case "latex":
                text = document.to_latex()
            case "html":
                text = document.to_html()
            case _:
                text = document.to_markdown()
    _deliver(text, arguments.output)
    return FINE


def _emit(arguments: argparse.Namespace) -> int:
    import symcnn as sc

    subject = _subject(arguments)
    with _progress("emitting"):
        emitted = sc.emit(subject, arguments.style, exact=arguments.exact, target=arguments.target)
    if arguments.explain:
        print(
            emitted.choices or "nothing was chosen: the readable style computes what the equations say",
            file=sys.stderr,
        )
    _deliver(emitted.source, arguments.output)
    return FINE


def _check(arguments: argparse.Namespace) -> int:
    import symcnn as sc

    subject = _subject(arguments)
    with _progress("checking"):
        evidence = sc.check(subject)
    if arguments.json:
        text = json.dumps(evidence.to_dict(), indent=2, ensure_ascii=False)
    else:
        text = evidence.to_text()
    _deliver(text, arguments.output)
    return FINE if evidence.passed else FAILED


def _show(arguments: argparse.Namespace) -> int:
    import symcnn as sc

    subject = _subject(arguments)
    if arguments.program:
        from symcnn.front import program

        _deliver(program(subject, arguments.style or "readable"), arguments.output)
        return FINE
    if arguments.style:
        raise UsageError("--style goes with --program")
    if not isinstance(subject, sc.Network):
        raise UsageError("expected a model's name, got a layer; try --program, derive or check")
    if arguments.toml:
        _deliver(sc.dump(subject), arguments.output)
        return FINE
    summary = sc.models.summary(subject)
    if arguments.json:
        text = json.dumps(summary, indent=2, ensure_ascii=False)
    else:
        text = _table(summary)
    _deliver(text, arguments.output)
    return FINE


def _table(summary: dict[str, Any]) -> str:
    """The layers with their shapes and parameter counts, one a line."""
    rows = [("layer", "type", "output shape", "parameters")]
    for layer in summary["layers"]:
        rows.append((layer["name"], layer["type"], _shape(layer["output_shape"]), f"{layer['parameters']:,}"))
    lines = _columns(rows, right=(3,))
    heading = f"{summary['name']} ({summary['source']})" if summary["source"] else summary["name"]
    totals = f"{summary['parameters']:,} parameters, {summary['multiply_adds']:,} multiply-adds for one input"
    return "\n".join([heading, f"input {_shape(summary['input'])}", "", *lines, "", totals])


def _columns(rows: Sequence[Sequence[str]], right: Sequence[int]) -> list[str]:
    """Rows as aligned lines, the first a heading; the columns ``right`` end flush."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def _shape(axes: Sequence[object]) -> str:
    return " x ".join(str(axis) for axis in axes) or "scalar"


def _models(arguments: argparse.Namespace) -> int:
    import symcnn as sc

    entries = list(sc.models.MODELS.values())
    if arguments.json:
        text = json.dumps([sc.models.figures(entry) for entry in entries], indent=2, ensure_ascii=False)
    else:
        heading = ("name", "input", "parameters", "multiply-adds", "source")
        rows = [
            (e.name, _shape(e.input), f"{e.parameters:,}", f"{e.multiply_adds:,}", e.source) for e in entries
        ]
        text = "\n".join(_columns([heading, *rows], right=(2, 3)))
    _deliver(text, arguments.output)
    return FINE


def _subject(arguments: argparse.Namespace) -> sc.Network | sc.Layer:
    """The network or layer that the arguments name, or that their formulas state."""
    import symcnn as sc
    from symcnn.front import subject_of

    formulas = getattr(arguments, "formula", None)
    if bool(arguments.model) == bool(formulas):
        raise UsageError("expected either a model's name or --formula" + (", not both" if formulas else ""))
    if not formulas:
        if getattr(arguments, "shape", None):
            raise UsageError("--shape goes with --formula; a model states its own shapes")
        return subject_of(arguments.model)
    shapes: dict[str, str] = {}
    for binding in arguments.shape:
        name, equals, axes = binding.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--shape: expected NAME=AXES, such as x=N,D; came {binding!r}")
        if name.strip() in shapes:
            raise UsageError(f"--shape: {name.strip()} is given twice")
        shapes[name.strip()] = axes.strip()
    return sc.layer("\n".join(formulas), shapes=shapes)


# --- output ------------------------------------------------------------------------------------------


def _deliver(text: str, output: str | None) -> None:
    """Write a result to the named file, or to standard output; it ends with one line break."""
    text = text.rstrip("\n") + "\n"
    if output is None or output == "-":
        sys.stdout.write(text)
    else:
        write_whole(output, text)


def _colored(choice: str) -> bool:
    if choice == "auto":
        return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return choice == "always"


@contextlib.contextmanager
def _progress(doing: str) -> Iterator[None]:
    """Say on a terminal what is going on, and wipe it out when it is over."""
    if not sys.stderr.isatty():
        yield
        return
    print(f"{doing} ...", end="\r", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        print(" " * (len(doing) + 4), end="\r", file=sys.stderr, flush=True)


# --- arguments ---------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="symcnn", description="Convolutional networks as index equations.", allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    verify = commands.add_parser("verify", help="give every formula of notes a verdict")
    verify.set_defaults(run=_verify)
    verify.add_argument("files", nargs="+", metavar="FILE", help="notes: .md, .tex or .ipynb")
    verify.add_argument(
        "--html", metavar="OUT", help="also write the report as a page (-o NAME.html: that alone)"
    )
    verify.add_argument("--fix", action="store_true", help="put the corrections into the notes, nothing else")
    verify.add_argument(
        "--strict", action="store_true", help="a formula that cannot be checked counts as failed"
    )
    verify.add_argument(
        "--bindings", metavar="FILE.toml", help="what names mean where the notes are too terse"
    )
    verify.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    form = verify.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="for programs")
    form.add_argument("--explain", type=int, metavar="LINE", help="all that is known of one line's formulas")

    derive = commands.add_parser("derive", help="write out how the gradients are found")
    derive.set_defaults(run=_derive)
    derive.add_argument(
        "--format", choices=("latex", "html", "markdown"), help="otherwise by the name of OUT"
    )
    derive.add_argument(
        "--wrt", action="append", metavar="NAME", help="only this tensor's gradient (repeatable)"
    )
    emit = commands.add_parser("emit", help="write the gradient code, which needs NumPy only")
    emit.set_defaults(run=_emit)
    emit.add_argument(
        "--style",
        choices=("readable", "fast"),
        default="readable",
        help="to be read, or to be fast (networks)",
    )
    emit.add_argument(
        "--target",
        choices=("numpy", "array-api"),
        default="numpy",
        help="array-api: for the arrays of any library of that standard (readable)",
    )
    emit.add_argument("--explain", action="store_true", help="say on standard error what was chosen, and why")
    emit.add_argument("--exact", action="store_true", help="fast: nothing that enlarges rounding errors")
    check = commands.add_parser("check", help="run the evidence for a model's gradients")
    check.set_defaults(run=_check)
    show = commands.add_parser(
        "show", help="list a model's layers, shapes and parameters, or its array program"
    )
    show.set_defaults(run=_show)
    for command in (derive, emit, check, show):
        command.add_argument(
            "model",
            nargs="?",
            metavar="MODEL",
            help="a name that `symcnn models` lists, FILE.toml or FILE.onnx",
        )
        command.add_argument(
            "--formula", action="append", metavar="TEXT", help="equations, one a line (repeatable)"
        )
        command.add_argument(
            "--shape", action="append", default=[], metavar="NAME=AXES", help="such as x=N,D"
        )

    models = commands.add_parser("models", help="list the models")
    models.set_defaults(run=_models)
    form = show.add_mutually_exclusive_group()
    form.add_argument("--toml", action="store_true", help="as a model file")
    form.add_argument(
        "--program", action="store_true", help="the array program: statements, operations, shapes"
    )
    show.add_argument("--style", choices=("readable", "fast"), help="of the program, as for emit")
    form.add_argument("--json", action="store_true", help="for programs")
    for command in (check, models):
        command.add_argument("--json", action="store_true", help="for programs")
    for command in (verify, derive, emit, check, show, models):
        command.add_argument("-o", "--output", metavar="OUT", help="a file, in place of standard output")
    return parser
