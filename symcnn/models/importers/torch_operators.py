"""PyTorch's operators as layers: the whole table.

An operator is read from its arguments under the names of its own schema. Values are views, arrays that nothing trains are
views of constants, sizes are integers or expressions of the batch.
"""

from symcnn.models.importers import torch_entries, torch_layers, torch_movements
from symcnn.models.importers.torch_table import OPERATORS

__all__ = ["OPERATORS", "torch_entries", "torch_layers", "torch_movements"]
