"""``weights.py`` of a package: the tuples of weights and of learned step sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..language.program import shape_of

if TYPE_CHECKING:
    from ..model.network import Network


def weights_blocks(network: Network) -> list[str]:
    """The tuple of the weights and, where they are learned, that of the step sizes."""
    fields = [f"    {symbol}: Array" for symbol in network.weights]
    shapes = [
        f"    {symbol}\n        {what} of layer {layer}, ({symbol.shape[0]}, {symbol.shape[1]})."
        for layer, symbols in enumerate(network.layers, start=1)
        for what, symbol in zip(("Weights", "Bias"), symbols, strict=False)
    ]
    if network.context:
        shape = ", ".join(map(str, network.weights[-1].shape))
        shapes.append(f"    V1\n        Weights that the context meets, ({shape}): C units.")
    what = "Weights and biases" if network.bias else "Weights"
    units = ", and L1, L2, ... units in the hidden layers" if network.hidden else ""
    doc = [
        f'    """{what}, layer by layer, all float32 or all float64.',
        "",
        f"    D inputs, O outputs{units}.",
        "",
        "    Attributes",
        "    ----------",
        *shapes,
        '    """',
    ]
    block = "\n".join(["class Weights(NamedTuple):", *doc, "", *fields])
    return [block, *(_rates_blocks(network) if network.rates else [])]


def _rates_blocks(network: Network) -> list[str]:
    """The NamedTuple of the learned step sizes, and what they begin with."""
    per_step = network.rule.per_step
    steps = f"{network.steps}, " if per_step else ""
    of_steps = f"a set for each of {network.steps} steps" if per_step else "the same in every step"
    entry = "({}*weights.{}.shape)" if per_step else "{}weights.{}.shape"
    shapes = {
        field: entry.format(steps, field) if network.rule.rate == "entry" else f"({steps})"
        for field, _ in network.rates
    }
    if "c" in shapes and network.rule.rate == "entry":
        # A context is no weight: it has as many units as its weights have rows.
        shapes["c"] = f"({steps}1, len(weights.V1))"
    doc = [
        f'    """Step sizes that are learned, {of_steps}; named after what they scale.',
        "",
        "    Attributes",
        "    ----------",
        *(
            f"    {field}\n        Step sizes ({steps}{', '.join(map(str, shape_of(symbol)))})."
            for field, (symbol, *_) in network.rates
        ),
        '    """',
    ]
    fields = [f"    {field}: Array" for field, _ in network.rates]
    return [
        "\n".join(["class Rates(NamedTuple):", *doc, "", *fields]),
        "\n".join(
            [
                "def rate_shapes(weights: Weights) -> dict[str, tuple[int, ...]]:",
                '    """The shapes of the step sizes for weights, by field."""',
                "    return {",
                *(f"        {field!r}: {shape}," for field, shape in shapes.items()),
                "    }",
            ]
        ),
        _INITIAL_RATES,
    ]


_INITIAL_RATES = '''\
def initial_rates(weights: Weights, alpha: float) -> Rates:
    """Step sizes to begin with, all of them the same.

    Parameters
    ----------
    weights
        The network's weights, whose dtype the step sizes have.
    alpha
        Inner step size.

    Returns
    -------
    Rates
        Every entry is `alpha`.

    Raises
    ------
    ValueError
        When `alpha` is not a finite number, at least 0.
    """
    size, dtype = check_alpha(alpha), weights[0].dtype
    return Rates(*(np.full(shape, size, dtype) for shape in rate_shapes(weights).values()))'''
