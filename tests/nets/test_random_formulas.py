"""Formulas that nobody wrote: generated, derived, emitted and compared with the evaluator and with differences."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from symcnn.nets.formula import layer
from tests.nets.trial import proved, replayed, tried

SHAPES = {"x": "H", "w": "K", "A": "H,K", "v": "5"}
SMOOTH = (
    "tanh({})",
    "sigmoid({})",
    "exp({}/4)",
    "log(2 + ({})**2)",
    "sqrt(1 + ({})**2)",
    "softplus({})",
    "erf({})",
    "({})**2",
    "({})**3/4",
    "-({})",
    "({})/3",
    "1/(2 + ({})**2)",
)
KINKED = ("relu({})", "abs({})", "max({}, 0.5)", "min({}, 1)")
OUTSIDE = ("0", "1", "-2")


@st.composite
def positions(draw: st.DrawFn, scope: tuple[str, ...]) -> str:
    """An affine position: up to two indices with small coefficients, and a shift."""
    first = draw(st.sampled_from(scope))
    text = draw(st.sampled_from(["{}", "{}", "2*{}", "3*{}", "-{}"])).format(first)
    if draw(st.booleans()):
        text += draw(st.sampled_from(["+{}", "-{}", "+2*{}"])).format(draw(st.sampled_from(scope)))
    shift = draw(st.integers(-2, 3))
    return f"{text}{shift:+d}" if shift else text


@st.composite
def reads(draw: st.DrawFn, scope: tuple[str, ...]) -> str:
    """A read that cannot leave its tensor, or that has a value outside."""
    name = draw(st.sampled_from(sorted(SHAPES)))
    if name == "x" and draw(st.booleans()):
        return "x[i]"
    if name == "A" and draw(st.booleans()):
        return f"A[i,{draw(positions(scope))} | {draw(st.sampled_from(OUTSIDE))}]"
    at = ",".join(draw(positions(scope)) for _ in range(SHAPES[name].count(",") + 1))
    return f"{name}[{at} | {draw(st.sampled_from(OUTSIDE))}]"


@st.composite
def bodies(draw: st.DrawFn, scope: tuple[str, ...], depth: int, smooth: bool) -> str:
    """An expression over the indices in scope."""
    if depth == 0:
        return draw(reads(scope))
    kind = draw(st.sampled_from(["read", "add", "multiply", "function", "reduce", "divide", "cases", "pick"]))
    if smooth and kind in ("cases", "pick"):
        kind = "multiply"

    def part(inner: tuple[str, ...] = scope) -> str:
        return draw(bodies(inner, depth - 1, smooth))

    match kind:
        case "add":
            return f"({part()} {draw(st.sampled_from('+-'))} {part()})"
        case "multiply":
            return f"{part()}*{part()}"
        case "function":
            return draw(st.sampled_from(SMOOTH if smooth else SMOOTH + KINKED)).format(part())
        case "reduce":
            index = "rstq"[len(scope) - 1] if len(scope) < 4 else "q2"
            if len(scope) > 3:
                return part()
            name = draw(st.sampled_from(["sum", "sum", "mean", "prod"] + ([] if smooth else ["max", "min"])))
            extent = (
                draw(st.sampled_from(["2", "3"]))
                if name == "prod"
                else draw(st.sampled_from(["2", "3", "K"]))
            )
            return f"{name}[{index}<{extent}]({part((*scope, index))})"
        case "divide":
            return f"{part()}/(2 + ({part()})**2)"
        case "cases":
            condition = f"{draw(reads(scope))} {draw(st.sampled_from(['<', '>', '<=', '>=']))} 0.9"
            return f"where({condition}, {part()}, {part()})"
        case "pick":
            return f"{draw(st.sampled_from(['max', 'min']))}({part()}, {part()})"
    return draw(reads(scope))


@st.composite
def formulas(draw: st.DrawFn, depth: int = 3, smooth: bool = False) -> tuple[str, dict[str, str]]:
    """One or two equations over x, w, A and v, with the shapes of what they read."""
    text = f"y[i] = {draw(bodies(('i',), depth, smooth))}"
    if draw(st.integers(0, 3)) == 0:
        second = draw(bodies(("i",), depth - 1, smooth)).replace("x[i]", "h[i]")
        text = f"{text.replace('y[i]', 'h[i]', 1)}\ny[i] = h[i]*x[i] + {second}"
    shapes = {name: shape for name, shape in SHAPES.items() if re.search(rf"\b{name}\[", text)}
    names = {"y": "H"} | ({"h": "H"} if "h[i]" in text else {})
    if "K" in text and not {"w", "A"} & set(shapes):
        text = text.replace("<K", "<2")
    if "x" not in shapes and "A" not in shapes:
        names = dict.fromkeys(names, "4")
    return text, {**shapes, **names}


GENERATE = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}
QUICK = settings(max_examples=25, phases=[Phase.explicit, Phase.generate], **GENERATE)
LONG = settings(max_examples=250, phases=[Phase.explicit, Phase.generate], **GENERATE)


@QUICK
@given(formulas(depth=2))
def test_generated_formulas(formula: tuple[str, dict[str, str]]) -> None:
    made = layer(*formula)
    replayed(made)
    tried(made, slopes=2)


@QUICK
@given(formulas(depth=2, smooth=True))
def test_generated_formulas_by_entries(formula: tuple[str, dict[str, str]]) -> None:
    proved(layer(*formula))


@pytest.mark.slow
@LONG
@given(formulas(depth=3))
def test_many_generated_formulas(formula: tuple[str, dict[str, str]]) -> None:
    made = layer(*formula)
    replayed(made)
    tried(made, slopes=2)
