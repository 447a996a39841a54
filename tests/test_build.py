"""The one program: up to date, reproducible, refusing, and good for a network of one's own."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sympy import HadamardProduct, ImmutableMatrix, MatrixSymbol, tanh

from derive import build, numpy_code
from derive.equations import relu, sigmoid, softplus, step
from derive.notation import D, N, O, alpha, width
from derive.program import Equation, Program, elementwise, evaluate, z
from docs.experiment.gradcheck import central_difference, relative_error
from tests.conftest import layer_sizes, problem
from tests.test_generated import CHECKS, emitted, import_from

ROOT = Path(__file__).parent.parent


def run(*arguments: str, folder: Path = ROOT, seed: str = "0") -> subprocess.CompletedProcess[str]:
    """Run build.py as a user does."""
    return subprocess.run(
        [sys.executable, str(ROOT / "derive" / "build.py"), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=False,
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_generated_is_up_to_date_seen_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert build.main(["--check"]) == 0, capsys.readouterr().out


def test_a_stale_tree_is_shown_and_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "NETWORKS", {"relu1": build.NETWORKS["relu1"]})
    assert build.main([]) == 0
    assert "wrote" in capsys.readouterr().out
    assert build.main([]) == 0
    assert "0 of" in capsys.readouterr().out

    kernel = tmp_path / "generated" / "relu1" / "kernel.py"
    original = kernel.read_text(encoding="utf-8")
    scalar = tmp_path / "generated" / "warm_up" / "scalar.py"
    original_scalar = scalar.read_text(encoding="utf-8")
    abandoned = tmp_path / "generated" / "abandoned"
    shutil.copytree(kernel.parent, abandoned)
    kernel.write_text(original.replace("- alpha", "+ alpha"), encoding="utf-8")
    scalar.write_text(original_scalar.replace("w - alpha", "w + alpha"), encoding="utf-8")
    (kernel.parent / "stray.py").write_text(f"# {build.MARK}\n", encoding="utf-8")
    (kernel.parent / "diagrams" / "stray.svg").write_text(f"<!-- {build.MARK} -->\n")
    (kernel.parent / "mine.py").write_text("x = 1\n", encoding="utf-8")
    assert build.main(["--check"]) == 1
    shown = capsys.readouterr().out
    assert "\n-    Z2_q = H1_q @ W2 + b2 + alpha" in shown
    assert "\n+    Z2_q = H1_q @ W2 + b2 - alpha" in shown
    assert "\n-    w_fast = w + alpha" in shown
    assert "\n+    w_fast = w - alpha" in shown
    assert "stray.py" in shown
    assert "stray.svg" in shown
    assert "abandoned" in shown
    assert shown.rstrip().endswith("run: python derive/build.py")
    assert "+ alpha" in kernel.read_text(encoding="utf-8")

    assert build.main([]) == 0
    assert kernel.read_text(encoding="utf-8") == original
    assert scalar.read_text(encoding="utf-8") == original_scalar
    assert not (kernel.parent / "stray.py").exists()
    assert not (kernel.parent / "diagrams" / "stray.svg").exists()
    assert (kernel.parent / "diagrams" / "whole.svg").exists()
    assert not abandoned.exists()
    assert (kernel.parent / "mine.py").exists()


def test_a_derivation_that_fails_is_one_line(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "derive", tmp_path / "derive")
    path = tmp_path / "derive" / "equations.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("H * W + OneMatrix", "H * W.T + OneMatrix"), encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "derive/build.py"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert result.stderr.splitlines() == ["build.py: `Z1`: (N, D) times (L1, D) in X*W1.T"]
    assert not (tmp_path / "generated").exists()


def test_changing_an_equation_changes_code_and_equations(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "derive", tmp_path / "derive")
    path = tmp_path / "derive" / "equations.py"
    original = path.read_text(encoding="utf-8")
    changed = original.replace("Trace(error.T * error) / count", "Trace(error.T * error) / 2")
    assert changed != original
    path.write_text(changed, encoding="utf-8")
    subprocess.run(
        [sys.executable, "derive/build.py", "--name", "sums", "--hidden", "1", "--output", "."],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    made = {path.name: path.read_text("utf-8") for path in tmp_path.glob("sums/*.*")}
    assert "loss_q = np.sum(E_q**2) / 2" in made["kernel.py"]
    assert "dZ2_s = Z2_s - Y_s" in made["reference.py"]
    assert r"= Z_{2}^{s} - Y^{s}$" in made["equations.md"]
    net = import_from(tmp_path / "sums", "sums")
    p = problem(net, sizes=(2, 5, 3))
    found = net.meta_loss_and_gradient(*p, 0.01)[1]
    expected = central_difference(lambda w: net.meta_loss(w, *p[1:], 0.01), p.weights)
    for ours, theirs in zip(found, expected, strict=True):
        assert relative_error(ours, theirs) < 1e-6


@pytest.mark.parametrize(
    ("hidden", "activation", "steps"), [(3, "tanh", 2), (1, "softplus", 3), (2, "softplus", 1)]
)
def test_a_network_of_ones_own(hidden: int, activation: str, steps: int, tmp_path: Path) -> None:
    name = f"{activation}_mine{hidden}{steps}"
    result = run(
        *("--hidden", str(hidden), "--activation", activation, "--steps", str(steps)),
        *("--name", name, "--output", "deep/down/"),
        folder=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    folder = tmp_path / "deep" / "down" / name
    # numpy alone: an interpreter that sees neither this project nor what else is installed.
    alone = subprocess.run(
        [
            sys.executable, "-c",
            f"import sys, {name}; print(sorted({{'sympy', 'derive', 'docs'}} & set(sys.modules)))",
        ],
        cwd=folder.parent,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    assert alone.stdout.strip() == "[]"
    net = import_from(folder, name)
    sizes = (2, *(3, 5, 7)[:hidden], 2)
    p = problem(net, seed=1, sizes=sizes)
    for form in (sys.modules[f"{name}.kernel"], net.reference):
        for function in emitted(form):
            CHECKS[function](net, getattr(form, function), p)
    for dense in itertools.product((False, True), repeat=hidden + 1):
        net.inplace.dense_layers = lambda *_, dense=dense: dense
        ws = net.workspace(sizes, len(p.X_s), p.X_s.shape[1], p.X_q.shape[1], np.float64)
        found, expected = (each.meta_loss_and_gradient(*p, 0.05) for each in (ws, net.reference))
        assert found[0] == pytest.approx(expected[0], rel=1e-12)
        for ours, theirs in zip(found[1], expected[1], strict=True):
            assert relative_error(ours, theirs) < 1e-11


def test_a_network_of_ones_own_keeps_no_drawing_of_another(tmp_path: Path) -> None:
    arguments = ["--name", "mine", "--output", str(tmp_path)]
    drawings = tmp_path / "mine" / "diagrams"
    assert build.main([*arguments, "--hidden", "1"]) == 0
    assert (drawings / "circuit-outer.svg").is_file()
    (tmp_path / "mine" / "notes.md").write_text("by hand\n", encoding="utf-8")
    assert build.main([*arguments, "--hidden", "1", "--activation", "tanh"]) == 0
    assert not list(drawings.glob("circuit-*"))
    assert (drawings / "whole.svg").is_file()
    assert build.main([*arguments, "--hidden", "1", "--steps", "2"]) == 0
    assert not drawings.exists()
    assert (tmp_path / "mine" / "notes.md").is_file()


def test_softplus_does_not_overflow(tmp_path: Path) -> None:
    assert build.main(["--name", "sp", "--activation", "softplus", "--output", str(tmp_path)]) == 0
    net = import_from(tmp_path / "sp", "sp")
    p = problem(net).cast(np.float32)
    p = p._replace(X_s=p.X_s * 1000, X_q=p.X_q * 1000)
    with np.errstate(all="raise", under="ignore"):
        ws = net.workspace(layer_sizes(net), len(p.X_s), p.X_s.shape[1], p.X_q.shape[1])
        for form in (net, ws):
            loss, gradient = form.meta_loss_and_gradient(*p, 1e-9)
            assert np.isfinite(loss)
            assert all(np.isfinite(array).all() for array in gradient)


def test_the_same_bytes_under_any_hash_seed(tmp_path: Path) -> None:
    made = []
    for seed in ("1", "2"):
        result = run("--name", "same", "--output", str(tmp_path / seed), "--hidden", "1", seed=seed)
        assert result.returncode == 0
        made.append(contents(tmp_path / seed))
    assert made[0] == made[1]
    drawings = [name for name in made[0] if name.startswith("same/diagrams/")]
    assert len(drawings) == 14
    assert len(made[0]) == 11 + len(drawings)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hidden", "3"], "need --name"),
        (["--name", "mine"], "--name needs --output"),
        (["--name", "no-name", "--output", "x"], "it must be a Python identifier"),
        (["--name", "class", "--output", "x"], "it must be a Python identifier"),
        (["--name", "mine", "--output", "x", "--hidden", "0"], "hidden is 0; it must be at least"),
        (["--name", "mine", "--output", "x", "--steps", "0"], "steps is 0; it must be at least 1"),
        (["--name", "mine", "--output", "x", "--activation", "gelu"], "invalid choice: 'gelu'"),
        (["--name", "mine", "--output", __file__], "is no folder to write to"),
        (["--name", "mine", "--output", f"{__file__}/below"], "is no folder to write to"),
        (["--name", "relu9", "--output", str(ROOT / "generated")], "must be outside generated/"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exited:
        build.main(arguments)
    assert exited.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_an_output_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine" / "kernel.py").mkdir(parents=True)
    assert build.main(["--name", "mine", "--hidden", "1", "--output", str(tmp_path)]) == 2
    assert f"cannot write {tmp_path / 'mine' / 'kernel.py'}" in capsys.readouterr().err


# --- printers are closed ---


def test_a_sum_that_would_lose_its_tasks_is_refused() -> None:
    W = MatrixSymbol("W1", D, O)
    fast = MatrixSymbol("W1_fast", D, O)
    program = Program((W,), (Equation(fast, 2 * W, "step"),), (fast,))
    with pytest.raises(ValueError, match="`W1_fast` is shaped like a weight but is not a sum"):
        numpy_code.check_sums(program)


def test_what_is_printed_means_what_was_derived() -> None:
    # Every way to put one node inside another, run as Python and by the interpreter.
    A, B, C = (MatrixSymbol(name, N, N) for name in ("X", "Y", "Z2"))
    inner = [A, A.T, A + B, 2 * A, A * B, HadamardProduct(A, B)]
    inner += [elementwise(body, A) for body in (tanh(z), z**2, 2 * z, 1 - z**2, z / 2 + z**3)]
    outer = [lambda x: x, lambda x: C * x, lambda x: x * C, lambda x: HadamardProduct(x, C)]
    outer += [lambda x: C - (1 - alpha / 3) * x, lambda x: -alpha * x + C]
    outer += [lambda x: elementwise(1 - 3 * z, x), lambda x: elementwise(z**2, x)]
    outer += [
        lambda x, f=f: elementwise(f(z), x)  # type: ignore[misc]
        for f in (tanh, relu, step, softplus, sigmoid)
    ]
    arrays = {"X": np.array([[0.5, -1.5], [2.0, 0.25]]), "Y": np.array([[1.0, 3.0], [-0.5, 2.0]])}
    arrays["Z2"] = arrays["X"] @ arrays["Y"].T
    exact = {symbol: ImmutableMatrix(arrays[str(symbol.name)]) for symbol in (A, B, C)}
    printed = 0
    for wrap, value in itertools.product(outer, inner):
        equation = Equation(MatrixSymbol("Z1", N, N), wrap(value), "support")
        try:
            lines = numpy_code.statement(equation, "batched")
        except ValueError as refused:
            assert "no numpy" in str(refused)  # noqa: PT017
            continue
        scope: dict[str, Any] = {**arrays, "np": np, "alpha": 0.75}
        exec("\n".join(lines), scope)
        program = Program((A, B, C), (equation,), (equation.symbol,))
        expected = evaluate(program, {**exact, N: 2, alpha: 0.75})[equation.symbol]
        np.testing.assert_allclose(
            scope["Z1"], np.array(expected.tolist(), float), rtol=1e-14, err_msg=str(lines)
        )
        printed += 1
    assert printed > 110


def test_an_unknown_node_is_refused() -> None:
    from sympy import sin

    from derive import latex

    Z = MatrixSymbol("Z1", N, width(1))
    H = MatrixSymbol("H1", N, width(1))
    odd = Equation(H, elementwise(sin(z), Z), "support")
    with pytest.raises(ValueError, match="no numpy for the function sin"):
        numpy_code.statement(odd, "batched")
    with pytest.raises(ValueError, match="no LaTeX for the function sin"):
        latex.equation_latex(odd)
