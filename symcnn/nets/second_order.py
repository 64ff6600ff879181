"""Second order by the same calculus: the pullback of a pullback.

With the cotangent ȳ of the output given, the gradients x̄ = ȳ·∂y/∂x are equations themselves. The scalar
s = Σ_x ⟨x̄, v_x⟩ for given directions v_x has the Hessian-vector products as its gradient: ∂s/∂x = Σ (∂²⟨ȳ, y⟩/∂x∂x')·v.
"""

from __future__ import annotations

import sympy as sp

from symcnn.calculus.pullback import cotangents
from symcnn.core.equation import Equation, System
from symcnn.core.errors import FormulaError
from symcnn.core.expr import Read, Reduce
from symcnn.core.index import fresh
from symcnn.core.tensor import Tensor
from symcnn.nets.formula import Layer

SCALAR = "s"


def hessian_vector(layer: Layer) -> Layer:
    """The layer whose scalar output is s = Σ_x ⟨x̄, v_x⟩; its cotangents are the Hessian-vector products.

    Inputs beside the layer's own: ``ybar``, the cotangent of its output y, and ``xdir``, the direction of each x in
    ``wrt``. The cotangent of x is the Hessian-vector product for x, that of ``ybar`` the derivative of y along the
    directions. Raises UnsupportedFormula where a gradient reads at quotients or remainders.
    """
    first = cotangents(layer.system.equations, list(layer.wrt), policy=layer.policy, digits=False)
    renamed = {e.tensor: _bar(e.tensor) for e, _ in first}
    seed = layer.output.cotangent()
    given = Tensor(f"{layer.output.name}bar", layer.output.shape, "input")
    renamed[seed] = given
    gradients = [equation.substituted(renamed) for equation, _ in first]
    directions = {tensor: Tensor(f"{tensor.name}dir", tensor.shape, "input") for tensor in layer.wrt}
    terms = []
    for tensor in layer.wrt:
        at = [fresh(f"k{axis}") for axis in range(tensor.rank)]
        product = Read(_bar(tensor.cotangent()), at) * Read(directions[tensor], at)
        terms.append(Reduce("sum", product, list(zip(at, tensor.shape, strict=True))))
    scalar = Equation(Read(Tensor(SCALAR, (), "value"), ()), sp.Add(*terms), ())
    equations = (*layer.system.equations, *gradients, scalar)
    names = [
        t.name for t in (*layer.system.inputs, given, *directions.values(), *(e.tensor for e in equations))
    ]
    if len(names) != len(set(names)):
        raise FormulaError(
            f"expected other names than {', '.join(sorted({n for n in names if names.count(n) > 1}))}"
        )
    system = System(equations, (*layer.system.inputs, given, *directions.values()), layer.system.parameters)
    return Layer(layer.text, system, (*layer.wrt, given), f"{layer.name}_second_order", layer.policy)


def _bar(cotangent: Tensor) -> Tensor:
    return Tensor(f"{cotangent.name[1:]}bar", cotangent.shape, "value")
