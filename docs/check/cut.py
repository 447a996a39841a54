"""Where the graph of PyTorch is cut: the call whose result has no path to the weights.

Every call of PyTorch is watched while the meta-gradient is computed. A call cuts the graph if
something that goes in has a path to the weights, and nothing that comes out has. Whatever is made
of its result remembers it, so at the outer ``backward()`` it is known which cuts the loss hangs on.
"""

from __future__ import annotations

import linecache
import sys
import sysconfig
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .tree import is_torch, leaves

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from .program import Arrays, Program

#: These have left PyTorch: what is made of a number cannot be followed.
NUMBERS = {"item", "tolist", "numpy", "__float__"}

#: These make constants of the shape of a tensor, and have no path to it by what they are.
SHAPED = {"zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like"}

#: Files between somebody's program and the watch.
LIBRARY = sysconfig.get_path("stdlib")
OWN = {
    Path(__file__).with_name(name) for name in ("cut.py", "program.py", "function.py", "adapters")
}

#: So many places are named; the first is the one to mend.
PLACES = 3

#: What is said of a call beyond its name.
SAID = {
    "autograd.grad": "torch.autograd.grad without create_graph=True",
    "autograd.grad with a graph": "create_graph=True, and no graph: torch.compile drops it in some "
    "versions, and so does an autograd.Function without a second derivative",
    "new leaf": "a tensor that is not the weights: a copy, or a parameter created anew",
    "grad": ".grad holds no graph: backward() was called without create_graph=True",
}


@dataclass
class Watch:
    """What is known of the tensors that were seen.

    Attributes
    ----------
    weights
        The names of the weights, by the identity of the tensor.
    cuts
        A line for every place where the graph was cut.
    made_of
        The cuts that a tensor was made of.
    same
        Tensors that share the numbers of another, as ``.data`` does.
    born
        Where a tensor came in that is nobody's result and not the weights.
    numbers
        Where a number was taken out of a tensor.
    kept
        All tensors, so that no identity is used twice.
    relevant, unreached
        At the last ``backward()``: the cuts behind the loss, and weights that it has no path to.
    """

    weights: dict[int, str]
    cuts: dict[str, int] = field(default_factory=dict)
    made_of: dict[int, set[int]] = field(default_factory=dict)
    same: dict[int, int] = field(default_factory=dict)
    kept: list[Any] = field(default_factory=list)
    born: dict[int, str] = field(default_factory=dict)
    numbers: list[str] = field(default_factory=list)
    relevant: list[str] = field(default_factory=list)
    unreached: list[str] = field(default_factory=list)

    def before(self, name: str, given: Any) -> None:
        """Look at the loss before it is differentiated; the last time is the outer one."""
        if name.startswith("autograd.grad") or name == "backward":
            roots = tensors(given[0])
            behind = set().union(*(self.made_of.get(id(root), set()) for root in roots))
            self.relevant = [line for line, at in self.cuts.items() if at in behind]
            reached = {id(leaf) for root in roots for leaf in reachable(root)}
            missing = [each for key, each in self.weights.items() if key not in reached]
            self.unreached = missing
            foreign = reached - set(self.weights)
            if missing:
                self.relevant += [line for key, line in self.born.items() if key in foreign]

    def after(self, name: str, given: list[Any], result: Any) -> None:
        """Remember what a result is made of, and whether the graph was cut."""
        self.kept += [*given, *(made := tensors(result))]
        origin = set().union(*(self.made_of.get(id(each), set()) for each in given))
        for each in given:
            if new_leaf(each) and id(each) not in self.weights and id(each) not in self.born:
                self.born[id(each)] = line_of("new leaf")
        alive = name not in SHAPED and any(each.requires_grad for each in given)
        if alive and name in NUMBERS:
            self.numbers.append(line_of(name))
        if alive and made and not any(each.requires_grad for each in made if real(each)):
            if any(map(real, made)):
                line = line_of(name)
                origin = origin | {self.cuts.setdefault(line, len(self.cuts))}
            if name in {"data", "detach"}:
                self.same |= {id(made[0]): id(given[0])}
        for each in made:
            self.made_of[id(each)] = self.made_of.get(id(each), set()) | origin
        if given and in_place(name):
            whole = self.same.get(id(given[0]), id(given[0]))
            self.made_of[whole] = self.made_of.get(whole, set()) | origin


def tensors(given: Any) -> list[Any]:
    """The tensors in arguments or results."""
    return [leaf for leaf in leaves(given).values() if is_torch(leaf)]


def real(tensor: Any) -> bool:
    """Whether a tensor could have a gradient at all."""
    return bool(tensor.is_floating_point())


def new_leaf(tensor: Any) -> bool:
    """Whether somebody has made it to differentiate by."""
    return bool(tensor.requires_grad and tensor.is_leaf)


def in_place(name: str) -> bool:
    """Whether a call changes its first argument."""
    return name == "set data" or name.startswith("__i") or (name[-1:] == "_" and name[:2] != "__")


def reachable(root: Any) -> Iterator[Any]:
    """The leaves of a graph."""
    waiting, seen = [root.grad_fn], set()
    if root.is_leaf and root.requires_grad:
        yield root
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            yield node.variable
        waiting += [each for each, _ in node.next_functions]


def name_of(function: Any, given: tuple[Any, ...]) -> str:
    """What a call is called in a program."""
    name = getattr(function, "__name__", str(function))
    if name in {"__get__", "__set__"}:
        attribute = getattr(getattr(function, "__self__", None), "__name__", "")
        return attribute if name == "__get__" else f"set {attribute}"
    if name == "grad" and getattr(function, "__module__", "") == "torch.autograd":
        return "autograd.grad"
    return name if given else ""


def line_of(name: str) -> str:
    """The line of somebody's program that runs, what it calls, and in which module."""
    frame: FrameType | None = sys._getframe(1)
    module = ""
    while frame is not None:
        path = frame.f_code.co_filename
        torch = sys.modules["torch"]
        owner = frame.f_locals.get("self")
        if not module and frame.f_code.co_name == "forward" and isinstance(owner, torch.nn.Module):
            module = f", in forward of {type(owner).__name__}"
        between = {Path(path), Path(path).parent} & OWN or path.startswith((LIBRARY, "<"))
        if not ("site-packages" in path or between):
            source = linecache.getline(path, frame.f_lineno).strip()
            what = SAID.get(name, f"what {name} returns has no path to the weights")
            off = "" if torch.is_grad_enabled() else ", under torch.no_grad()"
            return f"{Path(path).name}:{frame.f_lineno}: {source}\n    {what}{off}{module}"
        frame = frame.f_back
    return SAID.get(name, name)


def where_cut(program: Program, at: Arrays) -> tuple[str, ...]:
    """The places where the graph of the outer loss is cut; none for other libraries than PyTorch.

    What cannot be followed, a number taken out of a tensor, is named only if nothing else is found.
    """
    weights = program.with_arrays(at, program.weights)
    mine = {id(leaf): name for name, leaf in leaves(weights).items() if is_torch(leaf)}
    if not mine:
        return ()
    watch = Watch(mine)
    tasks = [program.sets(index) for index in range(len(program.tasks))]
    with suppress(Exception), watching(watch):
        program.meta_gradient(weights, tasks)
    found = watch.relevant or [f"{line}, and a number has no graph" for line in watch.numbers]
    found = list(dict.fromkeys(found))[:PLACES]
    if watch.unreached:
        found.append(f"the loss has no path to {', '.join(watch.unreached)}")
    return tuple(found) or ("not found by watching the calls of PyTorch",)


def place_of_cut(program: Program, at: Arrays) -> str:
    """The first place, in one line, where ``meta_gradient`` fails because the graph is cut."""
    return next((each.partition("\n")[0] for each in where_cut(program, at) if "\n" in each), "")


def watching(watch: Watch) -> Any:
    """The context in which every call is shown to a watch."""
    torch = sys.modules["torch"]

    class Mode(torch.overrides.TorchFunctionMode):  # type: ignore[name-defined]
        def __torch_function__(
            self, function: Any, _: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            name = name_of(function, args)
            if name == "autograd.grad" and (kwargs or {}).get("create_graph"):
                name += " with a graph"
            # What else has been copied is no origin of a copy.
            of = args[:1] if name == "__deepcopy__" else args
            given = tensors([list(of), dict(kwargs or {})])
            if args:
                watch.before(name, args)
            result = function(*args, **(kwargs or {}))
            if name != "requires_grad":
                watch.after(name, given, result)
            return result

    return Mode()
