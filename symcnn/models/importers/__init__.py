"""Importers: networks with the weights of PyTorch modules and ONNX files."""
