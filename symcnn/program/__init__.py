"""Array programs of plans, and the reference evaluator that judges them."""
