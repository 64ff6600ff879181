"""The LaTeX printer: textbook order, names, cases, and nothing printed that has no form."""

from __future__ import annotations

import pytest
import sympy as sp

from symcnn.calculus.pullback import pullback
from symcnn.core.errors import UnsupportedFormula
from symcnn.core.expr import Read
from symcnn.core.functions import KinkPolicy
from symcnn.core.infer import parse
from symcnn.core.tensor import Tensor
from symcnn.render.latex import equation_latex, latex
from symcnn.render.latex_names import Notation, colliding, split_name

DA = r"\frac{\partial L}{\partial a_{n}}"
DZ = r"\frac{\partial L}{\partial z_{n,\,o,\,(h + p - e r)/u,\,(w + p - e s)/u}}"


def right(formula: str, policy: KinkPolicy | None = None, **shapes: str) -> str:
    system = parse(formula, shapes, policy=policy) if policy else parse(formula, shapes)
    return equation_latex(system.equations[-1])[1]


def gradient(formula: str, of: str, **shapes: str) -> str:
    equation = parse(formula, shapes).equations[-1]
    tensor = next(t for t in equation.inputs if t.name == of)
    return equation_latex(pullback(equation, tensor).equation)[1]


CONV = "z[n,o,i,j] = b[o] + sum[c,r,s](W[o,c,r,s] * x[n,c,u*i+e*r-p,u*j+e*s-p | 0])"
CONV_SHAPES = {
    "x": "N,C,H,V",
    "W": "O,C,R,S",
    "b": "O",
    "z": "N,O,(H+2*p-e*(R-1)-1)//u+1,(V+2*p-e*(S-1)-1)//u+1",
}


@pytest.mark.parametrize(
    ("formula", "shapes", "expected"),
    [
        ("z[n,k] = b[k] + sum[d](W[k,d] * x[n,d])", {"x": "N,D", "W": "K,D", "b": "K"},
         r"b_{k} + \sum_{d=0}^{D-1} W_{k,d} \, x_{n,d}"),
        (CONV, CONV_SHAPES,
         r"b_{o} + \sum_{c,r,s} W_{o,c,r,s} \, x_{n,\,c,\,u i + e r - p,\,u j + e s - p}"),
        ("f[n,(c*H + i)*V + j] = p[n,c,i,j]", {"p": "N,C,H,V"}, r"p_{n,c,i,j}"),
        ("a[n] = max(z[n], 0)", {"z": "N"}, r"\max(z_{n}, 0)"),
        ("a[n] = min(z[n], w[n])", {"z": "N", "w": "N"}, r"\min(z_{n}, w_{n})"),
        ("a[n] = abs(z[n])", {"z": "N"}, r"\left| z_{n} \right|"),
        ("a[n] = sign(z[n])", {"z": "N"}, r"\operatorname{sign}(z_{n})"),
        ("a[n] = 1/(1 + exp(-z[n]))", {"z": "N"}, r"\frac{1}{1 + e^{-z_{n}}}"),
        ("p[n,k] = exp(z[n,k])/sum[l](exp(z[n,l]))", {"z": "N,K"},
         r"\frac{e^{z_{n,k}}}{\sum_{l=0}^{K-1} e^{z_{n,l}}}"),
        ("L = mean[n](-y[n]*log(a[n]) - (1 - y[n])*log(1 - a[n]))", {"y": "N", "a": "N"},
         r"\frac{1}{N} \, \sum_{n=0}^{N-1} (-y_{n} \, \log(a_{n}) - (1 - y_{n}) \, \log(1 - a_{n}))"),
        ("y[n] = x[n]*(1 + erf(x[n]/sqrt(2)))/2", {"x": "N"},
         r"\frac{1}{2} \, x_{n} \, \left( 1 + "
         r"\operatorname{erf}\left( \frac{x_{n}}{\sqrt{2}} \right) \right)"),
        ("y[n] = where(x[n] > 0, x[n], alpha*(exp(x[n]) - 1))", {"x": "N"},
         r"\begin{cases} x_{n} & \text{if } x_{n} > 0 \\ "
         r"\alpha \, (e^{x_{n}} - 1) & \text{otherwise} \end{cases}"),
        ("y[n] = where(x[n] > 0, 1, 0)*w[n]", {"x": "N", "w": "N"}, r"w_{n} \, \mathbf{1}[x_{n} > 0]"),
        ("y[n,i] = sum[r](w[R-1-r]*x[n,i+r])", {"w": "R", "x": "N,H"},
         r"\sum_{r=0}^{R-1} x_{n,\,i + r} \, w_{R - 1 - r}"),
        ("y[n] = tanh(x[n])**2", {"x": "N"}, r"\tanh^{2}(x_{n})"),
        ("y[n,i] = max[r<2](x[n,2*i+r])", {"x": "N,H"}, r"\max_{0 \le r < 2} x_{n,\,2i + r}"),
    ],
)  # fmt: skip
def test_right_side_reads_like_a_textbook(formula: str, shapes: dict[str, str], expected: str) -> None:
    assert right(formula, **shapes) == expected


@pytest.mark.parametrize(
    ("formula", "of", "shapes", "expected"),
    [
        ("a[n] = 1/(1 + exp(-z[n]))", "z", {"z": "N"},
         r"\frac{\partial L}{\partial a_{n}} \, a_{n} \, (1 - a_{n})"),
        ("J = mean[n](-y[n]*log(a[n]) - (1 - y[n])*log(1 - a[n]))", "a", {"y": "N", "a": "N"},
         r"\frac{1}{N} \, \frac{\partial L}{\partial J} \, \frac{a_{n} - y_{n}}{a_{n} \, (1 - a_{n})}"),
        ("a[n] = max(z[n], 0)", "z", {"z": "N"},
         rf"\begin{{cases}} {DA} & \text{{if }} z_{{n}} > 0 \\ 0 & \text{{otherwise}} \end{{cases}}"),
        (CONV, "x", CONV_SHAPES,
         rf"\sum_{{o,r,s}} {DZ} \, W_{{o,c,r,s}}"),
        (CONV, "W", CONV_SHAPES,
         r"\sum_{n,i,j} \frac{\partial L}{\partial z_{n,o,i,j}} \, "
         r"x_{n,\,c,\,u i + e r - p,\,u j + e s - p}"),
    ],
)  # fmt: skip
def test_gradients_lead_with_the_derivative_of_the_loss(
    formula: str, of: str, shapes: dict[str, str], expected: str
) -> None:
    assert gradient(formula, of, **shapes) == expected


def test_pool_gradient_states_range_and_chosen_place_as_cases() -> None:
    text = gradient("y[n,i] = max[r<2](x[n,2*i+r])", "x", x="N,H")
    assert text.startswith(r"\begin{cases} \frac{\partial L}{\partial y_{n,\,\lfloor ")
    assert r"\bmod 2 = \arg\max_{0 \le r < 2} x_{n,\,2\lfloor " in text
    assert r"\rfloor < \lfloor H/2 \rfloor" in text


def test_divisibility_and_range_are_printed_where_nothing_else_carries_them() -> None:
    equation = parse("y[i] = x[u*i]", {"x": "H", "y": "(H-1)//u+1"}).equations[0]
    gradient = pullback(equation, equation.inputs[0])
    before = next(s for s in gradient.derivation.steps if s.rule.name == "delta contraction")
    text = latex(before.after_expr)
    assert r"u \mid h" in text
    assert r"h/u < \lfloor (H - 1)/u \rfloor + 1" in text


def test_a_bound_index_never_takes_a_free_name() -> None:
    equation = parse("z[n,k] = sum[d](W[k,d]*x[n,d])", {"x": "N,D", "W": "K,D"}).equations[0]
    first = pullback(equation, equation.inputs[0]).derivation.steps[0]
    text = latex(first.after_expr)
    assert r"\delta_{k',k}" in text
    assert r"\delta_{d',d}" in text


def test_shared_maximum_prints_as_the_maximum() -> None:
    assert right("a[n] = max(z[n], w[n])", KinkPolicy(tie="split"), z="N", w="N") == r"\max(z_{n}, w_{n})"


def test_a_lower_branch_that_is_no_maximum_stays_cases() -> None:
    text = right("a[n] = where(z[n] > w[n], z[n], where(z[n] < w[n], w[n], 7))", z="N", w="N")
    assert text.startswith(r"\begin{cases}")
    assert "7 & " in text


@pytest.mark.parametrize(
    ("name", "parts"),
    [("W1", ("W", "1")), ("alpha", (r"\alpha", "")), ("mask", (r"\mathrm{mask}", "")),
     ("gamma_out", (r"\gamma", r"\mathrm{out}")), ("W_q", ("W", "q")),
     ("conv2_3", (r"\mathrm{conv}", "2,3")), ("conv1a_W2", (r"\mathrm{conv}", r"\mathrm{1a},\mathrm{W2}"))],
)  # fmt: skip
def test_names_split_into_letter_and_label(name: str, parts: tuple[str, str]) -> None:
    assert split_name(name) == parts


@pytest.mark.parametrize("name", [r"\write18{ls}", "a b", "", "x^2", "}"])
def test_what_is_no_identifier_is_refused(name: str) -> None:
    with pytest.raises(UnsupportedFormula, match="letters and digits"):
        split_name(name)


def test_names_that_would_look_alike_are_told_apart() -> None:
    clashes = colliding(["W1", "W_1", "b"])
    assert clashes == {"W_1"}
    assert Notation(verbatim=clashes).symbol("W_1") == r"\mathrm{W\_1}"


def test_entries_of_a_labelled_tensor_keep_the_label_apart_from_positions() -> None:
    tensor = Tensor("W1", (sp.Integer(2), sp.Integer(3)), "parameter")
    assert latex(Read(tensor, (0, 1))) == "W^{(1)}_{0,1}"
    assert Notation().whole(tensor.cotangent()) == r"\frac{\partial L}{\partial W_{1}}"


def test_expanded_entries_are_numbered_from_one() -> None:
    z = Tensor("z", (sp.Integer(12), sp.Integer(12)))
    assert latex(Read(z, (0, 1)), Notation(one_based=True)) == "z_{12}"
    assert latex(Read(z, (0, 11)), Notation(one_based=True)) == "z_{1,12}"
    assert (
        latex(Read(z.cotangent(), (0, 0)), Notation(one_based=True)) == r"\frac{\partial L}{\partial z_{11}}"
    )


def test_an_unknown_head_is_named() -> None:
    with pytest.raises(UnsupportedFormula, match="zeta"):
        latex(sp.zeta(sp.Symbol("s")))
