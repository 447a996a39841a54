"""Images that tests learn from: made up, and Omniglot's minimal splits where they are there."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[3]

#: Beside the repository, or where a variable says.
OMNIGLOT = Path(os.environ.get("OMNIGLOT", ROOT.parent / "shared" / "data"))

SMALL_ZIPS = ("images_background_small1.zip", "images_background_small2.zip")


def omniglot() -> Path:
    """The folder of the minimal splits; without it a test is skipped, in CI that is an error."""
    if not all((OMNIGLOT / name).is_file() for name in SMALL_ZIPS):
        assert os.environ.get("REQUIRE_OMNIGLOT") != "1", f"{OMNIGLOT} lacks {SMALL_ZIPS}"
        pytest.skip(f"{OMNIGLOT} lacks {', '.join(SMALL_ZIPS)}")
    return OMNIGLOT


def png(pixels: np.ndarray) -> bytes:
    """An image file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def patterns(classes: int, each: int, side: int = 28) -> np.ndarray:
    """Images of classes that are easily told apart, dark on light, (classes, each, side, side)."""
    rng = np.random.default_rng(0)
    coarse = rng.random((classes, 1, 7, 7)) < 0.3
    drawn = np.kron(coarse, np.ones((1, 1, side // 7, side // 7)))
    light = 255 * (1 - drawn) - 40 * rng.random((classes, each, side, side))
    return np.clip(light, 0, 255).astype(np.uint8)


def folder_of(place: Path, classes: int = 12, each: int = 8) -> Path:
    """A reader's own images: a folder for each class."""
    for number, images in enumerate(patterns(classes, each)):
        (place / f"class{number:02}").mkdir(parents=True)
        for index, image in enumerate(images):
            (place / f"class{number:02}" / f"{index}.png").write_bytes(png(image))
    return place


def files_of_omniglot(alphabets: int = 4, characters: int = 3, each: int = 8) -> dict[str, bytes]:
    """What a zip of Omniglot has in it, smaller."""
    images = iter(patterns(alphabets * characters, each, 105).reshape(-1, 105, 105))
    return {
        f"images_background/Alphabet_{a}/character{c + 1:02}/{a}{c}_{e + 1:02}.png": png(
            np.where(next(images) > 127, 255, 0).astype(np.uint8)
        )
        for a in range(alphabets)
        for c in range(characters)
        for e in range(each)
    }


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    """A zip of some files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path
