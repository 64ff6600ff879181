"""The index calculus: differentiation by delta contraction, simplification, recognition, expansion into entries."""
