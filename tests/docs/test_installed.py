"""The wheel, in an empty environment with numpy and msgspec alone: from nothing to a verdict."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import numpy as np
import pytest

from docs.render.manifest import ROOT
from generated.runtime import compiled
from tests.native import needs_compiler

#: A network with one weight matrix and a step of gradient descent, by hand.
MODEL = textwrap.dedent(
    """
    import numpy as np

    ALPHA = 0.1

    def residual(weights, batch):
        X, Y = batch
        return X @ weights["W"] - Y

    def loss(weights, batch):
        return float((residual(weights, batch) ** 2).mean())

    def slope(weights, batch):
        R = residual(weights, batch)
        return 2 * batch[0].T @ R / R.size

    def adapt(weights, support):
        return {"W": weights["W"] - ALPHA * slope(weights, support)}

    def through(support, G):
        return ORDER * 2 * support[0].T @ (support[0] @ G) / (len(support[0]) * G.shape[1])

    def meta_gradient(weights, tasks):
        total = 0
        for support, query in tasks:
            G = slope(adapt(weights, support), query)
            total = total + G - ALPHA * through(support, G)
        return {"W": total / len(tasks)}

    rng = np.random.default_rng(0)
    weights = {"W": rng.normal(size=(4, 2))}
    tasks = [
        tuple((rng.normal(size=(rows, 4)), rng.normal(size=(rows, 2))) for rows in (5, 7))
        for _ in range(3)
    ]
    """
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], check=True)
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def empty(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that has the wheel, and what it asks for."""
    folder = tmp_path_factory.mktemp("empty")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    subprocess.run([folder / "bin/python", "-m", "pip", "install", "--quiet", wheel], check=True)
    return folder


def said(
    command: list[str | Path], folder: Path, status: int, **environment: str
) -> tuple[str, str]:
    """What a command prints in a folder that is no checkout, and its errors."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    result = subprocess.run(
        command, cwd=folder, env=clean | environment, check=False, capture_output=True, text=True
    )
    assert result.returncode == status, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    return result.stdout, result.stderr


def test_it_is_one_package_and_one_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (entries,) = (name for name in names if name.endswith("entry_points.txt"))
        text = archive.read(entries).decode()
    assert {name.partition("/")[0] for name in names} == {
        "maml_derived",
        "maml_derived-0.1.0.dist-info",
    }
    assert text.split() == ["[console_scripts]", "maml-derived", "=", "maml_derived.__main__:main"]
    # Code alone, and what it reads.
    ends = {Path(name).suffix for name in names if name.startswith("maml_derived/")}
    assert ends == {".c", ".h", ".js", ".json", ".md", ".py", ".wasm"}
    assert not any("/render/" in name or name.endswith("derive/build.py") for name in names)


def test_nothing_else_is_installed(empty: Path) -> None:
    (site,) = empty.glob("lib/python*/site-packages")
    names = {path.name.partition("-")[0].partition(".")[0] for path in site.iterdir()}
    assert names - {"pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils"} == {
        "maml_derived",
        "msgspec",
        "numpy",
    }
    code = "from maml_derived.generated import relu2; print(relu2.NETWORK.hidden)"
    assert said([empty / "bin/python", "-c", code], empty, 0)[0] == "2\n"


@needs_compiler
def test_what_is_installed_can_be_compiled(empty: Path, tmp_path: Path) -> None:
    code = (
        "from maml_derived.generated import relu1; "
        "print(relu1.workspace((1, 2, 1), 1, 1, 1, backend='c').backend)"
    )
    cache = {compiled.FOLDER: str(tmp_path / "cache")}
    assert said([empty / "bin/python", "-c", code], empty, 0, **cache)[0] == "c\n"


@pytest.mark.parametrize(("order", "status", "answer"), [(1, 0, "yes"), (0, 1, "no: first order")])
def test_a_model_of_ones_own_gets_its_verdict(
    empty: Path, tmp_path: Path, order: int, status: int, answer: str
) -> None:
    (tmp_path / "mine.py").write_text(f"ORDER = {order}\n{MODEL}", encoding="utf-8")
    printed, _ = said([empty / "bin/maml-derived", "check", "mine.py"], tmp_path, status)
    assert answer in printed


def test_gradients_in_a_file_get_theirs(empty: Path, tmp_path: Path) -> None:
    command = empty / "bin/maml-derived"
    assert "vectors.npz" in said([command, "vectors", "--out", "vectors"], tmp_path, 0)[0]
    with np.load(tmp_path / "vectors/vectors.npz") as file:
        ones = {
            key: np.ones_like(array)
            for key, array in file.items()
            if key.startswith("relu2/") and key[6] in "Wb"
        }
    np.savez(tmp_path / "ones.npz", allow_pickle=False, **ones)
    assert "none of these" in said([command, "diagnose", "ones.npz"], tmp_path, 1)[0]
    assert "no equation" in said([command, "diagnose", "vectors/quantities.npz"], tmp_path, 0)[0]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["build", "--name", "mine", "--output", "."], "install maml-derived[derive]"),
        (["sinusoid", "train"], "install maml-derived[experiment]"),
        (["derive"], "error: the command is 'derive'; it must be one of check, diagnose,"),
        (["diagnose", "absent.npz"], "error: cannot read absent.npz"),
    ],
)
def test_what_is_missing_is_one_line(
    empty: Path, tmp_path: Path, words: list[str], error: str
) -> None:
    _, line = said([empty / "bin/maml-derived", *words], tmp_path, 2)
    assert error in line
    assert line.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_with_the_extras_a_package_is_derived_and_trained(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    command: list[str | Path] = [sys.executable, "-m", "maml_derived"]
    network = ["--hidden", "1", "--algorithm", "meta_sgd", "--name", "mine", "--output", "."]
    said([*command, "build", *network], tmp_path, 0, PYTHONPATH=str(target))
    assert "--name is missing" in said([*command, "build"], tmp_path, 2, PYTHONPATH=str(target))[1]

    options = ["--methods", "meta-sgd", "--iterations", "3", "--hidden", "8"]
    for number, name in enumerate(("./mine", "mine")):
        run = [*options, "--network", name, "--run", f"run{number}"]
        path = os.pathsep.join([str(target), str(tmp_path)])
        said([*command, "sinusoid", "train", *run], tmp_path, 0, PYTHONPATH=path)
    first, second = (np.load(tmp_path / f"run{number}/meta-sgd.npz") for number in (0, 1))
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])
