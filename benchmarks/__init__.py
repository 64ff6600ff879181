"""Measurements: one training step of each network, emitted code beside its peers."""
