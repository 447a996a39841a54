"""What a run is made with: plain data, its flags, its text.

A task family has recipes by name; every field can be overridden, one by one.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from .command import Refusal, not_negative, one_of, whole
from .methods import METHODS, network_of
from .networks import (
    CONTEXT,
    INITIALS,
    has_context,
    load_network,
    package,
    takes_omegas,
)
from .schedules import SCHEDULES, STEP_WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from .family import TaskFamily

#: Between the parts of a setting that has several, in text; the last of many, as a name may end
#: with it.
AND = "+"


def several(part: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    """A setting's type: different or equal things, joined by `AND`."""
    between = rf"\{AND}(?!\{AND}|$)"
    return lambda text: tuple(part(each) for each in re.split(between, text))


def distinct(part: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    """A setting's type: things joined by `AND`, each once."""

    def convert(text: str) -> tuple[Any, ...]:
        found = several(part)(text)
        if len(set(found)) < len(found):
            raise argparse.ArgumentTypeError(f"is {text!r}; it must have each once")
        return found

    return convert


def setting(default: Any, convert: Callable[[str], Any], meaning: str) -> Any:
    """A field of `Recipe`: its default, how its text is read, what it means."""
    return field(default=default, metadata={"convert": convert, "meaning": meaning})


# --8<-- [start:recipe]
@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run, except its seed."""

    network: str = setting("relu2", package, "generated package, or the folder of your own")
    hidden: tuple[int, ...] = setting((40, 40), several(whole(1)), "units of each hidden layer")
    initial: str = setting("glorot", one_of(*INITIALS), "distribution of the initial weights")
    methods: tuple[str, ...] = setting(
        ("maml", "joint"), distinct(one_of(*METHODS)), "what is trained, one after another"
    )
    iterations: int = setting(10_000, whole(1), "steps of the outer loop")
    meta_batch: int = setting(25, whole(1), "tasks of an iteration")
    shots: int = setting(10, whole(1), "support points of a task")
    queries: int = setting(10, whole(1), "query points of a task")
    alpha: float = setting(0.01, not_negative, "inner step size; where it is learned, its start")
    beta: float = setting(0.001, not_negative, "outer step size, of Adam")
    schedule: str = setting("constant", one_of(*SCHEDULES), "of the outer step size")
    clip: float = setting(0.0, not_negative, "largest norm of the outer gradient, 0 for any")
    step_weights: str = setting(
        "last", one_of(*STEP_WEIGHTS), "weights of the inner steps in a multi-step loss"
    )
    context: int = setting(CONTEXT, whole(1), "units of the context, where a network has one")
    reptile_steps: int = setting(5, whole(1), "inner steps of Reptile")
    dtype: str = setting("float32", one_of("float32", "float64"), "of all arrays")

    # --8<-- [end:recipe]

    def fitted(self, changes: Mapping[str, Any]) -> Self:
        """The recipe with what follows from settings that have been changed.

        A network that comes without its units gets those of the first layer, for every layer.
        """
        if "network" not in changes or "hidden" in changes:
            return self
        return replace(self, hidden=self.hidden[:1] * load_network(self.network).NETWORK.hidden)


def settings(kind: type[Recipe]) -> dict[str, Field[Any]]:
    """The settings of a recipe by name; a task family may have more than there are here."""
    return {each.name: each for each in fields(kind)}


FIELDS = settings(Recipe)


def written(value: Any) -> str:
    """A setting as text, which its type reads back."""
    if isinstance(value, tuple | list):
        return AND.join(map(written, value))
    return str(value)


def read(name: str, text: str, kind: type[Recipe] = Recipe) -> Any:
    """A setting from its text, as strictly as on the command line.

    Raises
    ------
    Refusal
        When there is no such setting, or the text is not what it must be.
    """
    known = settings(kind).get(name.replace("-", "_"))
    if known is None:
        raise Refusal(f"the setting is {name!r}; it must be one of {', '.join(settings(kind))}")
    try:
        return known.metadata["convert"](text)
    except argparse.ArgumentTypeError as error:
        raise Refusal(f"{name} {error}") from None


def overridden(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """A recipe with other settings.

    Raises
    ------
    Refusal
        When the settings do not fit each other.
    """
    made = replace(recipe, **changes).fitted(changes)
    layers = load_network(made.network).NETWORK.hidden
    if len(made.hidden) != layers:
        raise Refusal(
            f"hidden has {len(made.hidden)} numbers; {made.network} has {layers} hidden layers"
        )
    nets = {name: load_network(network_of(made, name)) for name in made.methods}
    for name, net in nets.items():
        wanted, found = METHODS[name].algorithm, net.NETWORK.algorithm
        if wanted not in (None, found):
            raise Refusal(
                f"network is {made.network}, of the algorithm {found}; "
                f"for the method {name} it must be of {wanted}"
            )
    if "reptile" in made.methods and made.alpha == 0:
        raise Refusal("alpha is 0; Reptile goes by its inner steps, so it must be larger")
    if made.step_weights != "last" and not any(map(takes_omegas, nets.values())):
        raise Refusal(
            f"step_weights is {made.step_weights}; "
            f"the loss of {made.network} is that of the last step, so it must be last"
        )
    if made.context != CONTEXT and not any(map(has_context, nets.values())):
        raise Refusal(
            f"context is {made.context}; {made.network} has none, so it must be left at {CONTEXT}"
        )
    return made


def from_record(record: Any, kind: type[Recipe] = Recipe) -> Recipe:
    """The recipe of a record that `asdict` made, which may have a seed beside.

    Raises
    ------
    Refusal
        When a setting is missing, unknown or not what it must be.
    """
    known = settings(kind)
    for name in known:
        if not isinstance(record, Mapping) or name not in record:
            raise Refusal(f"lacks the argument {name}")
    for name in record:
        if name not in {*known, "seed"}:
            raise Refusal(f"has the argument {name}; it must have only {', '.join(known)}")
    return overridden(kind(), {name: read(name, written(record[name]), kind) for name in known})


# --- flags ---


def add_options(options: argparse.ArgumentParser, family: TaskFamily) -> None:
    """A flag for every setting; those that are not given leave no trace."""
    options.add_argument(
        "--recipe", choices=family.recipes, default=argparse.SUPPRESS, help="start from"
    )
    first, recipe = next(iter(family.recipes.items()))
    for name, each in settings(family.kind).items():
        flag, usual = f"--{name.replace('_', '-')}", written(getattr(recipe, name))
        convert, meaning = each.metadata["convert"], each.metadata["meaning"]
        options.add_argument(
            flag,
            nargs="+" if isinstance(each.default, tuple) else None,
            type=str if isinstance(each.default, tuple) else convert,
            default=argparse.SUPPRESS,
            metavar=name.rpartition("_")[2].upper(),
            help=f"{meaning} ({first}: {usual})",
        )


def given(family: TaskFamily, options: argparse.Namespace) -> dict[str, Any]:
    """The settings that the flags name.

    Raises
    ------
    Refusal
        When one is not what it must be.
    """
    known = settings(family.kind)
    found = {name: getattr(options, name) for name in known if hasattr(options, name)}
    return {
        name: read(name, AND.join(value), family.kind) if isinstance(value, list) else value
        for name, value in found.items()
    }


def named(family: TaskFamily, options: argparse.Namespace) -> Recipe:
    """The recipe that the flags name, without what they override."""
    return family.recipe(getattr(options, "recipe", None))


def from_options(family: TaskFamily, options: argparse.Namespace) -> Recipe:
    """The recipe that the flags name, with what they override.

    Raises
    ------
    Refusal
        When a setting is not what it must be.
    """
    return overridden(named(family, options), given(family, options))


def differences(family: TaskFamily, recipe: Recipe, options: argparse.Namespace) -> list[str]:
    """Which of the given flags ask for something else than a recipe."""
    asked = given(family, options)
    if hasattr(options, "recipe"):
        asked = asdict(from_options(family, options))
    return [
        f"{name} is {written(value)}, not {written(getattr(recipe, name))}"
        for name, value in asked.items()
        if value != getattr(recipe, name)
    ]
