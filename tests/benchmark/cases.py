"""What is computed: the sizes, the networks, and the same numbers for every contender."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from derive.language.cost import work_of
from derive.language.names import D, M, N, O, width
from derive.model.network import Network
from derive.model.programs import meta_gradient_program
from derive.passes.workspace import lowered
from derive.schedule.forms import forms_of
from docs.experiment.command import Refusal

ROOT = Path(__file__).resolve().parent.parent.parent
ALPHA = 0.01


@dataclass(frozen=True)
class Case:
    """A meta-batch and a network.

    Attributes
    ----------
    T, K, H
        Tasks, points of each set of a task, units of each hidden layer.
    hidden, activation, steps
        The network, as `derive.model.network.Network` has it.
    """

    T: int = 25
    K: int = 10
    H: int = 40
    hidden: int = 2
    activation: str = "relu"
    steps: int = 1

    @property
    def sizes(self) -> tuple[int, ...]:
        """Layer sizes: one input, one output."""
        return (1, *[self.H] * self.hidden, 1)

    @property
    def package(self) -> str:
        """The name of its generated package."""
        return f"{self.activation}{self.hidden}" + (f"_{self.steps}steps" if self.steps > 1 else "")

    @property
    def record(self) -> dict[str, Any]:
        """What a reader of the results needs to know of it."""
        return asdict(self)


CASES = (
    *(Case(*sizes) for sizes in [(4, 10, 40), (25, 5, 40), (25, 10, 40), (25, 10, 64)]),
    *(Case(*sizes) for sizes in [(25, 10, 128), (25, 10, 256), (25, 10, 1024)]),
    *(Case(*sizes) for sizes in [(100, 10, 40), (1000, 10, 40), (25, 40, 40)]),
    Case(hidden=1),
    Case(hidden=3),
    Case(steps=5),
    Case(activation="tanh"),
)

#: One size at a time, the others as in the sinusoid experiment.
GROWTH = {
    "T": [Case(T=x) for x in (1, 4, 16, 64, 256)],
    "K": [Case(K=x) for x in (1, 2, 5, 10, 20, 40, 80)],
    "H": [Case(H=x) for x in (8, 16, 32, 64, 128, 256, 512)],
    "hidden": [Case(hidden=x) for x in (1, 2, 3, 4)],
    "steps": [Case(steps=x) for x in (1, 2, 3, 5)],
}


class Problem(NamedTuple):
    """Weights and a meta-batch, in float32."""

    weights: list[np.ndarray]
    X_s: np.ndarray
    Y_s: np.ndarray
    X_q: np.ndarray
    Y_q: np.ndarray


def problem(case: Case) -> Problem:
    """The same random numbers for every contender."""
    rng = np.random.default_rng(0)
    weights = []
    for above, below in pairwise(case.sizes):
        for rows in (above, 1):
            drawn = rng.uniform(-1, 1, size=(rows, below)) / above**0.5
            weights.append(drawn.astype(np.float32))
    X = rng.uniform(-5, 5, size=(2, case.T, case.K, 1)).astype(np.float32)
    Y = (np.linspace(0.1, 5, case.T).reshape(-1, 1, 1) * np.sin(X)).astype(np.float32)
    return Problem(weights, X[0], Y[0], X[1], Y[1])


def emit(cases: list[Case], folder: Path) -> None:
    """Emit the packages that are not among the committed ones."""
    for case in {each.package: each for each in cases}.values():
        if (ROOT / "generated" / case.package).is_dir() or (folder / case.package).is_dir():
            continue
        arguments = ["--hidden", case.hidden, "--activation", case.activation]
        build(*arguments, "--steps", case.steps, "--name", case.package, "--output", folder)


def build(*arguments: Any) -> None:
    """Run the build of the project.

    Raises
    ------
    Refusal
        When it fails. That the committed packages are stale is none of our business.
    """
    command = [sys.executable, str(ROOT / "derive/build.py"), *map(str, arguments)]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode not in ((0, 1) if "--check" in arguments else (0,)):
        raise Refusal(f"derive/build.py failed: {last_line(result.stderr)}")


def last_line(text: str) -> str:
    """What a program said last, where an exception is."""
    return (text.strip().splitlines() or ["it said nothing"])[-1]


def load(case: Case, folder: Path) -> Any:
    """Import the package of a case."""
    if (ROOT / "generated" / case.package).is_dir():
        return import_module(f"generated.{case.package}")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return import_module(case.package)


def flops(case: Case, net: Any) -> int:
    """Multiplications and additions of the products of one call, each layer in its cheaper form.

    This is the useful work: adding biases is not counted, nor is anything that is no product.
    """
    program = meta_gradient_program(Network(case.hidden, case.activation, case.steps))
    dense = net.inplace.dense_layers(case.K, case.K, case.sizes)
    sizes = {N: case.K, M: case.K, D: 1, O: 1} | {
        width(layer): case.H for layer in range(1, case.hidden + 1)
    }
    count = sum(
        work_of(line.equation.value).xreplace(sizes)
        for line in forms_of(lowered(program, dense=False), lowered(program, dense=True))
        if not line.layer or line.dense == dense[line.layer - 1]
    )
    return 2 * case.T * int(count)
