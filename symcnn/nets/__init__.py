"""Layers as index equations, networks as graphs of layers, shapes, parameters and the reverse sweep."""
