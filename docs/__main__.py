"""The command of what was installed: ``maml-derived``, or ``python -m docs`` in the repository."""

from __future__ import annotations

import signal
import sys
from importlib import import_module

from . import INSTALLED, beside
from .experiment.command import status

COMMANDS = {
    "check": "check a model of your own: is its meta-gradient what it should be?",
    "diagnose": "say what saved gradients are, or which equation of yours is the first wrong one",
    "vectors": "write the test vectors",
    "build": "derive a network of your own and write its package",
    "sinusoid": "train, evaluate and draw the sinusoid experiment",
    "characters": "the same for few-shot classification of images",
}

EXPERIMENTS = ("sinusoid", "characters")

#: The parts of an experiment, each a command too; without one, all of it.
PARTS = ("train", "evaluate", "plot", "gradcheck", "sweep")

#: What the commands import that does not come with numpy alone, and who brings it.
EXTRAS = {
    "sympy": "derive",
    "ruff": "derive",
    "filelock": "experiment",
    "matplotlib": "experiment",
    "PIL": "experiment",
    "scipy": "experiment",
    "tqdm": "experiment",
}

PROGRAM = "maml-derived" if INSTALLED else "python -m docs"


def usage() -> str:
    """What can be typed."""
    lines = [f"  {name:10}{what}" for name, what in COMMANDS.items()]
    return "\n".join(
        [
            f"usage: {PROGRAM} COMMAND ...",
            "",
            *lines,
            "",
            f"{PROGRAM} COMMAND --help says more; so do those of `sinusoid {' | '.join(PARTS)}`,",
            "which `characters` has too.",
        ]
    )


def run(name: str, arguments: list[str]) -> int:
    """Hand the rest of a command line to the module that it is for; the exit status."""
    if name == "build":
        command = import_module(f"{beside('derive')}.command")
        signal.signal(signal.SIGTERM, command.terminate)
        return int(command.main(arguments))
    if name == "vectors":
        name, arguments = "diagnose", ["vectors", *arguments]
    if name in EXPERIMENTS and arguments and arguments[0] in PARTS:
        name, arguments = f"{name}.{arguments[0]}", arguments[1:]
    module = import_module(f".{name}", __package__)
    if hasattr(module, "__path__"):
        module = import_module(f"{module.__name__}.__main__")
    return int(module.main(arguments))


def main(arguments: list[str] | None = None) -> int:
    """Run ``maml-derived``; the exit status."""
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in {"-h", "--help"}:
        print(usage())
        return 0
    if name not in COMMANDS:
        print(f"error: the command is {name!r}; it must be one of {', '.join(COMMANDS)}",
              file=sys.stderr)  # fmt: skip
        return 2
    return status(lambda: imported(name, rest))


def imported(name: str, rest: list[str]) -> int:
    """Run a command; what it imports and is not there is named, and who brings it."""
    try:
        return run(name, rest)
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        extra = EXTRAS[error.name]
        print(f"error: {PROGRAM} {name} needs {error.name}; install maml-derived[{extra}]",
              file=sys.stderr)  # fmt: skip
        return 2


if __name__ == "__main__":
    sys.exit(main())
