"""The docstrings of emitted functions, as numpydoc has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .functions import Function

RAISES = [
    "ValueError",
    "    When an argument has a wrong rank, shape, dtype or value, or is empty.",
]


def docstring(
    function: Function, parameters: Sequence[str] = (), raises: Sequence[str] = RAISES
) -> list[str]:
    """The lines of a docstring.

    Parameters
    ----------
    function
        What is described.
    parameters
        The lines of what it takes beside the inputs of its program.
    raises
        What it raises, and when.
    """
    reference = f".. [1] {function.reference}"
    return [
        f'"""{function.summary}',
        "",
        "Parameters",
        "----------",
        *function.parameters,
        *parameters,
        "",
        "Returns",
        "-------",
        *function.result.splitlines(),
        "",
        "Raises",
        "------",
        *raises,
        *(["", "References", "----------", *reference.splitlines()] if function.reference else []),
        '"""',
    ]
