"""ONNX's operators as layers: the whole table."""

from symcnn.models.importers import onnx_entries, onnx_layers, onnx_movements
from symcnn.models.importers.onnx_table import OPERATORS

__all__ = ["OPERATORS", "onnx_entries", "onnx_layers", "onnx_movements"]
