"""The command of the diagnosis: what it writes, what it takes, and what it refuses."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs.diagnose import example, vectors
from docs.diagnose.__main__ import main
from docs.diagnose.cases import PLANS, cases
from docs.diagnose.gradients import first_order, last_step, scaled, second_order
from tests.docs.diagnose.diagnosed import saved

FIELDS = ("W1", "b1", "W2", "b2", "W3", "b3")
ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs/diagnose/vectors"


def test_only_the_true_gradient_has_exit_status_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for gradient, expected_status in [
        (second_order, 0),
        (first_order, 1),
        (lambda case: scaled(second_order(case), -1), 1),
        (lambda case: scaled(second_order(case), case.sizes["T"]), 1),
    ]:
        for names in (PLANS, ["relu2_5steps"], ["tanh2", "relu1"]):
            assert main([str(saved(tmp_path, gradient, names))]) == expected_status
            output = capsys.readouterr()
            assert output.err == ""
            assert [line.partition(":")[0] for line in output.out.splitlines() if line[:1] > " "][
                :-2
            ] == [name for name in PLANS if name in names]
    assert main([str(saved(tmp_path, last_step))]) == 1
    without: Any = lambda case: second_order(case)._replace(W1=0 * case.weights.W1)  # type: ignore[attr-defined]  # noqa: E731
    assert main([str(saved(tmp_path, without, ["tanh2"]))]) == 1


def npy(path: Path) -> None:
    np.save(path.with_suffix(".npy"), np.zeros(3))
    path.with_suffix(".npy").rename(path)


def archive(path: Path, key: str) -> None:
    np.savez(path, allow_pickle=False, **{key: np.zeros(3)})


def none(path: Path) -> None:
    np.savez(path, **{"relu2/W1": None})  # type: ignore[arg-type]


def of_torch(path: Path) -> None:
    """The archive that ``torch.save`` writes: a pickle, and the numbers beside it."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("g/data.pkl", b"\x80\x02}q\x00.")
        archive.writestr("g/data/0", bytes(8))


def of_old_torch(path: Path) -> None:
    path.write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2) + b"\x80\x02M\xe9\x03.")


def problems(path: Path) -> None:
    path.write_bytes((FOLDER / "vectors.npz").read_bytes())


def folder(path: Path) -> None:
    path.mkdir()


def broken(path: Path) -> None:
    path.write_bytes((FOLDER / "vectors.npz").read_bytes()[:2000])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "No such file"),
        (lambda path: path.write_bytes(b""), "is not readable as arrays"),
        (lambda path: path.write_text("W1 = 3"), "is not readable as arrays"),
        (folder, "Is a directory"),
        (npy, "is not readable as arrays"),
        (broken, "is not readable as arrays"),
        (problems, "is the file of the problems; it must be that of the gradients"),
        (np.savez, "holds nothing"),
        (of_torch, "is a file of torch.save; save numpy's arrays, np.savez("),
        (of_old_torch, "is a file of torch.save; save numpy's arrays, np.savez("),
        (none, "relu2/W1 is a Python object, such as None; the loss must be connected to the"),
        (lambda path: archive(path, "W1"), "a key is 'W1'; keys must be CASE/W1"),
        (lambda path: archive(path, "relu9/W1"), "the case is 'relu9'"),
        (lambda path: archive(path, "relu2/W1"), "relu2/b1 is missing"),
    ],
)
def test_what_is_no_file_of_gradients(
    make: Callable[[Path], Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "g.npz"
    make(path)
    refused([str(path)], message, capsys)


def test_gradients_may_be_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "g.json"
    for gradient, expected_status in [(second_order, 0), (first_order, 1)]:
        record = {
            name: {key: array.tolist() for key, array in gradient(case)._asdict().items()}
            for name, case in cases().items()
        }
        path.write_text(json.dumps(record), encoding="utf-8")
        assert main([str(path)]) == expected_status
    assert capsys.readouterr().out.count("to float64 accuracy") == 2 * len(PLANS)


def test_keys_of_json_may_be_flat_and_a_byte_order_mark_before_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "g.json"
    right = second_order(cases()["relu2"])._asdict()
    flat = json.dumps({f"relu2/{key}": array.tolist() for key, array in right.items()})
    for encoding, expected_status in {"utf-8": 0, "utf-8-sig": 0, "utf-16": 2}.items():
        path.write_text(flat, encoding=encoding)
        assert main([str(path)]) == expected_status
    assert "is not in UTF-8; save it as that" in capsys.readouterr().err


def test_a_file_that_torch_saved_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "g.pt"
    for archived in (True, False):
        torch.save({"W1": torch.zeros(3)}, path, _use_new_zipfile_serialization=archived)
        refused([str(path)], "is a file of torch.save; save numpy's arrays", capsys)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file"),
        ("", "is not readable as JSON"),
        ("[" * 10**5, "is not readable as JSON"),
        ("\ud800", "is not in UTF-8; save it as that"),
        ("[1, 2]", "Expected `object`, got `array`"),
        ("{}", "holds nothing"),
        ('{"W1": [[1]]}', "a key is 'W1'; keys must be CASE/W1, CASE/b1, ..."),
        ('{"relu2": [1]}', "a key is 'relu2'; keys must be CASE/W1, CASE/b1, ..."),
        (dict.fromkeys(FIELDS), "relu2/every parameter is None; the loss must be connected to"),
        ({"W2": None}, "relu2/W2 is None; the loss must be connected to the weights"),
        ('{"relu9": {}}', "the case is 'relu9'"),
        ('{"relu2": {}}', "relu2/W1 is missing"),
        (vectors.as_json(), "is the file of the problems; it must be that of the gradients"),
        ({"b3": [[1, 2], [3]]}, "relu2/b3 cannot be made a numpy array"),
        (
            {"b3": [1, None, 2]},
            "relu2/b3: Expected `float | array`, got `null` - at `$[1]`; it must be",
        ),
        ({"b3": [1, float("nan"), 2]}, "relu2/b3 is not finite"),
        ({"b3": {}}, "got `object`; it must be real numbers"),
        ({"b3": [1, True, 2]}, "relu2/b3: Expected `float | array`, got `bool` - at `$[1]`"),
        ({"b3": [1, 10**400, 2]}, "relu2/b3: Number out of range - at `$[1]`; it must be"),
        ({"b3": [[[[[1]]]]]}, "relu2/b3: Expected `float`, got `array` - at `$[0][0][0][0]`"),
    ],
)
def test_what_is_no_json_of_gradients(
    text: Any, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "g.json"
    if isinstance(text, dict):
        right = second_order(cases()["relu2"])._asdict()
        lists = {key: array.tolist() for key, array in right.items()}
        text = json.dumps({"relu2": {**lists, **text}})
    if text is not None:
        path.write_bytes(text.encode(errors="surrogatepass"))
    refused([str(path)], message, capsys)


def test_the_example_saves_what_its_function_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given, out = str(FOLDER / "vectors.npz"), str(tmp_path / "g.npz")
    assert example.main(given, out) == 0
    assert main([out]) == 1
    assert "the meta-gradient? no: none of these\n" in capsys.readouterr().out

    def right(problem: dict[str, Any]) -> dict[str, Any]:
        (case,) = (
            case
            for case in map(cases().get, example.CASES)
            if case and np.array_equal(case.weights[0], problem["W1"])
        )
        # What is no array is a plain number or string: in torch and in the generated functions
        # an array of no axes is none.
        plain = [problem[key] for key in ("alpha", "steps", "activation", "loss")]
        assert plain == [case.alpha, case.steps, case.activation, case.loss]
        assert [type(each) for each in plain] == [float, int, str, str]
        np.testing.assert_array_equal(problem["X_q"], case.batch.X_q)
        assert problem.keys() == vectors.arrays(case).keys()
        return second_order(case)._asdict()

    monkeypatch.setattr(example, "gradients", right)
    assert example.main(given, out) == 0
    assert main([out]) == 0


def test_what_the_example_loads_goes_into_any_program() -> None:
    given = example.problem(FOLDER / "vectors.npz", "relu2")
    case, data = cases()["relu2"], [given[key] for key in ("X_s", "Y_s", "X_q", "Y_q")]
    weights = case.net.Weights(*(given[key] for key in FIELDS))
    whole = case.net.meta_loss_and_gradient(weights, *data, given["alpha"])[1]
    np.testing.assert_array_equal(whole[0], second_order(case)[0])
    case.net.adapt(weights, data[0][0], data[1][0], given["alpha"], given["steps"])
    assert list(range(given["steps"])) == [0]
    assert {"relu": 1}[given["activation"]] == 1
    torch = pytest.importorskip("torch")
    W1 = torch.tensor(given["W1"], requires_grad=True)
    torch.optim.SGD([W1], lr=given["alpha"])
    assert isinstance(W1 - given["alpha"] * W1, torch.Tensor)
    assert isinstance(torch.sub(W1, W1, alpha=given["alpha"]), torch.Tensor)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"relu2/W1": np.zeros((9, 5))}, r"relu2/W1 is (9, 5); it must be (4, 9) or (9, 4)"),
        ({"relu2/b1": np.zeros((9, 1))}, r"relu2/b1 is (9, 1); it must be (1, 9) or (9,)"),
        ({"relu2/W1": np.zeros((9, 4))}, "some (in, out) and some (out, in)"),
        ({"relu2/W2": np.full((9, 8), np.nan)}, "relu2/W2 is not finite; it must be"),
        ({"relu2/b3": np.full(3, np.inf)}, "relu2/b3 is not finite; it must be"),
        ({"relu2/b3": np.full(3, 1e200)}, "relu2/b3 has entries beyond 1e+100; it must not"),
        ({"relu2/b3": np.full(3, "x")}, "relu2/b3 is <U1; it must be real numbers"),
        ({"relu2/b3": np.zeros(3, complex)}, "relu2/b3 is complex128; it must be real numbers"),
        ({"relu2/W4": np.zeros(3)}, "relu2/W4 is no parameter; there must be W1, b1"),
        ({"relu2/X_s": np.zeros(3)}, "relu2/X_s is no parameter; there must be W1, b1"),
    ],
)
def test_what_is_no_gradient(
    change: dict[str, Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path, second_order, ["relu2"], **change)
    refused([str(path)], message, capsys)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["vectors"], "--out is missing; it must be the folder"),
        (["g.npz", "--out", "x"], "--out is given; it goes with vectors only"),
        (["vectors", "--out", __file__], "cannot write to"),
        (["vectors", "--out", f"{__file__}/x"], "cannot write to"),
        (["vectors", "--out", "/proc/nothing"], "cannot write to"),
        ([], "the following arguments are required"),
        (["a", "b"], "unrecognized arguments: b"),
    ],
)
def test_what_the_command_refuses(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(arguments, message, capsys)


def refused(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2, and one line that says what is wrong."""
    try:
        status = main(arguments)
    except SystemExit as stop:
        status = int(str(stop.code))
    output = capsys.readouterr()
    assert status == 2
    assert output.out == ""
    (line,) = output.err.splitlines()
    assert line.startswith("error: ")
    assert message in line


def test_a_vector_file_that_cannot_be_written_leaves_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "vectors.json").mkdir()
    refused(["vectors", "--out", str(tmp_path)], "is not what this program has written", capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["vectors.json"]
    monkeypatch.setattr(vectors, "losses", lambda _: 1 / 0)
    assert main(["vectors", "--out", str(tmp_path / "new")]) == 2
    assert not (tmp_path / "new").exists()


def test_the_module_runs(tmp_path: Path) -> None:
    path = saved(tmp_path, first_order)
    command = [sys.executable, "-m", "docs.diagnose", str(path)]
    result = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert result.returncode == 1
    assert "the meta-gradient? no: first order" in result.stdout
    assert result.stderr == ""
