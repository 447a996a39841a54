"""Images by class, and where they come from: drawn glyphs, Omniglot, a folder of one's own.

References
----------
.. [1] B. Lake, R. Salakhutdinov, J. Tenenbaum: Human-level concept learning through probabilistic
       program induction. Science 350 (2015); github.com/brendenlake/omniglot.
.. [2] O. Vinyals, C. Blundell, T. Lillicrap, K. Kavukcuoglu, D. Wierstra: Matching Networks for
       One Shot Learning. NIPS 2016, arXiv:1606.04080, section 4.1.1.
"""

from __future__ import annotations

import hashlib
import zipfile
from functools import cache as once
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..experiment.cache import cache
from ..experiment.command import Refusal
from ..experiment.files import replacing
from ..experiment.randomness import stream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Ink from 0 to 255, (images, side, side).
Pixels: TypeAlias = NDArray[np.uint8]

#: Of an image at its largest; the other size is half of it.
SIDE = 28

#: The name of what needs no files.
GLYPHS = "glyphs"

#: Characters to train on of all that Omniglot has, in the usual protocol [2]_.
USUAL, ALL = 1200, 1623

PROTOCOLS = ("lake", "usual")


class Character(NamedTuple):
    """A class.

    Attributes
    ----------
    alphabet, name
        What it is of, and what it is called there.
    pixels
        Its examples.
    """

    alphabet: str
    name: str
    pixels: Pixels


class Images(NamedTuple):
    """Some characters, their images under one another.

    Attributes
    ----------
    alphabets, names
        Of each character.
    counts
        Images of each character.
    pixels
        All of them, in the order of the characters.
    """

    alphabets: tuple[str, ...]
    names: tuple[str, ...]
    counts: NDArray[np.int64]
    pixels: Pixels

    @property
    def first(self) -> NDArray[np.int64]:
        """Where the images of each character begin."""
        return np.cumsum(self.counts) - self.counts


class Split(NamedTuple):
    """What is trained on, and what is evaluated on."""

    training: Images
    test: Images


def together(characters: Sequence[Character]) -> Images:
    """Characters as one value."""
    return Images(
        tuple(each.alphabet for each in characters),
        tuple(each.name for each in characters),
        np.array([len(each.pixels) for each in characters], np.int64),
        np.concatenate([each.pixels for each in characters]),
    )


def digest(images: Images) -> str:
    """What tells some images from others."""
    text = repr((images.alphabets, images.names, images.counts.tolist(), images.pixels.shape))
    return hashlib.sha256(text.encode() + images.pixels.tobytes()).hexdigest()[:16]


# --8<-- [start:split]
def by_alphabet(characters: Sequence[Character], unseen: set[str]) -> Split:
    """The characters of some alphabets are the test: it has scripts that were never seen."""
    return Split(
        together([each for each in characters if each.alphabet not in unseen]),
        together([each for each in characters if each.alphabet in unseen]),
    )


def by_character(characters: Sequence[Character], training: int) -> Split:
    """So many characters, whatever they are of, are for training; which ones is always the same."""
    order = stream(0, 5).permutation(len(characters))
    shuffled = [characters[place] for place in order]
    return Split(together(shuffled[:training]), together(shuffled[training:]))


# --8<-- [end:split]


@once
def load(data: str, protocol: str, size: int) -> Split:
    """The images to train and to evaluate on.

    Parameters
    ----------
    data
        `GLYPHS`, or a folder or a file with Omniglot, or a folder with a folder for each class.
    protocol
        ``lake``: the test has alphabets of its own, as Lake's has [1]_. ``usual``: it has
        characters of its own, from alphabets that may have been seen [2]_.
    size
        Pixels of a side, 28 or 14.

    Raises
    ------
    Refusal
        When there is nothing of the kind, or it is damaged.
    """
    split = at_full_size(data, protocol)
    return split if size == SIDE else Split(*(halved(each) for each in split))


@once
def at_full_size(data: str, protocol: str) -> Split:
    """The images as they are kept."""
    from . import folders, glyphs, omniglot  # noqa: PLC0415 - they are made of what is here

    if data == GLYPHS:
        characters = kept("glyphs", glyphs.key(), glyphs.drawn)
        if protocol == "usual":
            return by_character(characters, len(characters) * 3 // 4)
        return by_alphabet(characters, glyphs.UNSEEN)
    place = Path(data)
    archives = omniglot.archives(place)
    if archives is None:
        return own(kept("folder", folders.key(place), lambda: folders.read(place)), protocol)
    characters = kept("omniglot", omniglot.key(archives), lambda: omniglot.read(archives))
    unseen = omniglot.unseen(archives)
    if protocol == "usual":
        every = len(characters)
        return by_character(characters, USUAL if every == ALL else every * 3 // 4)
    return by_alphabet(characters, unseen) if unseen else own(characters, protocol)


def own(characters: Sequence[Character], protocol: str) -> Split:
    """Three quarters of the alphabets, or of the classes where those have none."""
    alphabets = sorted({each.alphabet for each in characters})
    if protocol == "usual" or len(alphabets) < 2:
        return by_character(characters, len(characters) * 3 // 4)
    order = stream(0, 5).permutation(len(alphabets))
    return by_alphabet(characters, {alphabets[each] for each in order[len(order) * 3 // 4 :]})


def halved(images: Images) -> Images:
    """Four pixels made one, their mean."""
    rows = len(images.pixels)
    squares = images.pixels.reshape(rows, SIDE // 2, 2, SIDE // 2, 2).astype(np.uint16)
    return images._replace(pixels=((squares.sum(axis=(2, 4)) + 2) // 4).astype(np.uint8))


# --- kept in the cache ---


def kept(kind: str, key: str, make: Callable[[], list[Character]]) -> list[Character]:
    """Characters from the cache, or made and put there.

    A cache that cannot be written only costs the time to make them again.
    """
    path = cache() / f"{kind}-{key}.npz"
    found = cached(path)
    if found is None:
        found = together(make())
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path, own=False) as file:
                np.savez(
                    file,
                    allow_pickle=False,
                    alphabets=np.array(found.alphabets),
                    names=np.array(found.names),
                    counts=found.counts,
                    pixels=found.pixels,
                )
        except OSError:
            pass
    ends = np.cumsum(found.counts)[:-1]
    parts = np.split(found.pixels, ends)
    return list(map(Character, found.alphabets, found.names, parts))


def cached(path: Path) -> Images | None:
    """What `kept` has written, if it is whole."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = dict(file)
        alphabets, names = (tuple(map(str, arrays[name])) for name in ("alphabets", "names"))
        return Images(alphabets, names, arrays["counts"], arrays["pixels"])
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def checked(place: Path, least: int, classes: Sequence[Character]) -> None:
    """See that there are some classes, each with several images.

    Raises
    ------
    Refusal
        When there are not.
    """
    if len(classes) < least:
        raise Refusal(f"{place} has {len(classes)} classes; it must have at least {least}")
    for each in classes:
        if len(each.pixels) < 2:
            raise Refusal(
                f"{place} has {len(each.pixels)} image of the class {each.alphabet}/{each.name}; "
                f"it must have at least 2: one to learn from, one to recognise"
            )
