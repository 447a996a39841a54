"""What this machine is, and the most that it can do: arithmetic and memory, on one core."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmark.clock import rounded

PACKAGES = ("numpy", "jax", "torch", "autograd")

#: Independent chains of multiply-adds, which no latency holds up and which the registers hold.
FMA = """
#if defined(__AVX512F__)
enum { WIDTH = 16, CHAINS = 16 };
#elif defined(__AVX__)
enum { WIDTH = 8, CHAINS = 12 };
#else
enum { WIDTH = 4, CHAINS = 12 };
#endif
typedef float vec __attribute__((vector_size(4 * WIDTH)));
int width(void) { return WIDTH * CHAINS; }
float run(long count) {
    vec a[CHAINS], x, y;
    for (int i = 0; i < CHAINS; i++) for (int j = 0; j < WIDTH; j++) a[i][j] = i + j;
    for (int j = 0; j < WIDTH; j++) { x[j] = 0.999f; y[j] = 0.001f; }
    for (long n = 0; n < count; n++)
        for (int i = 0; i < CHAINS; i++) a[i] = a[i] * x + y;
    float sum = 0;
    for (int i = 0; i < CHAINS; i++) for (int j = 0; j < WIDTH; j++) sum += a[i][j];
    return sum;
}
"""


def machine(folder: Path) -> dict[str, Any]:
    """Processor, versions, and limits in GFLOP/s and GB/s."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "sgemm": rounded(sgemm()),
        "fma": fma(folder),
        "bandwidth": rounded(bandwidth()),
    }


def processor() -> str:
    """The processor's name."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def blas() -> str:
    """The BLAS that numpy uses, and its kernel."""
    from threadpoolctl import threadpool_info

    found = [each for each in threadpool_info() if each["user_api"] == "blas"]
    numpys = [each for each in found if "numpy" in each["filepath"]] or found
    return " ".join(
        str(numpys[0].get(key)) for key in ("internal_api", "version", "architecture")
    ) if numpys else "unknown"  # fmt: skip


def best(call: Any, seconds: float = 0.5) -> float:
    """The shortest time of a call."""
    call()
    times: list[float] = []
    stop = time.perf_counter() + seconds
    while not times or time.perf_counter() < stop:
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return min(times)


def sgemm() -> float:
    """GFLOP/s of the product of two square matrices, at the best of several sizes."""
    found = []
    for size in (256, 512, 1024, 2048):
        A, B = np.ones((2, size, size), np.float32)
        C = np.empty_like(A)
        found.append(2 * size**3 / best(lambda A=A, B=B, C=C: np.matmul(A, B, out=C)) / 1e9)
    return max(found)


def fma(folder: Path) -> float | None:
    """GFLOP/s of multiply-adds that wait for nothing; None where no C compiler does it."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    source, library = folder / "fma.c", folder / "fma.so"
    source.write_text(FMA, encoding="utf-8")
    flags = ["-O3", "-march=native", "-ffast-math", "-shared", "-fPIC"]
    command = [compiler, *flags, str(source), "-o", str(library)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        return None
    loaded = ctypes.CDLL(str(library))
    run = loaded.run
    run.argtypes, run.restype = [ctypes.c_long], ctypes.c_float
    count = 200_000  # soon over, so that nothing comes between
    return rounded(2 * count * loaded.width() / best(lambda: run(count)) / 1e9)


def bandwidth() -> float:
    """GB/s of reading and writing memory that no cache holds."""
    source = np.ones(2**26, np.float32)
    target = np.empty_like(source)
    return 2 * source.nbytes / best(lambda: np.copyto(target, source)) / 1e9
