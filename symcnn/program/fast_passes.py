"""Passes for the fast module alone: functions written out in calls that take ``out=``, so that their parts are shared."""

from __future__ import annotations

from symcnn.program.array import Apply, Node, apply, scalar
from symcnn.program.steps import Step, rebuilt


def written_out(step: Step) -> Step:
    """σ(z) = max(e, [z ≥ 0])/(1 + e) and softplus(z) = max(z, 0) + log(1 + e), with e = exp(−|z|): nothing overflows."""
    return Step(step.name, rebuilt(step.node, _written_out), step.statement)


def _written_out(node: Node) -> Node | None:
    match node:
        case Apply(function="sigmoid", args=(argument,)):
            argument = rebuilt(argument, _written_out)
            small = _small(argument)
            above = apply("maximum", small, apply("ge", argument, scalar(0)))
            return apply("div", above, apply("add", small, scalar(1)))
        case Apply(function="softplus", args=(argument,)):
            argument = rebuilt(argument, _written_out)
            return apply("add", apply("log1p", _small(argument)), apply("maximum", argument, scalar(0)))
    return None


def _small(argument: Node) -> Node:
    """exp(−|z|), the same for z and −z."""
    if isinstance(argument, Apply) and argument.function == "neg":
        argument = argument.args[0]
    return apply("exp", apply("neg", apply("abs", argument)))
