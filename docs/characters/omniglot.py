"""Omniglot from the zips of its authors [1]_, which are read as they are and never unpacked.

References
----------
.. [1] B. Lake, R. Salakhutdinov, J. Tenenbaum: Human-level concept learning through probabilistic
       program induction. Science 350 (2015); github.com/brendenlake/omniglot, MIT licence.
.. [2] TensorFlow Datasets, url_checksums/omniglot.txt: the zips' sizes in bytes and SHA-256.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..experiment.command import Refusal
from .images import Character, checked
from .pictures import ink_of

WHERE = "github.com/brendenlake/omniglot, folder python"

#: By its name, bytes of each zip [2]_.
SIZES = {
    "images_background.zip": 9_464_212,
    "images_evaluation.zip": 6_462_886,
    "images_background_small1.zip": 1_319_022,
    "images_background_small2.zip": 1_580_917,
}

#: Those that belong together: to train on, and to test on.
PAIRS = (
    ("images_background.zip", "images_evaluation.zip"),
    ("images_background_small1.zip", "images_background_small2.zip"),
)

#: What a file is called in them: an alphabet, a character, the number of a drawer.
FILE = re.compile(r"[a-z][^/]*/([A-Za-z][^/]*)/(character[0-9]+)/[0-9]+_[0-9]+\.png")

#: At most: bytes of a zip, files in it, and bytes that one of them says it has. Those of Omniglot
#: have 413.
ZIP, FILES, BYTES = 50 * 2**20, 40_000, 16 * 2**10

#: Pixels of every image.
SIDES = (105, 105)


class Archives(NamedTuple):
    """The zips of a data set: that to train on, and that to test on if there are two."""

    training: Path
    test: Path | None


def size(name: str) -> str:
    """Of a zip, in words."""
    return f"{SIZES[name] / 1e6:.1f} MB"


def archives(place: Path) -> Archives | None:
    """The zips that a path leads to; None where it leads to something else.

    Raises
    ------
    Refusal
        When one of two is missing.
    """
    if place.is_file():
        return Archives(place, None)
    for pair in PAIRS:
        there = [(place / name).is_file() for name in pair]
        if all(there):
            return Archives(place / pair[0], place / pair[1])
        if any(there):
            missing = pair[there.index(False)]
            raise Refusal(f"{place} lacks {missing}; it is in {WHERE}, and has {size(missing)}")
    if not place.exists():
        wanted = " and ".join(f"{name} ({size(name)})" for name in PAIRS[0])
        raise Refusal(
            f"--data is {place}, which is not there; it must be glyphs, a folder with a folder of "
            f"images for each class, or one with {wanted} from {WHERE}"
        )
    return None


def paths(found: Archives) -> list[Path]:
    """One or two files."""
    return [path for path in found if path is not None]


def key(found: Archives) -> str:
    """What tells some zips from others.

    Raises
    ------
    Refusal
        When one cannot be read, or is too large to be one.
    """
    whole = hashlib.sha256(str(SIDES).encode())
    for path in paths(found):
        try:
            length = path.stat().st_size
            if length > ZIP:
                raise Refusal(f"{path} has {length:,} bytes; Omniglot must have at most {ZIP:,}")
            whole.update(path.read_bytes())
        except OSError as error:
            raise Refusal(f"cannot read {path}: {error.strerror}") from None
    return whole.hexdigest()[:12]


def read(found: Archives) -> list[Character]:
    """Every character of the zips, alphabets that are in both only once.

    Raises
    ------
    Refusal
        When one is not a zip, damaged, or not of Omniglot.
    """
    characters: dict[tuple[str, str], Character] = {}
    for path in paths(found):
        for each in characters_of(path):
            characters.setdefault((each.alphabet, each.name), each)
    every = list(characters.values())
    checked(found.training, 4, every)
    return every


def unseen(found: Archives) -> set[str]:
    """The alphabets of the test that the training has not."""
    if found.test is None:
        return set()
    training, test = ({each[0] for each in listed(path)} for path in (found.training, found.test))
    return test - training


def characters_of(path: Path) -> list[Character]:
    """The characters of one zip, in the order of their names."""
    files: dict[tuple[str, str], list[zipfile.ZipInfo]] = {}
    for alphabet, name, info in listed(path):
        files.setdefault((alphabet, name), []).append(info)
    with zipfile.ZipFile(path) as archive:
        return [
            Character(alphabet, name, np.array([ink(archive, path, each) for each in infos]))
            for (alphabet, name), infos in sorted(files.items())
        ]


def ink(archive: zipfile.ZipFile, path: Path, info: zipfile.ZipInfo) -> np.ndarray:
    """One image; no more is read than its entry says it has."""
    try:
        with archive.open(info) as file:
            content = file.read(BYTES)
        if len(content) != info.file_size:
            raise EOFError
    except (OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error, EOFError):
        raise Refusal(f"{path}: {info.filename} is damaged; download the file again") from None
    return ink_of(content, f"{path}: {info.filename}", SIDES)


def listed(path: Path) -> list[tuple[str, str, zipfile.ZipInfo]]:
    """The images that a zip says it has: alphabet, character, entry; nothing is decompressed.

    Raises
    ------
    Refusal
        When it is no zip, or says that it has anything else.
    """
    wanted = f"it must be one of {', '.join(SIZES)} from {WHERE}"
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        raise Refusal(f"{path} is not a readable zip; {wanted}") from None
    images = [each for each in entries if not each.is_dir()]
    if not 0 < len(images) <= FILES:
        raise Refusal(f"{path} has {len(images):,} files; {wanted}")
    found = []
    for each in sorted(images, key=lambda info: info.filename):
        match = FILE.fullmatch(each.filename)
        if match is None:
            raise Refusal(f"{path} has the file {each.filename[:80]!r}; {wanted}")
        if each.file_size > BYTES:
            raise Refusal(
                f"{path}: {each.filename} says it has {each.file_size:,} bytes; "
                f"an image of Omniglot has at most {BYTES:,}"
            )
        found.append((match[1], match[2], each))
    return found
