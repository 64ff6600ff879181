"""symcnn derives, emits and verifies the mathematics of convolutional networks."""
