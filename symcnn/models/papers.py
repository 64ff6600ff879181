"""Where the named networks come from."""

GRADIENT_BASED = (
    "LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, 1998"
)
IMAGENET = (
    "Krizhevsky, Sutskever and Hinton, ImageNet classification with deep convolutional neural networks, 2012"
)
ONE_WEIRD_TRICK = "Krizhevsky, One weird trick for parallelizing convolutional neural networks, 2014"
VERY_DEEP = "Simonyan and Zisserman, Very deep convolutional networks for large-scale image recognition, 2015, table 1"
RESIDUAL = "He, Zhang, Ren and Sun, Deep residual learning for image recognition, 2016, table 1"
GOING_DEEPER = "Szegedy et al., Going deeper with convolutions, 2015, table 1"
GOING_DEEPER_NORMALISED = f"{GOING_DEEPER}; with batch norm, as PyTorch has it"
RETHINKING = (
    "Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, Rethinking the inception architecture, 2016, table 1"
)
LECTURES = "the network that introductory lecture notes derive by hand"
