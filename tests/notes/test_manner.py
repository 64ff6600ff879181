"""Names of several letters, worked numbers, values of functions, entries after a function, scalars."""

from __future__ import annotations

from symcnn.notes.entries_inside import entries_inside
from symcnn.notes.extract import read
from symcnn.notes.parser import parse
from symcnn.notes.parser_names import spelled_names
from symcnn.notes.verdict import Report
from symcnn.notes.verify import verify_document
from symcnn.notes.walking import same


def judged(text: str) -> Report:
    return verify_document(read(text, "md"), "page.md")


def kinds(text: str) -> list[str]:
    return [claim.verdict.kind.value for claim in judged(text).claims]


def test_letters_are_a_name_where_they_stand_alone() -> None:
    formulas = [r"net_{h1} = w_1 x + b", r"\frac{\partial E}{\partial out}", r"y = abc", r"dwdb = 1"]
    assert spelled_names(formulas) == {"net", "out"}


def test_a_name_of_letters_is_no_function_before_a_bracket() -> None:
    page = r"$out = \frac{1}{1 + e^{-net}}$ and $\frac{\partial out}{\partial net} = out (1 - out)$"
    assert kinds(page) == ["definition", "holds"]


WORKED = r"$x = 0.6$, $w = 0.3$, $z = w x$, $E = z^2$. "


def test_worked_numbers_hold_to_their_digits() -> None:
    assert kinds(WORKED + r"$z = 0.3 \cdot 0.6 = 0.18$")[-2:] == ["holds", "holds"]
    assert kinds(WORKED + r"$\frac{\partial E}{\partial w} \approx 0.22$")[-1] == "holds"


def test_a_wrong_number_is_corrected() -> None:
    claim = judged(WORKED + r"$\frac{\partial E}{\partial w} \approx 0.36$").claims[-1]
    assert claim.verdict.kind.value == "fails"
    assert claim.verdict.correction == r"\frac{\partial E}{\partial w} \approx 0.22"


def test_a_number_without_values_is_not_judged() -> None:
    assert kinds(r"$z = w x$ $\frac{\partial z}{\partial w} \approx 0.36$")[-1] == "cannot-check"


def test_arguments_that_only_say_what_a_loss_depends_on() -> None:
    page = r"""
$z = w x + b$ and $J(w, b) = \frac{1}{2} (z - t)^2$. $\frac{\partial J(w, b)}{\partial w} = (z - t) x$,
$\frac{\partial J(w, b)}{\partial b} = (z - t) x$
"""
    assert kinds(page)[-2:] == ["holds", "fails"]


def test_entries_after_a_function_go_to_its_argument() -> None:
    assert same(entries_inside(parse(r"\exp(Z)_{nk}")), parse(r"\exp(Z_{nk})"))
    softmax = parse(r"\operatorname{softmax}(z)_i")
    assert entries_inside(softmax) is softmax


def test_both_sides_that_follow_one_output_leave_the_other_open() -> None:
    page = r"""
$x \in \mathbb{R}^n$. $y_i = 2 x_i$ and $v_i = 3 x_i$. $\frac{\partial L}{\partial x_i} = 3 \frac{\partial L}{\partial v_i}$
"""
    assert kinds(page)[-1] == "cannot-check"


ACT = r"$\mathrm{act}_i = \frac{1}{1 + e^{-z_i}}$. "


def test_a_word_given_entry_by_entry_multiplies_the_sum_after_it() -> None:
    slope = r"$\frac{\partial \mathrm{act}_i}{\partial z_i} = "
    assert kinds(ACT + slope + r"\mathrm{act}_i (1 - \mathrm{act}_i)$") == ["definition", "holds"]
    assert kinds(ACT + slope + r"\mathrm{act}_i [1 - \mathrm{act}_i]$") == ["definition", "holds"]
    assert kinds(ACT + slope + r"\mathrm{act}_i (1 - \mathrm{act}_i)^2$") == ["definition", "fails"]
    word = r"\mathrm{o\_h}"
    page = rf"${word} = \frac{{1}}{{1 + e^{{-z}}}}$, $\frac{{\partial {word}}}{{\partial z}} = {word} (1 - {word})$"
    assert kinds(page) == ["definition", "holds"]


def test_a_word_with_a_plain_argument_stays_a_function() -> None:
    page = ACT + r"$\mathrm{act}_i(t)$ and $u_i = \mathrm{act}_i (t + 1)$, "
    assert "holds" not in kinds(page + r"$\frac{\partial u_i}{\partial t} = \mathrm{act}_i$")
