"""A reader's own images: a folder of them is a class, by its name; folders above are alphabets."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from ..experiment.command import Refusal
from .images import Character, checked
from .pictures import ink_of

if TYPE_CHECKING:
    from pathlib import Path

#: Files of images in a folder, bytes of one, and bytes of all.
MOST, FILE, ALL = 200_000, 20 * 2**20, 2**32


def files(place: Path) -> list[Path]:
    """The files below a folder in a fixed order, without hidden ones.

    Raises
    ------
    Refusal
        When there is no such folder, or there are none, too many or too large ones.
    """
    if not place.is_dir():
        raise Refusal(f"--data is {place}, which is not there; it must be a folder or a zip")
    try:
        found = [
            path
            for path in sorted(place.rglob("*"))
            if path.is_file()
            and not any(part.startswith(".") for part in path.relative_to(place).parts)
        ]
        sizes = [path.stat().st_size for path in found]
    except OSError as error:
        raise Refusal(f"cannot read {error.filename}: {error.strerror}") from None
    if len(found) > MOST or sum(sizes) > ALL:
        raise Refusal(f"{place} has {len(found):,} files; they must be at most {MOST:,} images")
    for path, size in zip(found, sizes, strict=True):
        if size > FILE:
            raise Refusal(f"{path} has {size:,} bytes; an image must have at most {FILE:,}")
    return found


def key(place: Path) -> str:
    """What tells one state of a folder from another: names, sizes and times of its files."""
    facts = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files(place)]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]


def read(place: Path) -> list[Character]:
    """Every class of a folder.

    Images are dark on light; where the whole folder is light on dark, it is turned around.

    Raises
    ------
    Refusal
        When a file is no image, or a class has fewer than two.
    """
    classes: dict[Path, list[Path]] = {}
    for path in files(place):
        if path.parent == place:
            raise Refusal(f"{path} is in no class; images must be in a folder for each class")
        classes.setdefault(path.parent, []).append(path)
    found = []
    for folder, paths in classes.items():
        try:
            pixels = np.array([ink_of(path.read_bytes(), str(path)) for path in paths])
        except OSError as error:
            raise Refusal(f"cannot read {error.filename}: {error.strerror}") from None
        alphabet = folder.parent.relative_to(place).as_posix()
        found.append(Character("" if alphabet == "." else alphabet, folder.name, pixels))
    checked(place, 4, found)
    if np.mean([each.pixels.mean() for each in found]) > 127:
        found = [each._replace(pixels=255 - each.pixels) for each in found]
    return found
