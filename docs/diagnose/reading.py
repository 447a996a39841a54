"""Gradients as people have them: which way a matrix lies, what a file holds, what is wrong."""

from __future__ import annotations

import zipfile
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from docs.diagnose.cases import Case, cases
from docs.diagnose.gradients import like
from docs.sinusoid.command import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from docs.sinusoid.networks import Array, WeightTuple


#: Beyond it the squares of numbers are no numbers.
LARGEST = 1e100


class Found(NamedTuple):
    """Somebody's gradient for a case.

    Attributes
    ----------
    case
        The case.
    gradient
        As the generated functions have it: float64, W (in, out), b (1, out).
    transposed
        Whether its matrices were (out, in).
    """

    case: Case
    gradient: WeightTuple
    transposed: bool


def read(path: Path) -> list[Found]:
    """Read a file of gradients, ``CASE/W1, CASE/b1, ...`` for one case or more.

    Raises
    ------
    Refusal
        When it is not such a file; the message names the array, what it was and what it must be.
    """
    wanted = "a .npz file with arrays CASE/W1, CASE/b1, ... of gradients"
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if not isinstance(loaded, np.lib.npyio.NpzFile):
                raise ValueError
            arrays = dict(loaded)
    except OSError as error:
        reason = error.strerror or error
        raise Refusal(f"cannot read {path}: {reason}; it must be {wanted}") from None
    except (ValueError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        raise Refusal(f"{path} is not readable as arrays; it must be {wanted}") from None
    by_case: dict[str, dict[str, Any]] = {}
    for key, array in arrays.items():
        name, _, parameter = key.partition("/")
        by_case.setdefault(name, {})[parameter] = array
    if not by_case:
        raise Refusal(f"{path} holds nothing; it must be {wanted}")
    for name in by_case:
        if name not in cases():
            raise Refusal(f"{path}: the case is {name!r}; it must be one of {', '.join(cases())}")
    return [
        found(case, by_case[name], f"{path}: {name}/")
        for name, case in cases().items()
        if name in by_case
    ]


def found(case: Case, arrays: Mapping[str, Any], where: str) -> Found:
    """Check a gradient and lay it out as the generated functions do.

    Parameters
    ----------
    case
        The case that it is of.
    arrays
        By the parameter's name: W (in, out) or (out, in), b (1, out) or (out,).
    where
        What a message puts before the name.

    Raises
    ------
    Refusal
        When a parameter is missing or unknown, has a wrong shape or is not finite real numbers.
    """
    fields = case.net.Weights._fields
    missing = [name for name in fields if name not in arrays]
    if missing:
        raise Refusal(f"{where}{missing[0]} is missing; there must be {', '.join(fields)}")
    unknown = [name for name in arrays if name not in fields]
    if unknown:
        raise Refusal(f"{where}{unknown[0]} is no parameter; there must be {', '.join(fields)}")
    plain = {name: numbers(arrays[name], where + name) for name in fields}
    laid = [_laid(plain[name], like_it, where + name) for name, like_it in _pairs(case)]
    transposed = [
        plain[name].shape != like_it.shape for name, like_it in _pairs(case) if name[0] == "W"
    ]
    if any(transposed) and not all(transposed):
        raise Refusal(
            f"{where}W1, ... are some (in, out) and some (out, in); they must all be alike"
        )
    return Found(case, like(case.weights, laid), any(transposed))


def _pairs(case: Case) -> list[tuple[str, Array]]:
    return list(zip(case.net.Weights._fields, case.weights, strict=True))


def numbers(given: Any, name: str) -> Array:
    """An array of finite real numbers, as float64.

    Raises
    ------
    Refusal
        When it is anything else.
    """
    try:
        array = np.asarray(given)
    except (ValueError, TypeError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise Refusal(f"{name} cannot be made a numpy array: {reason}") from None
    if array.dtype.kind not in "fiu":
        raise Refusal(f"{name} is {array.dtype}; it must be real numbers")
    if not np.isfinite(array).all():
        raise Refusal(f"{name} is not finite; it must be")
    double = array.astype(np.float64)
    if np.abs(double).max(initial=0) > LARGEST:
        raise Refusal(f"{name} has entries beyond {LARGEST:g}; it must not")
    return double


def _laid(array: Array, wanted: Array, name: str) -> Array:
    """An array in the shape of the weights; no matrix of a case is square, so its shape tells."""
    rows, columns = wanted.shape
    other = (columns,) if name.rpartition("/")[2][0] == "b" else (columns, rows)
    if array.shape == wanted.shape:
        return array
    if array.shape == other:
        return array.T.reshape(wanted.shape)
    raise Refusal(f"{name} is {array.shape}; it must be {wanted.shape} or {other}")
