"""The pages of the site, and beside them the code that they explain.

In the repository ``derive`` and ``generated`` stand beside this folder. Where it was installed it
is ``maml_derived``, without the pages, and they are in it.
"""

import os
import sys

INSTALLED = __name__ != "docs"


def beside(folder: str) -> str:
    """The name by which ``derive`` or ``generated`` is imported."""
    return f"{__name__}.{folder}" if INSTALLED else folder


def program(module: str) -> str:
    """What a user types to run a module, of this folder or another."""
    top, *inside = module.split(".")
    ours = INSTALLED and top == __name__
    return " ".join(["maml-derived", *inside]) if ours else f"python -m {module}"


def interrupted(*_: object) -> None:
    """End a process that is still importing what it needs, as Ctrl-C does."""
    os.write(2, b"interrupted\n")
    os._exit(130)


STARTED = "".join(sys.argv[:1])

# A command of ours is starting, and has not yet said how it ends.
if STARTED == "-m" or (INSTALLED and STARTED.endswith(("maml-derived", "maml-derived.exe"))):
    try:
        import signal

        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, interrupted)
    except KeyboardInterrupt:
        interrupted()
    from .experiment.command import begin

    begin()
