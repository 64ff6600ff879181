"""What an equation is: indices, tensors, expressions in index notation, and the formula language."""
