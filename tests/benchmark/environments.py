"""The environments that parts run in: how many threads, and which kernel BLAS takes."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Makes BLAS and JAX use one thread; `part` tells PyTorch.
ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}

#: What may pin the kernel of OpenBLAS.
PINS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")

#: An older kernel that every x86 processor of today can run.
OLDER = "Haswell"


def environment(name: str, found: Mapping[str, str]) -> dict[str, str]:
    """The variables of a part.

    Parameters
    ----------
    name
        ``threads`` leaves all threads to everyone; ``pinned`` pins an older kernel and ``found``
        what the user's environment pins. Any other part has one thread, and BLAS chooses.
    found
        The user's environment.
    """
    # What limits threads is removed as well: all threads are all threads.
    variables = {key: found[key] for key in found if key not in (*PINS, *ONE_THREAD)}
    variables["JAX_PLATFORMS"] = "cpu"
    if name == "found":
        variables |= {key: found[key] for key in PINS if key in found}
    if name == "pinned":
        variables["OPENBLAS_CORETYPE"] = OLDER
    return variables if name == "threads" else {**variables, **ONE_THREAD}


def described(found: Mapping[str, str], blas: str) -> dict[str, Any]:
    """The variables of each environment, or why it is not measured.

    Parameters
    ----------
    found
        The user's environment.
    blas
        What numpy uses, as `machine.blas` says.
    """
    missing = {}
    if not any(key in found for key in PINS):
        missing["found"] = "the same as free: nothing pins a kernel"
    if platform.machine() not in ("x86_64", "AMD64") or not blas.startswith("openblas"):
        missing["pinned"] = "the variable is for OpenBLAS on x86"
    return {
        name: {"not measured": missing[name]}
        if name in missing
        else {key: environment(name, found).get(key) for key in (*PINS, *ONE_THREAD)}
        for name in ("free", "found", "pinned", "threads")
    }
