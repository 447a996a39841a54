"""The figures of a run: what they show, that they are whole, what is refused."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.image import imread

from docs.experiment.evaluate import Run, errors_by_step, load_run
from docs.experiment.files import write_text
from docs.experiment.metrics import read_metrics
from docs.experiment.plot import curves
from docs.experiment.plot.drawing import LOOKS, STYLE
from docs.experiment.plot.errors import error_by_step, read_evaluation
from docs.experiment.randomness import stream
from docs.sinusoid import evaluate, tasks, train
from docs.sinusoid.family import SINUSOIDS
from docs.sinusoid.plot import __main__ as plot
from docs.sinusoid.plot import animation, error_map, half_range
from docs.sinusoid.plot.examples import example, shown

if TYPE_CHECKING:
    from matplotlib.lines import Line2D


SMALL = ["--iterations", "9", "--meta-batch", "3", "--shots", "6", "--queries", "5", "--quiet"]


FIGURES = {
    "fits": ["MAML", "joint training", "random", "x", "y", "6 support points", "10 steps"],
    "error_by_step": ["5 support points", "10 support points", "(a task counts at most 25)"],
    "learning_curve": ["training loss", "meta-iteration", "MAML,", "joint training", "oracle"],
    "half_range": ["mean squared error, other half", "x", "y", "6 support points"],
    "error_map": ["amplitude", "phase", "π/2", "mean squared error after one step"],
    "angle": ["angle between first- and", "second-order meta-gradient", "meta-iteration of MAML"],
    "adaptation": ["gradient step ", "MAML", "joint training"],
}


NEEDED = ("run.json", "metrics.csv", "evaluation.json")


def made(folder: Path, *arguments: str) -> Path:
    """A tiny run with its evaluation and figures."""
    assert train.main([*SMALL, *arguments, "--run", str(folder)]) == 0
    assert evaluate.main(["--tasks", "4", "--run", str(folder)]) == 0
    assert plot.main(["--run", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module", autouse=True)
def _few() -> Iterator[None]:
    """A coarse map and few tasks, so that a figure is drawn in no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(error_map, "CELLS", 3)
        patch.setattr(error_map, "DRAWS", 2)
        patch.setattr(half_range, "TASKS", 5)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("run"), "--methods", "maml", "joint", "oracle")


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    return load_run(SINUSOIDS, folder)


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    """The run without its figures, to be spoilt."""
    for path in folder.iterdir():
        if path.suffix in {".npz", ".json", ".csv", ".txt"}:
            shutil.copy(path, tmp_path)
    return tmp_path


def drawn(folder: Path) -> dict[str, bytes]:
    paths = sorted((folder / "figures").glob("*.*g"))
    return {path.name: path.read_bytes() for path in paths}


def xs(line: Line2D) -> list[float]:
    return [float(x) for x in np.asarray(line.get_xdata())]


def ys(line: Line2D) -> list[float]:
    return [float(y) for y in np.asarray(line.get_ydata())]


def test_every_figure_is_a_png_and_an_svg(folder: Path) -> None:
    assert set(drawn(folder)) == {f"{name}.{end}" for name in FIGURES for end in ("png", "svg")}
    for name in FIGURES:
        pixels = imread(folder / "figures" / f"{name}.png")
        assert np.std(pixels) > 0.05
        # Nothing is cut off: what touches the sides of a figure may go on beyond them.
        for side in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
            assert np.allclose(side, 1, atol=0.02), name


@pytest.mark.parametrize(("name", "words"), FIGURES.items())
def test_a_figure_says_what_it_shows(folder: Path, name: str, words: list[str]) -> None:
    root = ElementTree.parse(folder / "figures" / f"{name}.svg").getroot()
    texts = [text for each in root.iter() if each.tag.endswith("text") for text in each.itertext()]
    for word in words:
        assert any(text.startswith(word) for text in texts), (word, texts)


def test_a_seed_decides_the_bytes(folder: Path, copied: Path) -> None:
    assert plot.main(["--run", str(copied)]) == 0
    assert drawn(copied) == drawn(folder)
    assert plot.main(["--run", str(copied), "--seed", "1"]) == 0
    changed = {name for name, data in drawn(copied).items() if data != drawn(folder)[name]}
    names = ("fits", "half_range", "error_map", "adaptation")
    assert changed == {f"{name}.{end}" for name in names for end in ("png", "svg")}


@pytest.mark.parametrize(
    ("arguments", "missing", "titles"),
    [
        (["--methods", "reptile"], {"angle"}, ["Reptile", "random initialisation"]),
        (["--methods", "first-order"], set(), ["first-order MAML", "random initialisation"]),
        (["--methods", "oracle"], {"angle"}, ["random initialisation"]),
        (["--network", "tanh2", "--dtype", "float64"], set(), ["MAML", "joint training"]),
        (["--methods", "joint", "--shots", "1", "--iterations", "1"], {"angle"}, ["joint"]),
        (["--alpha", "1000"], set(), ["MAML", "joint training"]),  # everything diverges
    ],
)
def test_any_run_is_drawn(
    arguments: list[str], missing: set[str], titles: list[str], tmp_path: Path
) -> None:
    (tmp_path / "figures").mkdir()
    write_text(tmp_path / "figures" / "angle.svg", "of an earlier run")
    files = drawn(made(tmp_path, *arguments))
    assert {Path(name).stem for name in files} == set(FIGURES) - missing
    assert files.get("angle.svg") != b"of an earlier run"
    for title in titles:
        assert title.encode() in files["adaptation.svg"]
        assert b"nan" not in files["adaptation.svg"]


def test_at_most_three_panels_of_fits(run: Run) -> None:
    weights = run.starts["maml"]
    full = Run(
        SINUSOIDS,
        run.recipe,
        0,
        dict.fromkeys(["oracle", "reptile", "joint", "maml", "random"], weights),
    )
    assert shown(full, 3) == ["maml", "joint", "random"]
    assert shown(full, 2) == ["maml", "joint"]
    two = Run(SINUSOIDS, run.recipe, 0, dict.fromkeys(["reptile", "maml", "random"], weights))
    assert shown(two, 3) == ["maml", "reptile", "random"]


def test_bands_are_the_intervals_of_the_evaluation(folder: Path, run: Run) -> None:
    path = folder / "evaluation.json"
    with mpl.rc_context(STYLE):
        figure = error_by_step(run, read_evaluation(path, run))
    record = json.loads(path.read_text())
    titles = [panel.get_title() for panel in figure.axes if panel.axison]
    assert titles == ["5 support points", "6 support points", "10 support points"]
    panel, methods = figure.axes[1], record["methods"]
    for name in ("maml", "joint", "random"):
        line = next(each for each in panel.get_lines() if each.get_color() == LOOKS[name].colour)
        assert ys(line) == methods[name]["capped"]
    bands = [np.asarray(each.get_paths()[0].vertices) for each in panel.collections]
    lowest = min(float(band[:, 1].min()) for band in bands)
    bottoms = [
        np.subtract(methods[name]["capped"], methods[name]["capped_ci95"]).min()
        for name in ("maml", "joint", "random")
    ]
    assert lowest == pytest.approx(min(bottoms))
    oracle = [line for line in panel.get_lines() if line.get_color() == LOOKS["oracle"].colour]
    assert [set(ys(line)) for line in oracle] == [{methods["oracle"]["capped"][0]}]


def test_windows_average_what_was_recorded(folder: Path, run: Run) -> None:
    with (folder / "metrics.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["method"] == "joint"]
    losses = [float(row["loss"]) for row in rows]
    middles, means = curves.windows(losses, 4)
    assert list(middles) == [2, 6]
    assert means == pytest.approx([np.mean(losses[:4]), np.mean(losses[4:8])])
    assert curves.windows(losses, 100)[1] == pytest.approx([np.mean(losses)])
    found = read_metrics(folder / "metrics.csv")
    line = curves.learning_curve(run, found).axes[0].get_lines()[1]
    assert ys(line) == pytest.approx(losses)  # fewer than a curve has points
    angles = curves.angle(run, "maml", found["maml"]).axes[0].get_lines()[0]
    assert xs(angles) == [0]
    assert curves.moving_median([1.0, 9.0, 2.0]) == [2.0, 2.0, 2.0]
    assert curves.moving_median([*range(20)])[10] == 10.0


def test_a_cell_of_the_map_is_the_error_of_its_task(run: Run) -> None:
    found = error_map.cells(run, "joint", 7)
    assert found.shape == (3, 3)
    phase, amplitude = np.pi / 2, 0.1 + 4.9 * 5 / 6  # the middle row, the last column
    grid, errors = tasks.GRID.astype(run.dtype), []
    for draw in stream(7, 3).random((2, 6, 1)):
        x = (10 * draw - 5).astype(run.dtype)
        y = (amplitude * np.sin(x - phase)).astype(run.dtype)
        adapted = run.net.adapt(run.starts["joint"].weights, x, y, run.recipe.alpha, steps=1)
        wrong = run.net.predict(adapted, grid) - amplitude * np.sin(grid - phase)
        errors.append(np.mean(wrong**2))
    assert found[1, 2] == pytest.approx(np.mean(errors), rel=1e-4)


def test_half_range_learns_on_one_half_and_is_measured_on_the_other(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Any, Any]] = []

    def recorded(*arguments: Any) -> list[float]:
        seen.append((arguments[2], arguments[4]))
        return errors_by_step(*arguments)

    monkeypatch.setattr(half_range, "errors_by_step", recorded)
    found = half_range.other_half(run, 3, 5)
    assert set(found) == {"maml", "joint", "random"}
    assert len(seen) == 15
    for support, other in seen:
        assert support.shape == (6, 1)
        assert -5 <= support.min() <= support.max() <= 0
        assert other.shape == (50, 1)
        assert 0 < other.min() <= other.max() == 5
    task = example(run, 0, half_range.HALF)
    assert -5 <= task.X_s.min() <= task.X_s.max() <= 0
    assert (task.amplitude, task.phase) == example(run, 0)[:2]


def test_the_animation_plays_once_and_ends_in_time(run: Run) -> None:
    text = animation.adaptation(run, 0)
    assert len(text.encode()) < 60_000
    assert "@media (prefers-reduced-motion: reduce)" in text
    assert "infinite" not in text
    rules = re.findall(r"\.s(\d+) \{ animation: show ([\d.]+)s ([\d.]+)s backwards \}", text)
    assert [int(step) for step, _, _ in rules] == list(range(11))
    ends = [float(lasts) + float(begins) for _, lasts, begins in rules]
    assert ends[:-1] == pytest.approx([float(begins) for _, _, begins in rules[1:]])
    assert ends[-1] < 5
    # At rest only the last picture is there, and what came before it faintly.
    root = ElementTree.fromstring(text)
    kinds = [each.get("class", "") for each in root.iter() if each.tag.endswith("}g")]
    assert [kind for kind in kinds if kind in {"s10", "s0"}] == ["s10", "s10"]
    assert kinds.count("s4 past") == kinds.count("s4 gone") == 1
    assert len(kinds) == 22


def test_the_animation_says_step_and_error(run: Run) -> None:
    task = example(run, 2)
    root = ElementTree.fromstring(animation.adaptation(run, 2))
    groups = [each for each in root.iter() if "gone" in str(each.get("class"))]
    for start in ("maml", "joint"):
        errors = errors_by_step(run, start, *task[2:])
        for step, (group, error) in enumerate(zip(groups, errors, strict=False)):
            said = "".join(group.itertext())
            assert said.startswith(f"gradient step {step}")
            assert f"error {error:.2f}" in said


def spoilt(change: dict[str, Any]) -> Any:
    def spoil(record: dict[str, Any]) -> None:
        record.update(change)

    return spoil


def short(record: dict[str, Any]) -> None:
    record["methods"]["maml"]["capped"].pop()


def negative(record: dict[str, Any]) -> None:
    record["methods"]["maml"]["capped"][3] = -1.0


def huge(record: dict[str, Any]) -> None:
    record["methods"]["maml"]["capped"][3] = 1e308


def foreign(record: dict[str, Any]) -> None:
    record["other_points"]["5"].pop("joint")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoilt({"weights": "0" * 16}), "is of other weights; it must be made again by"),
        (spoilt({"methods": {}}), "has not the methods and steps of this run; it must be as"),
        (foreign, "has not the methods and steps of this run; it must be as"),
        (spoilt({"methods": []}), "Expected `object`, got `array` - at `$.methods`; it must be as"),
        (spoilt({"methods": 3}), "Expected `object`, got `int` - at `$.methods`"),
        (spoilt({"other_points": []}), "Expected `object`, got `array` - at `$.other_points`"),
        (spoilt({"points": "many"}), "Expected `int`, got `str` - at `$.points`"),
        (spoilt({"tasks": None}), "Expected `int`, got `null` - at `$.tasks`"),
        (spoilt({"tasks": float("inf")}), "Number out of range - at `$.tasks`"),
        (short, "maml must have 11 numbers of each kind; it must be as"),
        (negative, "Expected `float` >= 0.0 - at `$.methods[...][...][3]`"),
        (huge, "maml has a number beyond 1e+100 in capped; it must be as"),
        (spoilt({"other_points": {"x": {}}}), "other_points must be by numbers"),
    ],
)
def test_a_foreign_evaluation_is_refused(
    spoil: Any, message: str, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied / "evaluation.json"
    record = json.loads(path.read_text())
    spoil(record)
    path.unlink()
    write_text(path, json.dumps(record).replace("Infinity", "1e999"))
    assert plot.main(["--run", str(copied)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {path}")
    assert message in error
    assert "python -m docs.sinusoid.evaluate" in error
    assert len(error.splitlines()) == 1
    assert not (copied / "figures").exists()


@pytest.mark.parametrize("name", [*NEEDED, "joint.npz"])
def test_a_run_that_is_not_whole_is_refused(
    name: str, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copied / name).unlink()
    assert plot.main(["--run", str(copied)]) == 2
    assert f"cannot read {copied / name}" in capsys.readouterr().err


def test_metrics_of_another_run_are_refused(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied / "metrics.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("joint")))
    assert plot.main(["--run", str(copied)]) == 2
    said = "is damaged or of another run; it must be that of run.json"
    assert capsys.readouterr().err == f"error: {path} {said}\n"
