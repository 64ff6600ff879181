"""Emitted formulas against the reference evaluator: values and cotangents, gathers and scatters, any sizes."""

from __future__ import annotations

import ast
import keyword
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from symcnn.calculus.pullback import cotangents
from symcnn.core.functions import KinkPolicy, Tie
from symcnn.core.infer import parse
from symcnn.core.plan import Plan, Statement
from symcnn.program.reference import evaluate_statement, evaluate_system
from symcnn.render.numpy_source import emit_plan

SIZES: dict[str, Any] = {
    "N": 2, "D": 3, "K": 4, "C": 2, "H": 7, "V": 8, "W": 6, "O": 3, "R": 2, "S": 3, "C1": 2, "C2": 3, "T": 3,
    "U": 2, "G": 2, "u": 2, "e": 1, "p": 1, "eps": 0.1, "k": 2.0, "alpha": 0.5, "beta": 0.75,
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A formula, the shapes that it needs, and sizes other than the usual ones."""

    text: str
    shapes: dict[str, str]
    sizes: dict[str, Any] | None = None


CASES = {
    "dense": Case("z[n,k] = b[k] + sum[d](W[k,d]*x[n,d])", {"x": "N,D", "W": "K,D", "b": "K"}),
    "conv2d": Case(
        "z[n,o,i,j] = b[o] + sum[c,r,s](W[o,c,r,s]*x[n,c,u*i+e*r-p,u*j+e*s-p | 0])",
        {
            "x": "N,C,H,V",
            "W": "O,C,R,S",
            "b": "O",
            "z": "N,O,(H+2*p-e*(R-1)-1)//u+1,(V+2*p-e*(S-1)-1)//u+1",
        },
    ),
    "max pool": Case("y[n,c,i,j] = max[r<2,s<2](x[n,c,2*i+r,2*j+s])", {"x": "N,C,H,W"}),
    "overlapping padded max pool": Case(
        "y[n,c,i,j] = max[r<3,s<3](x[n,c,2*i+r-1,2*j+s-1 | -oo])",
        {"x": "N,C,H,W", "y": "N,C,(H-1)//2+1,(W-1)//2+1"},
    ),
    "avg pool": Case(
        "y[n,c,i,j] = mean[r<R,s<S](x[n,c,u*i+r-p,u*j+s-p | 0])",
        {"x": "N,C,H,W", "y": "N,C,(H+2*p-R)//u+1,(W+2*p-S)//u+1"},
    ),
    "relu": Case("a[n,k] = max(z[n,k], 0)", {"z": "N,K"}),
    "sigmoid": Case("a[n,k] = 1/(1 + exp(-z[n,k]))", {"z": "N,K"}),
    "softmax": Case("p[n,k] = exp(z[n,k])/sum[l](exp(z[n,l]))", {"z": "N,K"}),
    "BCE": Case("L = mean[n](-y[n]*log(a[n]) - (1 - y[n])*log(1 - a[n]))", {"y": "N", "a": "N"}),
    "batch norm": Case(
        "m[c] = mean[n,i,j](x[n,c,i,j])\n"
        "v[c] = mean[n,i,j]((x[n,c,i,j] - m[c])**2)\n"
        "y[n,c,i,j] = g[c]*(x[n,c,i,j] - m[c])/sqrt(v[c] + eps) + b[c]",
        {"x": "N,C,H,W", "g": "C", "b": "C"},
    ),
    "LRN": Case(
        "y[n,c,i,j] = x[n,c,i,j]/(k + alpha/D*sum[d<D](x[n,c+d-D//2,i,j | 0]**2))**beta", {"x": "N,C,H,W"}
    ),
    "concat": Case(
        "y[n,c,i,j] = f[n,c,i,j | 0] + g[n,c-C1,i,j | 0]",
        {"f": "N,C1,H,W", "g": "N,C2,H,W", "y": "N,C1+C2,H,W"},
    ),
    "flatten": Case("f[n,(c*H + i)*W + j] = p[n,c,i,j]", {"p": "N,C,H,W"}),
    "attention": Case(
        "s[i,j] = sum[d](q[i,d]*k[j,d])/sqrt(D); w[i,j] = exp(s[i,j])/sum[l](exp(s[i,l]));"
        " y[i,d] = sum[j](w[i,j]*v[j,d])",
        {"q": "T,D", "k": "U,D", "v": "U,D"},
    ),
    "grouped": Case(
        "z[n,g*K+k,i] = b[g*K+k] + sum[c,r](W[g*K+k,c,r]*x[n,g*C+c,i+r])",
        {"x": "N,G*C,H", "W": "G*K,C,R", "b": "G*K"},
    ),
    "flipped": Case("y[n,i] = sum[r](w[R-1-r]*x[n,i+r])", {"w": "R", "x": "N,H"}),
    "diagonal": Case("y[i] = 2*x[i,i]", {"x": "N,N"}),
    "antidiagonal": Case("y[i] = x[i,N-1-i]", {"x": "N,N"}),
    "three factors": Case("y[i,j] = sum[k,l](a[i,k]*b[k,l]*c[l,j])", {"a": "N,D", "b": "D,K", "c": "K,W"}),
    "rowwise product": Case("y[i] = sum[k](a[i,k]*b[i,k]*c[k])", {"a": "N,D", "b": "N,D", "c": "D"}),
    "depthwise": Case("y[n,c,i] = sum[r](w[c,r]*x[n,c,i+r])", {"x": "N,C,H", "w": "C,R"}),
    "gated": Case("y[n,k] = softplus(x[n,k]) + sigmoid(x[n,k])*tanh(x[n,k]) + erf(x[n,k])", {"x": "N,K"}),
    "range": Case("y[n] = max[k](x[n,k]) - min[k](x[n,k])", {"x": "N,K"}),
    "cases": Case("y[i] = where(x[i] > 1/2, log(x[i] - 1/2), x[i]**2)", {"x": "N"}),
    "products": Case("y[i] = prod[r<2](x[i+r])", {"x": "N", "y": "N-1"}, {"N": 5}),
    "index as a number": Case(
        "z[n,o,i] = sum[c,r](W[c,o,r]*x[n,c,(i-1)+r | 0])*i", {"x": "N,C,H", "W": "C,O,R", "z": "N,O,H+2-R"}
    ),
    "absolute": Case("y[i] = abs(x[i] - 1/2) + sign(x[i] - 1/2)*x[i]", {"x": "N"}),
    "guarded by a case": Case("y[h] = sum[r](where(r < h, w[r]*x[h-r], 0))", {"x": "H", "w": "R", "y": "H"}),
    "case of a parameter": Case("y[i] = where(alpha > 0.4, x[i], 2*x[i])", {"x": "N"}),
    "constant": Case("y[i] = 3", {"y": "N"}),
    "pixel shuffle": Case("y[n,c*4+2*a+b,i,j] = x[n,c,2*i+a,2*j+b]", {"x": "N,C,8,6", "y": "N,C*4,4,3"}),
    "every other, backwards": Case("y[i] = x[H-1-2*i]", {"x": "H", "y": "H//2"}),
    "three indices in one axis": Case("y[i] = sum[j,k](x[i+j+k]*w[j]*v[k])", {"x": "H", "w": "R", "v": "S"}),
    "windows of a given count": Case("y[i,j] = x[i+j]", {"x": "H", "y": "N,H-N+1"}),
}


def plan_of(case: Case, *, scatters: bool = True) -> Plan:
    """The plan of a formula with the cotangents of all its inputs."""
    system = parse(case.text, case.shapes)
    forward = [Statement(n, equation) for n, equation in enumerate(system.equations, start=1)]
    backward = [
        Statement(n, equation, scatters=tuple(s for part in parts for s in part.scatters) if scatters else ())
        for n, (equation, parts) in enumerate(
            cotangents(system.equations, list(system.inputs)), start=len(forward) + 1
        )
    ]
    return Plan(
        name="formula",
        title="A formula.",
        inputs=system.inputs,
        parameters=(),
        scalars=system.parameters,
        forward=tuple(forward),
        output=system.output,
        backward=tuple(backward),
        gradients=tuple((tensor.name, tensor.cotangent()) for tensor in system.inputs),
        seed=system.output.cotangent(),
    )


def compare(case: Case, *, scatters: bool = True, seed: int = 0) -> None:
    """Emitted values and cotangents equal those of the loops."""
    rng = np.random.default_rng(seed)
    sizes = {**SIZES, **(case.sizes or {})}
    system = parse(case.text, case.shapes)
    arrays = {}
    for tensor in system.inputs:
        shape = tuple(int(e.subs({s: sizes[s.name] for s in e.free_symbols})) for e in tensor.shape)
        arrays[tensor.name] = rng.uniform(0.1, 0.9, shape)
    plan = plan_of(case, scatters=scatters)
    known = {**arrays, **evaluate_system(system, arrays, sizes)}
    wanted = known[system.output.name]
    assert plan.seed is not None
    known[plan.seed.name] = rng.normal(size=wanted.shape)
    for statement in plan.backward:
        known[statement.equation.tensor.name] = evaluate_statement(statement, known, sizes)
    module = emit_plan(plan).load()
    given_sizes = {symbol.name: sizes[symbol.name] for symbol, _ in system.parameters}
    if "N" not in {str(e) for t in system.inputs for e in t.shape} and "N" in case.shapes.get("y", ""):
        given_sizes["N"] = sizes["N"]
    found = module.forward(**arrays, **given_sizes)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13, strict=True)
    back = module.vjp(known[plan.seed.name], **arrays, **given_sizes)
    assert list(back) == [tensor.name for tensor in system.inputs]
    for name, tensor in plan.gradients:
        np.testing.assert_allclose(back[name], known[tensor.name], rtol=1e-12, atol=1e-13, strict=True)
    if not arrays:
        return
    single = {name: array.astype(np.float32) for name, array in arrays.items()}
    assert module.forward(**single, **given_sizes).dtype == np.float32
    narrow = module.vjp(known[plan.seed.name].astype(np.float32), **single, **given_sizes)
    assert {array.dtype for array in narrow.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("scatters", [True, False], ids=["scatter", "gather"])
@pytest.mark.parametrize("name", CASES)
def test_module_equals_the_loops(name: str, scatters: bool) -> None:
    compare(CASES[name], scatters=scatters)


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(1, 7),
    filter_=st.integers(1, 3),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    padding=st.integers(-1, 2),
    scatters=st.booleans(),
)
def test_convolution_of_any_geometry(
    height: int, filter_: int, stride: int, dilation: int, padding: int, scatters: bool
) -> None:
    assume(height + 2 * padding - dilation * (filter_ - 1) >= 1)
    case = Case(
        "z[n,o,i] = sum[c,r](W[o,c,r]*x[n,c,u*i+e*r-p | 0])",
        {"x": "N,C,H", "W": "O,C,R", "z": "N,O,(H+2*p-e*(R-1)-1)//u+1"},
        {"H": height, "R": filter_, "u": stride, "e": dilation, "p": padding},
    )
    compare(case, scatters=scatters)


@settings(max_examples=15, deadline=None)
@given(height=st.integers(3, 9), window=st.integers(1, 3), stride=st.integers(1, 3))
def test_max_pool_of_any_geometry(height: int, window: int, stride: int) -> None:
    text = f"y[n,i] = max[r<{window}](x[n,{stride}*i+r])"
    compare(Case(text, {"x": "N,H", "y": f"N,(H-{window})//{stride}+1"}, {"H": height}))


def test_ties_go_to_the_first_maximum() -> None:
    module = emit_plan(plan_of(CASES["max pool"])).load()
    found = module.vjp(np.full((1, 1, 1, 1), 5.0), np.ones((1, 1, 2, 2)))["x"]
    assert found.tolist() == [[[[5.0, 0.0], [0.0, 0.0]]]]


@pytest.mark.parametrize("value", [1000.0, -1000.0])
def test_sigmoid_and_softplus_do_not_overflow(value: float) -> None:
    module = emit_plan(plan_of(Case("y[n] = sigmoid(x[n]) + softplus(x[n])", {"x": "N"}))).load()
    found = module.forward(np.array([value]))
    assert found.tolist() == [1 + value if value > 0 else 0.0]
    assert np.isfinite(module.vjp(np.ones(1), np.array([value]))["x"]).all()


def test_the_branch_not_taken_gives_no_warning() -> None:
    module = emit_plan(plan_of(Case("y[i] = where(x[i] > 0, log(x[i]) + 1/x[i], 0)", {"x": "N"}))).load()
    x = np.array([0.0, 1.0, -3.0])
    assert module.forward(x).tolist() == [0.0, 1.0, 0.0]
    assert module.vjp(np.ones(3), x)["x"].tolist() == [0.0, 0.0, 0.0]


def test_labels_may_be_whole_numbers() -> None:
    case = Case("L = mean[n](-sum[k](where(t[n] == k, log(p[n,k]), 0)))", {"t": "N", "p": "N,K"})
    module = emit_plan(plan_of(case)).load()
    p = np.array([[0.5, 0.25, 0.25], [0.125, 0.5, 0.375]])
    assert module.forward(t=np.array([1, 0]), p=p) == pytest.approx(-(np.log(0.25) + np.log(0.125)) / 2)


def test_wrong_arguments_are_named() -> None:
    module = emit_plan(plan_of(CASES["dense"])).load()
    x, W, b = np.ones((2, 3)), np.ones((4, 3)), np.ones(4)
    with pytest.raises(ValueError, match=r"expected x of shape \(2, 5\), got \(2, 3\)"):
        module.forward(x=x, W=np.ones((4, 5)), b=b)
    with pytest.raises(ValueError, match=r"expected x: floats with 2 axes, got int64"):
        module.forward(x=x.astype(int), W=W, b=b)
    with pytest.raises(ValueError, match=r"expected cotangent of shape \(2, 4\), got \(4, 2\)"):
        module.vjp(np.ones((4, 2)), x=x, W=W, b=b)


def test_results_share_no_memory_with_arguments() -> None:
    module = emit_plan(plan_of(CASES["flatten"])).load()
    p = np.ones((1, 2, 2, 2))
    found = module.forward(p)
    seed = np.ones_like(found)
    assert not np.shares_memory(found, p)
    assert not np.shares_memory(module.vjp(seed, p)["p"], seed)


def test_arguments_keep_their_names_and_shadow_nothing() -> None:
    """Tensors and scalars may be called what the code calls its own: the caller's names stay."""
    case = Case("y[i] = range[i]*params[i] + len*np1[i]", {"range": "N", "params": "N", "np1": "N"})
    source = emit_plan(plan_of(case)).source
    inner = [f for f in ast.walk(ast.parse(source)) if isinstance(f, ast.FunctionDef) and f.name[0] == "_"]
    bound = {node.arg for function in inner for node in ast.walk(function) if isinstance(node, ast.arg)}
    assert not {name for name in bound if keyword.iskeyword(name)} | {"range", "len"} & bound
    module = emit_plan(plan_of(case)).load()
    ones = np.ones(3)
    assert module.forward(range=ones, params=2 * ones, np1=ones, len=4).tolist() == [6, 6, 6]
    found = module.vjp(ones, range=ones, params=2 * ones, np1=ones, len=4)
    assert {name: array.tolist() for name, array in found.items()} == {
        "range": [2, 2, 2],
        "params": [1, 1, 1],
        "np1": [4, 4, 4],
    }
    with pytest.raises(ValueError, match="expected range"):
        module.forward(range=1, params=ones, np1=ones, len=4)


def test_same_bytes_under_any_hash_seed() -> None:
    root = Path(__file__).resolve().parents[2]
    code = (
        "import sys; sys.path.insert(0, 'tests/render')\n"
        "import test_numpy_formula as t\n"
        "from symcnn.render.numpy_source import emit_plan\n"
        "print(''.join(emit_plan(t.plan_of(t.CASES[n])).source for n in ('conv2d', 'attention', 'batch norm')))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(outputs) == 1
    assert "def vjp" in outputs.pop()


def test_written_whole_or_not_at_all(tmp_path: Path) -> None:
    emitted = emit_plan(plan_of(CASES["relu"]))
    path = emitted.write(tmp_path / "relu.py")
    assert path.read_text(encoding="utf-8") == emitted.source
    assert [entry.name for entry in tmp_path.iterdir()] == ["relu.py"]
    with pytest.raises(FileNotFoundError):
        emitted.write(tmp_path / "absent" / "relu.py")


@pytest.mark.parametrize("tie", ["first", "last", "split"])
@pytest.mark.parametrize("kind", ["max", "min"])
@pytest.mark.parametrize("scatters", [True, False], ids=["scatter", "gather"])
def test_every_policy_shares_ties_as_the_loops_do(tie: Tie, kind: str, scatters: bool) -> None:
    text = f"y[n,i,j] = {kind}[r<2,s<3](x[n,2*i+r,s+j])"
    system = parse(text, {"x": "N,H,W"}, policy=KinkPolicy(tie=tie))
    (sweep,) = cotangents(system.equations, list(system.inputs), policy=KinkPolicy(tie=tie))
    statement = Statement(2, sweep[0], scatters=sweep[1][0].scatters if scatters else ())
    plan = replace(plan_of(Case(text, {"x": "N,H,W"})), backward=(statement,))
    x = np.random.default_rng(0).integers(0, 3, (2, 5, 6)).astype(float)
    forward = evaluate_system(system, {"x": x})["y"]
    seed = np.random.default_rng(1).normal(size=forward.shape)
    wanted = evaluate_statement(statement, {"x": x, "y": forward, "dy": seed})
    np.testing.assert_allclose(emit_plan(plan).load().vjp(seed, x)["x"], wanted, rtol=1e-12, atol=1e-13)
