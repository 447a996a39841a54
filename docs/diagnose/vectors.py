"""The cases as files: for numpy, for other languages, and with a word of what to do."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from ..experiment.files import make_room, replacing, unmarked, writable
from .cases import Case, cases
from .quantities import derivation, derived

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Of a loss: far more than float32 has, far fewer than two machines have in common.
DIGITS = 10

README = """\
# Test vectors of MAML's meta-gradient

1. `vectors.npz` and `vectors.json` hold the same cases: weights, data, and alpha, steps,
   activation, loss.
2. The network is H = activation(X W1 + b1), ..., without an activation after the last layer.
3. W is (inputs, outputs), b is (1, outputs); X_s, Y_s, X_q, Y_q are (tasks, rows, columns).
4. The loss `mean_squared_error` is the mean of the squares over rows and outputs, without 1/2;
   `cross_entropy` is the mean over rows of -sum(Y log softmax(Z)), where Y has one 1 a row.
5. For each task, take `steps` plain gradient steps of size alpha on its support set X_s, Y_s.
6. The meta-loss is the mean over the tasks of the query loss (X_q, Y_q) at the adapted weights.
7. Compute its gradient with respect to the weights before adaptation.
8. Compare first: `vectors.json` has three `losses` a case, means over the tasks, in ten digits.
9. Save the gradients of one case or more as `CASE/W1`, `CASE/b1`, ... with `np.savez`.
10. `maml-derived diagnose my_gradients.npz` says what they are.
11. `maml-derived vectors --out DIR` writes these files, and `quantities.npz`: all that
    the derivation computes from the inputs in `vectors.npz`, as `CASE/Z1_s`, `CASE/dW2`, ...
12. Save any of these of your own: `maml-derived diagnose my_quantities.npz` names the first
    equation that is wrong.
"""


def arrays(case: Case) -> dict[str, Any]:
    """What a case gives to a computation, by the names in the files."""
    return {
        **case.weights._asdict(),
        **case.batch._asdict(),
        "alpha": np.float64(case.alpha),
        "steps": np.int64(case.steps),
        "activation": np.array(case.activation),
        "loss": np.array(case.loss),
    }


def as_npz() -> bytes:
    """``CASE/W1``, ..., ``CASE/loss`` of every case.

    NumPy dates the members of an archive 1980 and does not compress them, so the same arrays make
    the same bytes.
    """
    return archive({name: arrays(case) for name, case in cases().items()})


def quantities() -> bytes:
    """``CASE/Z1_s``, ...: every quantity of the derivation of every case that has one.

    They are computed, so that their last digits depend on the machine.
    """
    return archive({name: derivation(name).quantities for name in derived()})


def archive(by_case: Mapping[str, Mapping[str, Any]]) -> bytes:
    """An archive of arrays, by case and name."""
    named = {f"{case}/{key}": a for case, held in by_case.items() for key, a in held.items()}
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **named)
    return file.getvalue()


def losses(case: Case) -> dict[str, float]:
    """Means over the tasks: the losses of either set before adaptation, and the meta-loss."""
    net, weights, found = case.net, case.weights, []
    for X_s, Y_s, X_q, Y_q in zip(*case.batch, strict=True):
        adapted = net.adapt(weights, X_s, Y_s, case.alpha, case.steps)
        before = net.loss(weights, X_s, Y_s), net.loss(weights, X_q, Y_q)
        found.append([*before, net.loss(adapted, X_q, Y_q)])
    means = np.mean(found, axis=0).tolist()
    return dict(zip(("support_loss", "query_loss", "meta_loss"), means, strict=True))


def rounded(value: float) -> float:
    """A loss without the digits that depend on the machine.

    A product of float64 matrices is summed in an order that depends on the processor, and so are
    its last digits, from about the fifteenth on.
    """
    return float(f"{value:.{DIGITS}g}")


def as_json() -> str:
    """The same as nested lists, a line an array, with the losses that one should find."""
    records = []
    for name, case in cases().items():
        lists = {key: array.tolist() for key, array in arrays(case).items()}
        expected = {key: rounded(value) for key, value in losses(case).items()}
        record = {**lists, "losses": expected}
        lines = [f'  "{key}": {json.dumps(value)}' for key, value in record.items()]
        records.append(f' "{name}": {{\n' + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(records) + "\n}\n"


def files() -> dict[str, bytes]:
    """The files by name that are the same bytes on every machine."""
    return {
        "vectors.npz": as_npz(),
        "vectors.json": as_json().encode(),
        "README.md": README.encode(),
    }


def write(folder: Path) -> list[str]:
    """Write the files and the quantities, each whole or not at all.

    Raises
    ------
    Refusal
        When nothing can be written there.
    """
    made = {**files(), "quantities.npz": quantities()}
    make_room(writable(folder), unmarked(*made))
    for name, content in made.items():
        with replacing(folder / name) as file:
            file.write(content)
    return list(made)
