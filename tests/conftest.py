"""What the tests share: the emitted networks, and random problems for them."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from hypothesis import settings

from derive.making import NETWORKS
from derive.package.derivation import Derivation, derive

if TYPE_CHECKING:
    import pytest

# No test asserts a time: a machine may be busy.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

#: The emitted packages of MAML with the squared error, on which everything is tried.
NAMES = [
    name for name, each in NETWORKS.items() if (each.algorithm, each.loss) == ("maml", "squared")
]
#: The others: the build tries them, and they are held against an implementation in JAX.
OTHERS = [name for name in NETWORKS if name not in NAMES]
#: Those whose layers have biases, which the memory of a workspace is laid out for.
WITH_WORKSPACE = [name for name in NAMES if NETWORKS[name].bias]

#: Pairwise distinct primes, so that no two sizes can be taken for one another.
TASKS, SHOTS, QUERIES, SIZES = 3, 5, 7, (2, 11, 13, 17)

#: They take minutes, and a process takes a whole file.
LONG = ("test_browser.py", "test_family.py", "test_clicks.py", "test_build.py", "test_trial.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files, so that no process is left alone with one of them at the end."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


class Problem(NamedTuple):
    """Weights and a meta-batch."""

    weights: Any
    X_s: np.ndarray
    Y_s: np.ndarray
    X_q: np.ndarray
    Y_q: np.ndarray

    def cast(self, dtype: type) -> Problem:
        """The same numbers in another dtype."""
        weights = type(self.weights)(*(array.astype(dtype) for array in self.weights))
        return Problem(weights, *(array.astype(dtype) for array in self[1:]))


def network(name: str) -> ModuleType:
    """An emitted package."""
    return import_module(f"generated.{name}")


@cache
def derivation(name: str) -> Derivation:
    """What a package was emitted from, derived once for all tests."""
    return derive(name, NETWORKS[name])


def random_weights(net: Any, sizes: tuple[int, ...], rng: np.random.Generator) -> Any:
    """Weights for layers of the given sizes, one more than the network has."""
    arrays = []
    for above, below in pairwise(sizes):
        arrays.append(rng.normal(size=(above, below)) / np.sqrt(above))
        if net.NETWORK.bias:
            arrays.append(rng.normal(size=(1, below)) / 2)
    return net.Weights(*arrays)


def layer_sizes(net: Any) -> tuple[int, ...]:
    """Distinct prime sizes for a network: inputs, hidden layers, outputs."""
    return (*SIZES[: net.NETWORK.hidden + 1], 19)


def problem(
    net: Any,
    seed: int = 0,
    tasks: int = TASKS,
    shots: int = SHOTS,
    queries: int = QUERIES,
    sizes: tuple[int, ...] | None = None,
) -> Problem:
    """A random problem in float64."""
    rng = np.random.default_rng(seed)
    sizes = sizes or layer_sizes(net)
    arrays = [
        rng.normal(size=(tasks, rows, columns))
        for rows in (shots, queries)
        for columns in (sizes[0], sizes[-1])
    ]
    return Problem(random_weights(net, sizes, rng), *arrays)


def import_from(folder: Path, name: str) -> Any:
    """Import a package from anywhere; under the name ``generated.x`` it finds the runtime there."""
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
