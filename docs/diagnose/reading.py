"""Gradients as people have them: which way a matrix lies, what a file holds, what is wrong."""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..experiment.command import Refusal
from ..experiment.files import content_of
from ..experiment.records import Numbers, converted
from .cases import Case, cases
from .gradients import like

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..experiment.networks import Array, WeightTuple


#: Beyond it the squares of numbers are no numbers.
LARGEST = 1e100

WANTED = (
    "a .npz file with arrays CASE/W1, CASE/b1, ... of gradients, "
    'or a .json file of {"CASE": {"W1": [[...]], "b1": [[...]], ...}}'
)

AS_ARRAYS = (
    "numpy's arrays, np.savez('g.npz', **{f'{case}/{name}': gradient.numpy() for ...}), "
    "as in docs/diagnose/example.py"
)

#: What to say where there is no gradient at all.
UNCONNECTED = (
    "the loss must be connected to the weights: no .detach(), .data or copy of them on the way; "
    "with higher, copy_initial_weights=False and track_higher_grads=True"
)

#: How the files of ``torch.save`` began before they were archives.
LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


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
    single
        Whether its numbers are those of float32, so that no more accuracy can be asked of them.
    """

    case: Case
    gradient: WeightTuple
    transposed: bool
    single: bool


def read(path: Path) -> list[Found]:
    """Read a file of gradients of one case or more.

    Raises
    ------
    Refusal
        When it is not such a file; the message names the array, what it was and what it must be.
    """
    return gradients(arrays_of(path), path)


def gradients(by_case: Mapping[str, Mapping[str, Any]], path: Path) -> list[Found]:
    """The gradients that a file holds, in the order of the cases."""
    return [
        found(case, by_case[name], f"{path}: {name}/")
        for name, case in cases().items()
        if name in by_case
    ]


def arrays_of(path: Path) -> dict[str, dict[str, Any]]:
    """The arrays of a file by case and name.

    It is an archive of ``CASE/W1, CASE/b1, ...``, or JSON as in ``vectors.json``.

    Raises
    ------
    Refusal
        When it is not such a file, holds nothing, or there is no such case.
    """
    by_case = nested(path, _from_json(path) if path.suffix == ".json" else _from_npz(path))
    if not by_case:
        raise Refusal(f"{path} holds nothing; it must be {WANTED}")
    for name, arrays in by_case.items():
        if name not in cases():
            raise Refusal(f"{path}: the case is {name!r}; it must be one of {', '.join(cases())}")
        if {"X_s", "Y_s", "X_q", "Y_q"} <= arrays.keys():
            raise Refusal(f"{path} is the file of the problems; it must be that of the gradients")
        if path.suffix == ".json":
            for key, value in arrays.items():
                converted(value, Numbers | None, f"{path}: {name}/{key}", "real numbers")
    return by_case


def nested(path: Path, arrays: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What a file holds, by case and parameter; its keys are cases, or CASE/W1, ..."""
    by_case: dict[str, dict[str, Any]] = {}
    for key, value in arrays.items():
        name, slash, parameter = key.partition("/")
        if not slash and not isinstance(value, dict):
            raise Refusal(f"{path}: a key is {key!r}; keys must be CASE/W1, CASE/b1, ...")
        by_case.setdefault(name, {}).update({parameter: value} if slash else value)
    return by_case


def _from_npz(path: Path) -> dict[str, Any]:
    """The arrays of an archive."""
    file = io.BytesIO(content(path))
    try:
        if is_of_torch(file):
            raise Refusal(f"{path} is a file of torch.save; save {AS_ARRAYS}")
        loaded = np.load(file, allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            raise ValueError
        return {key: _member(path, loaded, key) for key in loaded}
    except Refusal:
        raise
    except Exception:  # of zipfile, zlib, lzma, struct, numpy: nobody has a list
        raise Refusal(f"{path} is not readable as arrays; it must be {WANTED}") from None


def _member(path: Path, loaded: Any, key: str) -> Any:
    try:
        return loaded[key]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        if is_weight(key.rpartition("/")[2]):
            said = f"{key} is a Python object, such as None; {UNCONNECTED}"
        else:
            said = f"{key} is a Python object; it must be real numbers"
        raise Refusal(f"{path}: {said}") from None


def is_weight(name: str) -> bool:
    """Whether it is the name of a matrix or a bias, as a gradient has it."""
    return re.fullmatch(r"[Wb]\d+", name) is not None


def is_of_torch(file: IO[bytes]) -> bool:
    """Whether ``torch.save`` wrote a file: a pickle within an archive, or beside others."""
    start = file.read(len(LEGACY))
    file.seek(0)
    if start == LEGACY:
        return True
    if not zipfile.is_zipfile(file):
        return False
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
    file.seek(0)
    return any(name.endswith("/data.pkl") for name in names)


def _from_json(path: Path) -> dict[str, Any]:
    """The nested lists of a JSON file, which may begin with a byte order mark."""
    try:
        # Not by msgspec: people have NaN in their files, which is then named.
        record = json.loads(content(path).decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Refusal(f"{path} is not in UTF-8; save it as that") from None
    except (ValueError, RecursionError):
        raise Refusal(f"{path} is not readable as JSON; it must be {WANTED}") from None
    found: dict[str, Any] = converted(record, dict[str, Any], str(path), WANTED)
    return found


def content(path: Path) -> bytes:
    """The bytes of somebody's file."""
    try:
        return content_of(path)
    except Refusal as refusal:
        raise Refusal(f"{refusal}; it must be {WANTED}") from None


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
    absent = [name for name in fields if arrays[name] is None]
    if absent:
        which = "every parameter" if len(absent) == len(fields) else absent[0]
        raise Refusal(f"{where}{which} is None; {UNCONNECTED}")
    plain = {name: numbers(arrays[name], where + name) for name in fields}
    laid = [_laid(plain[name], shaped, name, where) for name, shaped in _pairs(case)]
    pairs = [(plain[name].shape, shaped.shape) for name, shaped in _pairs(case) if name[0] == "W"]
    # A square matrix does not tell; the others do.
    transposed = [ours != theirs for ours, theirs in pairs if ours != ours[::-1]]
    if any(transposed) and not all(transposed):
        raise Refusal(
            f"{where}W1, ... are some (in, out) and some (out, in); they must all be alike"
        )
    if any(transposed):
        laid = [a.T if a.shape[0] == a.shape[1] > 1 else a for a in laid]
    return Found(
        case,
        like(case.weights, laid),
        transposed=any(transposed),
        single=all(map(of_single, laid)),
    )


def of_single(array: Array) -> bool:
    """Whether all numbers are those of float32, or printed with no more digits than it has."""
    return all(
        float(number) == float(np.float32(number)) or float(f"{number:.9g}") == float(number)
        for number in array.flat
    )


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


def _laid(array: Array, wanted: Array, name: str, where: str) -> Array:
    """An array in the shape of the weights; which way a square matrix lies, others tell."""
    rows, columns = wanted.shape
    other = (columns,) if name[0] == "b" else (columns, rows)
    if array.shape == wanted.shape:
        return array
    if array.shape == other:
        return array.T.reshape(wanted.shape)
    raise Refusal(f"{where}{name} is {array.shape}; it must be {wanted.shape} or {other}")
