"""What a planted code consists of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Model(NamedTuple):
    """What `docs.check.check` is given."""

    meta_gradient: Callable[..., Any]
    adapt: Any
    loss: Callable[..., Any]
    weights: Any
    tasks: Any


class Planted(NamedTuple):
    """A code, and what the verdict on it must begin with.

    Attributes
    ----------
    framework, network, code
        In a few words.
    model
        Makes it.
    expected
        The beginning of the answer: ``"yes"``, or ``"no: "`` and a name.
    """

    framework: str
    network: str
    code: str
    model: Callable[[], Model]
    expected: str
