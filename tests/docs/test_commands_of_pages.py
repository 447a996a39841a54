"""The commands that pages name exist, understand their flags, and print what stands there."""

from __future__ import annotations

import argparse
import importlib.util
import re
import shlex
from typing import Any

import pytest

from derive.command import parse_arguments
from docs.__main__ import main as maml_derived
from docs.render import measure
from docs.render.manifest import ROOT
from docs.render.tables import measured, part_of
from generated import relu2
from tests.docs.render.pages import PAGES, figures

TEXTS = PAGES | {"README.md": (ROOT / "README.md").read_text(encoding="utf-8")}
BLOCK = re.compile(r"^( *)```(?:text|sh)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
#: These take the names of files or nothing, and two of them need a framework.
WITHOUT_FLAGS = (
    "docs.calls",
    "docs.own_network",
    "docs.diagnose.example",
    "docs.diagnose.torch_wrapper",
    "docs.diagnose.jax_wrapper",
)


def commands(text: str) -> list[str]:
    """What a page tells a reader to type, in a block or within a sentence."""
    lines = [line for _, block in BLOCK.findall(text) for line in block.splitlines()]
    # What a page fills in is not there yet.
    lines += re.findall(r"`([^`{\n]+)`", text)
    whole = (line.strip().partition("  #")[0].strip() for line in lines)
    return [line for line in whole if re.match(r"(python|make|maml-derived) ", line)]


#: Here a reader has added the sine; `test_exercises` does that, and runs it.
AFTER_A_CHANGE = "python derive/build.py --activation arctan --name mine --output /tmp/mine"
#: Here a reader has derived the package; `test_own_network` does that, and runs it.
ON_SINUSOIDS = (
    "python -m docs.sinusoid --network somewhere/gentle --methods maml joint --iterations 1000 "
    "--run elsewhere/"
)
NAMED = sorted(
    {each for text in TEXTS.values() for each in commands(text)} - {AFTER_A_CHANGE, ON_SINUSOIDS}
)


class Understood(BaseException):
    """The flags of a command were read; nothing more of it is to run."""


@pytest.fixture
def only_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands end as soon as they have read their flags."""
    parse = argparse.ArgumentParser.parse_args

    def parse_and_end(self: argparse.ArgumentParser, *given: Any) -> None:
        parse(self, *given)
        raise Understood

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_and_end)


@pytest.mark.usefixtures("only_flags")
@pytest.mark.parametrize("command", NAMED)
def test_a_command_of_a_page_exists_and_understands_its_flags(command: str) -> None:
    program, *words = shlex.split(command.partition(" &")[0])
    if program == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
        assert {word for word in words if "=" not in word} <= set(targets)
    elif program == "maml-derived":
        with pytest.raises(Understood):
            maml_derived(words)
    elif words[0] == "derive/build.py":
        with pytest.raises(Understood):
            parse_arguments(words[1:])
    elif words[:2] == ["-m", "pytest"]:
        assert_collects(words[2:])
    elif words[1].startswith(("docs.", "maml_derived.", "tests.")):
        name = re.sub("^maml_derived", "docs", words[1])
        found = importlib.util.find_spec(name)
        assert found is not None
        if name not in WITHOUT_FLAGS:
            end = ".__main__" if found.submodule_search_locations else ""
            with pytest.raises(Understood):
                importlib.import_module(name + end).main(words[2:])


def assert_collects(words: list[str]) -> None:
    """There are tests of these paths and words."""
    for path in words[: words.index("-k") if "-k" in words else None]:
        assert (ROOT / path).exists(), path
    if "-k" in words:
        # Each function of a package has tests of its name.
        for word in words[words.index("-k") + 1].split(" or "):
            assert hasattr(relu2, word), word


@pytest.mark.parametrize("name", [name for name in PAGES if "{{measured:" in PAGES[name]])
def test_a_command_of_the_page_prints_what_it_shows(name: str) -> None:
    printed = [
        words[3]
        for words in map(shlex.split, commands(PAGES[name]))
        if words[1:3] == ["-m", "docs.render.measure"] and len(words) > 3
    ]
    everything = "python -m docs.render.measure" in commands(PAGES[name])
    printed += ["calls"] if "python -m docs.calls" in commands(PAGES[name]) else []
    for path in re.findall(r"\{\{measured:([^}]+)\}\}", PAGES[name]):
        assert everything or any(f"{path}/".startswith(f"{each}/") for each in printed), path
    for each in printed:
        assert part_of(each, figures()) is not None


# --- python -m docs.render.measure ---


def test_it_prints_what_a_page_shows(capsys: pytest.CaptureFixture[str]) -> None:
    for path in ("meta_loss", "step/rank"):
        assert measure.main([path]) == 0
        assert capsys.readouterr().out == measured(path, figures()) + "\n"
    assert measure.main(["by_hand"]) == 0
    printed = capsys.readouterr().out
    for name in figures()["by_hand"]:
        assert f"by_hand/{name}\n{measured(f'by_hand/{name}', figures())}\n" in printed


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("colour", "error: figures of 'colour' are asked for; it must be one of warm_up, network,"),
        ("step/colour", "error: nothing was measured under 'step/colour'"),
        ("step/rank/1", "error: nothing was measured under 'step/rank/1'"),
    ],
)
def test_it_refuses_what_it_does_not_measure(
    path: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert measure.main([path]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith(message)
    assert err.count("\n") == 1
