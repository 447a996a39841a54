"""What a package was derived for."""

from typing import NamedTuple


class Network(NamedTuple):
    """A multilayer perceptron and how it is adapted.

    Attributes
    ----------
    hidden
        Hidden layers; without any, the network is linear.
    activation
        Their activation.
    steps
        Gradient steps that the meta-gradient goes through.
    loss, algorithm
        What is made small, and by which algorithm.
    bias
        Whether each layer has a bias.
    penalty, task_weights
        Whether the inner loss has a penalty, and the tasks have weights.
    normalised
        Whether each hidden layer has mean 0 and variance 1 over the rows at hand.
    """

    hidden: int
    activation: str
    steps: int
    loss: str
    algorithm: str
    bias: bool
    penalty: bool
    task_weights: bool
    normalised: bool = False
