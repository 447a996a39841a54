"""The one program: up to date, reproducible, refusing, and good for a network of one's own."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from derive import command, disk, making
from derive.language.elementwise import TABLE
from derive.model.network import Network
from derive.package.modules import MARK
from docs.experiment.gradcheck import central_difference, relative_error
from tests.conftest import import_from, layer_sizes, problem
from tests.derive.copies import build as build_copy
from tests.derive.copies import edited, made
from tests.finite_differences import CHECKS, emitted

ROOT = Path(__file__).parents[2]


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
    assert command.main(["--check"]) == 0, capsys.readouterr().out


def test_a_stale_tree_is_shown_and_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "GENERATED", tmp_path / "generated")
    monkeypatch.setattr(command, "NETWORKS", {"relu1": making.NETWORKS["relu1"]})
    assert command.main([]) == 0
    assert "wrote" in capsys.readouterr().out
    assert command.main([]) == 0
    assert "0 of" in capsys.readouterr().out

    kernel = tmp_path / "generated" / "relu1" / "kernel.py"
    original = kernel.read_text(encoding="utf-8")
    scalar = tmp_path / "generated" / "warm_up" / "scalar.py"
    original_scalar = scalar.read_text(encoding="utf-8")
    by_hand = tmp_path / "generated" / "by_hand"
    shutil.copytree(kernel.parent, by_hand)
    kernel.write_text(original.replace("- alpha", "+ alpha"), encoding="utf-8")
    scalar.write_text(original_scalar.replace("w - alpha", "w + alpha"), encoding="utf-8")
    stray = kernel.parent / "diagrams" / "stray.svg"
    stray.write_text(f"<!-- {MARK} -->\n", encoding="utf-8")
    listed = tmp_path / "generated" / disk.WRITTEN
    listed.write_text(listed.read_text("utf-8") + "relu1/diagrams/stray.svg\n", encoding="utf-8")
    (kernel.parent / "mine.py").write_text("x = 1\n", encoding="utf-8")
    assert command.main(["--check"]) == 1
    shown = capsys.readouterr().out
    assert "\n-    Z2_q = H1_q @ W2 + b2 + alpha" in shown
    assert "\n+    Z2_q = H1_q @ W2 + b2 - alpha" in shown
    assert "\n-    w_fast = w + alpha" in shown
    assert "\n+    w_fast = w - alpha" in shown
    assert "stale: " in shown
    assert "stray.svg" in shown
    assert "by_hand" not in shown
    assert shown.rstrip().endswith("run: python derive/build.py")
    assert "+ alpha" in kernel.read_text(encoding="utf-8")

    assert command.main([]) == 0
    assert kernel.read_text(encoding="utf-8") == original
    assert scalar.read_text(encoding="utf-8") == original_scalar
    assert not stray.exists()
    assert (kernel.parent / "diagrams" / "whole.svg").exists()
    # What the build did not write stays, and is named.
    assert (by_hand / "kernel.py").exists()
    assert (kernel.parent / "mine.py").exists()
    shown = capsys.readouterr().out
    assert shown.count("left alone, not written by this program") == 2
    assert "by_hand" in shown
    assert "mine.py" in shown


def test_a_network_that_is_derived_no_more_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "GENERATED", tmp_path / "generated")
    monkeypatch.setattr(command, "NETWORKS", {"relu1": Network(1), "tanh1": Network(1, "tanh")})
    assert command.main([]) == 0
    (tmp_path / "generated" / "tanh1" / "__pycache__").mkdir()
    monkeypatch.setattr(command, "NETWORKS", {"relu1": Network(1)})
    assert command.main([]) == 0
    assert not (tmp_path / "generated" / "tanh1").exists()
    assert (tmp_path / "generated" / "relu1").exists()


def test_what_is_somebody_elses_is_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "mine" / "weights.py"
    own.parent.mkdir()
    own.write_text("w = 1\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="2"):
        command.main(["--name", "mine", "--hidden", "1", "--output", str(tmp_path)])
    assert capsys.readouterr().err == (
        f"build.py: error: --output is {str(tmp_path)!r}; {own.parent} holds what this program "
        "has not written, and must be moved away\n"
    )
    assert own.read_text(encoding="utf-8") == "w = 1\n"
    assert list(own.parent.iterdir()) == [own]
    assert list(tmp_path.iterdir()) == [own.parent]


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--name", "numpy"], "the package would be imported in the place of that module"),
        (["--name", "math"], "the package would be imported in the place of that module"),
        (["--name", "a" * 5000], "it must have at most 200 bytes"),
        (["--name", "__main__"], "Python has such names for itself"),
        (["--name", "\ufb01t"], "Python imports that as 'fit', which must be given"),
        (["--name", "a\nb"], "it must be a Python identifier, no keyword"),
        (["--name", "deep", "--hidden", "1000"], "that takes about 17 hours; --yes derives it all"),
        (["--name", "long", "--steps", "100"], "that takes about 25 minutes; --yes derives it"),
        (
            ["--name", "deep", "--hidden", "9" * 40],
            "--hidden and --steps must be at most a million",
        ),
    ],
)
def test_what_nobody_could_use_or_wait_for_is_refused(
    flags: list[str], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main([*flags, "--output", str(tmp_path)])
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line
    assert not list(tmp_path.iterdir())


def test_a_folder_of_any_bytes_is_written_to_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "a\udcff\x1b[31m\nb"
    own = ["--name", "mine", "--hidden", "0", "--no-bias", "--output", str(folder)]
    assert command.main(own) == 0
    assert command.main([*own, "--activation", "tanh", "--check"]) == 1
    said = capsys.readouterr().out
    assert r"a\udcff\x1b[31m\nb/mine/weights.py" in said
    assert "\udcff" not in said
    assert "\x1b" not in said


@pytest.mark.parametrize(("name", "output"), [("sinusoid", "docs"), ("runtime", "derive")])
def test_the_projects_own_sources_are_not_written_over(
    name: str, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(["--name", name, "--output", str(ROOT / output)])
    assert "holds what this program has not written" in capsys.readouterr().err


def test_what_is_asked_for_may_take_long(tmp_path: Path) -> None:
    given = ["--name", "deep", "--hidden", "70", "--output", str(tmp_path), "--yes"]
    assert command.parse_arguments(given).network == Network(70)
    assert command.estimate(Network(70)) > command.LONG > command.estimate(Network(2, steps=5))


def test_a_derivation_that_fails_is_one_line(tmp_path: Path) -> None:
    edited(
        tmp_path,
        "derive/model/network.py",
        "rest = H * W\n",
        "rest = H * W.T\n",
    )
    result = build_copy(tmp_path)
    assert result.returncode == 2
    assert result.stderr.splitlines() == ["build.py: `Z1`: (N, D) times (L1, D) in X*W1.T"]
    assert [path.name for path in tmp_path.iterdir()] == ["derive"]


def test_changing_an_equation_changes_code_and_equations(tmp_path: Path) -> None:
    trace = "Trace((Z - Y).T * (Z - Y)) / "
    edited(tmp_path, "derive/model/losses.py", f"{trace}entries(Y)", f"{trace}2")
    result = build_copy(tmp_path, "--hidden", "1")
    assert result.returncode == 0, result.stderr
    assert "loss_q = np.sum(E_q**2) / 2" in made(tmp_path, "kernel.py")
    assert "dZ2_s = Z2_s - Y_s" in made(tmp_path, "reference.py")
    assert r"= Z_{2}^{s} - Y^{s}$" in made(tmp_path, "equations.md")
    net = import_from(tmp_path / "out" / "mine", "sums")
    p = problem(net, sizes=(2, 5, 3))
    found = net.meta_loss_and_gradient(*p, 0.01)[1]
    expected = central_difference(lambda w: net.meta_loss(w, *p[1:], 0.01), p.weights)
    for ours, theirs in zip(found, expected, strict=True):
        assert relative_error(ours, theirs) < 1e-6


@pytest.mark.parametrize(
    ("hidden", "activation", "steps"),
    [(3, "tanh", 2), (1, "softplus", 3), (2, "softplus", 1), (0, "relu", 2)],
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


@pytest.mark.parametrize(("hidden", "steps"), [(0, 3), (1, 2), (3, 1)])
def test_a_network_without_biases(
    hidden: int, steps: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"bare{hidden}{steps}"
    sizes = ["--hidden", str(hidden), "--activation", "tanh", "--steps", str(steps)]
    arguments = [*sizes, "--no-bias", "--name", name, "--output", str(tmp_path)]
    assert command.main(arguments) == 0
    printed = capsys.readouterr().out
    reason = "a workspace has a bias in the last row of each layer's weights"
    assert f"  {name} has no workspace form: {reason}" in printed.splitlines()
    net = import_from(tmp_path / name, name)
    assert net.Weights._fields == tuple(f"W{layer}" for layer in range(1, hidden + 2))
    assert not hasattr(net, "workspace")
    p = problem(net, seed=1, sizes=(2, *(3, 5, 7)[:hidden], 2))
    for form in (sys.modules[f"{name}.kernel"], net.reference):
        for function in emitted(form):
            CHECKS[function](net, getattr(form, function), p)


def test_a_network_of_ones_own_keeps_no_drawing_of_another(tmp_path: Path) -> None:
    arguments = ["--name", "mine", "--output", str(tmp_path)]
    drawings = tmp_path / "mine" / "diagrams"
    assert command.main([*arguments, "--hidden", "1"]) == 0
    assert (drawings / "circuit-outer.svg").is_file()
    (tmp_path / "mine" / "notes.md").write_text("by hand\n", encoding="utf-8")
    assert command.main([*arguments, "--hidden", "2"]) == 0
    assert not list(drawings.glob("circuit-*"))
    assert (drawings / "whole.svg").is_file()
    assert command.main([*arguments, "--hidden", "1", "--steps", "2"]) == 0
    assert not drawings.exists()
    assert (tmp_path / "mine" / "notes.md").is_file()


def test_a_form_that_there_is_not_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("`Z1_q`: no rule names the product A*B*C")

    arguments = ["--name", "mine", "--hidden", "1", "--output", str(tmp_path)]
    monkeypatch.setattr("derive.package.derivation.plan_of", refuse)
    assert command.main(arguments) == 0
    assert "  mine has no workspace form: `Z1_q`: no rule" in capsys.readouterr().out
    assert not (tmp_path / "mine" / "inplace.py").exists()

    monkeypatch.setattr("derive.package.derivation.check_sums", refuse)
    assert command.main(arguments) == 0
    reason = "no kernel form: `Z1_q`: no rule names the product A*B*C"
    assert f"  mine has {reason}" in capsys.readouterr().out
    assert f"\nThere is {reason}.\n" in (tmp_path / "mine" / "__init__.py").read_text("utf-8")
    assert not (tmp_path / "mine" / "kernel.py").exists()
    # The dense form has every function then.
    net = import_from(tmp_path / "mine", "mine_without")
    assert not hasattr(net, "workspace")
    p = problem(net, sizes=(2, 5, 3))
    for form in (sys.modules["mine_without.dense"], net.reference):
        for function in emitted(form):
            CHECKS[function](net, getattr(form, function), p)
    assert set(CHECKS) == set(emitted(sys.modules["mine_without.dense"]))


def test_an_activation_on_the_outputs(tmp_path: Path) -> None:
    # All forms of a function that is 0 at 0; of another, all but the workspace.
    edited(
        tmp_path,
        "derive/model/network.py",
        "if layer <= network.hidden:",
        "if layer <= network.hidden + 1:",
    )
    result = build_copy(tmp_path, "--hidden", "1", "--activation", "tanh")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out/mine/inplace.py").exists()
    result = build_copy(tmp_path, "--hidden", "1", "--activation", "softplus")
    assert result.returncode == 0, result.stderr
    assert "mine has no workspace form: `H2_s` applies softplus(z)" in result.stdout
    assert not (tmp_path / "out/mine/inplace.py").exists()


def test_softplus_does_not_overflow(tmp_path: Path) -> None:
    assert (
        command.main(["--name", "sp", "--activation", "softplus", "--output", str(tmp_path)]) == 0
    )
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
    assert {
        name for name in made[0] if not name.startswith(("same/diagrams/", "same/runtime/"))
    } == {
        f"same/{file}"
        for file in (
            *("__init__.py", "weights.py", "reference.py", "kernel.py", "inplace.py", "native.c"),
            *("task.js", "equations.js", "equations.json", "equations.md", "written.txt"),
        )
    }
    assert {name for name in made[0] if name.startswith("same/runtime/")} == {
        f"same/runtime/{path.name}" for path in (ROOT / "derive/runtime").glob("*.*")
    }
    assert sum(name.startswith("same/diagrams/") for name in made[0]) == 14


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hidden", "3"], "--hidden is for a network that has a --name"),
        (["--no-bias"], "--bias is for a network that has a --name"),
        (["--name", "mine"], "--name needs --output"),
        (["--name", "no-name", "--output", "x"], "it must be a Python identifier"),
        (["--name", "class", "--output", "x"], "it must be a Python identifier"),
        (["--name", "a", "--output", "a" * 5000], "File name too long"),
        (
            ["--name", "mine", "--output", "x", "--hidden", "-1"],
            "hidden is -1; it must be at least",
        ),
        (["--name", "mine", "--output", "x", "--steps", "0"], "steps is 0; it must be at least 1"),
        (["--name", "mine", "--output", "x", "--activation", "swish"], "invalid choice: 'swish'"),
        (["--name", "mine", "--output", "x", "--loss", "hinge"], "invalid choice: 'hinge'"),
        (["--name", "mine", "--output", "x", "--algorithm", "sgd"], "invalid choice: 'sgd'"),
        (["--name", "mine", "--output", __file__], "is no folder to write to"),
        (["--name", "mine", "--output", f"{__file__}/below"], "is no folder to write to"),
        (["--name", "relu9", "--output", str(ROOT / "generated")], "must be outside generated/"),
    ],
)
def test_a_wrong_command_line_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exited:
        command.main(arguments)
    assert exited.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_an_output_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mine" / "kernel.py"
    folder.mkdir(parents=True)
    written = disk.listed(["weights.py"])
    (tmp_path / "mine" / disk.WRITTEN).write_text(written, encoding="utf-8")
    assert command.main(["--name", "mine", "--hidden", "1", "--output", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error == f"build.py: cannot write {folder}: {folder} is in the way\n"
    assert {path.name for path in (tmp_path / "mine").iterdir()} == {"kernel.py", disk.WRITTEN}
    assert (tmp_path / "mine" / disk.WRITTEN).read_text(encoding="utf-8") == written


def test_an_interrupted_build_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--name", "mine", "--output", str(tmp_path)]
    folder = tmp_path / "mine"
    real = Path.replace

    def ended(self: Path, target: Path) -> Path:
        if target.name == "reference.py":
            raise KeyboardInterrupt
        return real(self, target)

    with monkeypatch.context() as once:
        once.setattr(Path, "replace", ended)
        assert command.main([*arguments, "--hidden", "1"]) == 130
    assert capsys.readouterr().err == "build.py: interrupted\n"
    assert (folder / "diagrams" / "circuit-outer.svg").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    # Another network has no circuits: what the first one left goes.
    assert command.main([*arguments, "--hidden", "2"]) == 0
    assert not list(folder.glob("diagrams/circuit-*"))
    assert (folder / "reference.py").exists()


@pytest.mark.skipif(os.name != "posix", reason="there are no process groups")
def test_an_interrupt_ends_every_process_in_one_line(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "derive", tmp_path / "derive")
    command = [sys.executable, str(tmp_path / "derive/build.py")]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        # The first report: all processes are at work, and nothing has been written.
        assert process.stdout.readline().startswith("relu1: ")
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    assert said == "build.py: interrupted\n"
    assert {path.name for path in tmp_path.iterdir()} == {"derive"}


def test_a_list_does_not_lead_out_of_its_folder(tmp_path: Path) -> None:
    arguments = ["--name", "mine", "--hidden", "1", "--output", str(tmp_path)]
    assert command.main(arguments) == 0
    other = tmp_path / "other.py"
    other.write_text(f"# {MARK}\n", encoding="utf-8")
    listed = tmp_path / "mine" / disk.WRITTEN
    listed.write_text(f"{listed.read_text('utf-8')}../other.py\n{other}\n", encoding="utf-8")
    assert command.main(arguments) == 0
    assert other.exists()


def test_what_fails_in_derive_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = TABLE["relu"]._replace(latex="relu")
    monkeypatch.setitem(TABLE, "relu", row)
    assert command.main(["--name", "mine", "--hidden", "1", "--output", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("build.py: TypeError: not all arguments converted")
    assert "latex.py:" in error
    assert error.count("\n") == 1
