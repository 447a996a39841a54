"""The pages of the site, and beside them the code that they explain.

In the repository ``derive`` and ``generated`` stand beside this folder. Where it was installed it
is ``maml_derived``, without the pages, and they are in it.
"""

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


if sys.argv[:1] == ["-m"]:  # a command of ours is starting, and imports more than it needs to fail
    from .experiment.command import begin

    begin()
