"""Where images come from: drawn ones are always the same, and files are read with care."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.ft2font import FT2Font

from docs.characters import glyphs, images
from docs.characters.images import GLYPHS, Images, Split, digest, load
from docs.characters.omniglot import SIZES
from docs.experiment.command import Refusal
from tests.docs.characters.images import (
    ROOT,
    SMALL_ZIPS,
    files_of_omniglot,
    folder_of,
    omniglot,
    patterns,
    png,
    zipped,
)


@pytest.fixture(autouse=True)
def forgetful() -> None:
    """Every test reads its images anew; glyphs stay in the cache of this machine."""
    load.cache_clear()
    images.at_full_size.cache_clear()


PROGRAM = """
import hashlib
from matplotlib.ft2font import FT2Font
from docs.characters import glyphs
opened = {path: FT2Font(str(path)) for path in glyphs.fonts()}
few = glyphs.candidates()[::97]
drawn = b"".join(glyphs.examples(glyph, opened).tobytes() for glyph in few)
names = " ".join(f"{glyph.script}/{glyph.code}/{len(glyph.fonts)}" for glyph in few)
print(hashlib.sha256(names.encode() + drawn).hexdigest())
"""


def test_glyphs_are_always_the_same() -> None:
    hashes = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PATH": "", "HOME": str(Path.home())},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(hashes) == 1


def test_the_glyphs_of_the_cache_are_those_that_are_drawn() -> None:
    split = load(GLYPHS, "lake", 28)
    opened: Any = {path: FT2Font(str(path)) for path in glyphs.fonts()}
    by_name = {glyph_name(each): each for each in glyphs.candidates()}
    for part in split:
        for place in range(0, len(part.names), 70):
            first = part.first[place]
            drawn = glyphs.examples(by_name[part.alphabets[place], part.names[place]], opened)
            np.testing.assert_array_equal(part.pixels[first : first + len(drawn)], drawn)


def glyph_name(glyph: glyphs.Glyph) -> tuple[str, str]:
    import unicodedata

    return glyph.script, unicodedata.name(chr(glyph.code))


def test_the_test_has_scripts_that_were_never_seen() -> None:
    split = load(GLYPHS, "lake", 14)
    assert not set(split.training.alphabets) & set(split.test.alphabets)
    assert set(split.test.alphabets) == glyphs.UNSEEN
    assert len(split.training.names) > 900
    assert len(split.test.names) > 150
    for part in split:
        assert (part.counts == glyphs.EXAMPLES).all()
        assert part.pixels.reshape(len(part.pixels), -1).max(axis=1).min() > 100


@pytest.mark.parametrize("protocol", images.PROTOCOLS)
def test_no_character_is_in_both_parts(protocol: str) -> None:
    training, test = (
        set(zip(part.alphabets, part.names, strict=True)) for part in load(GLYPHS, protocol, 14)
    )
    assert training
    assert test
    assert not training & test


def test_a_smaller_image_has_the_mean_of_four_pixels() -> None:
    large, small = load(GLYPHS, "lake", 28).test, load(GLYPHS, "lake", 14).test
    means = large.pixels.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(small.pixels, means, atol=0.5)


def test_a_cache_that_is_damaged_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    place = folder_of(tmp_path / "own")
    first = load(str(place), "lake", 14)
    (kept,) = (tmp_path / "cache" / "maml-derived").glob("*.npz")
    kept.write_bytes(kept.read_bytes()[:-100])
    images.at_full_size.cache_clear()
    load.cache_clear()
    assert same(load(str(place), "lake", 14), first)
    assert images.cached(kept) is not None


def test_a_cache_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert len(load(str(folder_of(tmp_path / "own")), "lake", 14).training.names) == 9


def same(found: Split, expected: Split) -> bool:
    return [digest(each) for each in found] == [digest(each) for each in expected]


# --- a folder of one's own ---


def test_a_folder_is_a_class(tmp_path: Path) -> None:
    split = load(str(folder_of(tmp_path)), "lake", 28)
    assert (len(split.training.names), len(split.test.names)) == (9, 3)
    assert sorted(split.training.names + split.test.names) == [f"class{i:02}" for i in range(12)]
    wanted = 255 - patterns(12, 8)
    for part in split:
        for place, name in enumerate(part.names):
            mine = part.pixels[part.first[place] :][: part.counts[place]]
            np.testing.assert_allclose(mine, wanted[int(name[-2:])], atol=1)


def test_folders_above_classes_are_alphabets(tmp_path: Path) -> None:
    for alphabet in "abcd":
        folder_of(tmp_path / alphabet, classes=3)
    split = load(str(tmp_path), "lake", 14)
    assert len(set(split.training.alphabets)) == 3
    assert len(set(split.test.alphabets)) == 1
    assert len(load(str(tmp_path), "usual", 14).test.names) == 3


def test_light_on_dark_is_turned_around(tmp_path: Path) -> None:
    for number, each in enumerate(255 - patterns(4, 3)):
        (tmp_path / f"{number}").mkdir()
        for index, image in enumerate(each):
            (tmp_path / f"{number}" / f"{index}.png").write_bytes(png(image))
    assert load(str(tmp_path), "lake", 28).training.pixels.mean() < 127


def spoil_text(place: Path) -> None:
    (place / "class01" / "notes.png").write_text("not an image")


def spoil_single(place: Path) -> None:
    for path in sorted((place / "class01").iterdir())[1:]:
        path.unlink()


def spoil_top(place: Path) -> None:
    (place / "loose.png").write_bytes(png(patterns(1, 1)[0, 0]))


def spoil_huge(place: Path) -> None:
    whole = np.zeros((5000, 5000), np.uint8)
    (place / "class01" / "0.png").write_bytes(png(whole))


def spoil_cut(place: Path) -> None:
    path = place / "class01" / "0.png"
    path.write_bytes(path.read_bytes()[:-30])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_text, "notes.png is not a readable image"),
        (spoil_single, "has 1 image of the class /class01; it must have at least 2"),
        (spoil_top, "loose.png is in no class; images must be in a folder for each class"),
        (spoil_huge, r"0.png has \(5000, 5000\) pixels; it must have at most"),
        (spoil_cut, "0.png is not a readable image"),
    ],
)
def test_a_folder_that_is_spoilt_is_refused(spoil: Any, message: str, tmp_path: Path) -> None:
    spoil(folder_of(tmp_path))
    with pytest.raises(Refusal, match=message):
        load(str(tmp_path), "lake", 14)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"images_background.zip \(9.5 MB\).*brendenlake/omniglot"):
        load(str(tmp_path / "nothing"), "lake", 14)
    with pytest.raises(Refusal, match="has 0 classes; it must have at least 4"):
        load(str(tmp_path), "lake", 14)


# --- Omniglot ---


def test_a_zip_is_read_where_it_is(tmp_path: Path) -> None:
    path = zipped(tmp_path / "some.zip", files_of_omniglot())
    before = sorted(tmp_path.rglob("*"))
    split = load(str(path), "lake", 28)
    assert sorted(tmp_path.rglob("*")) == before
    assert set(split.training.alphabets) | set(split.test.alphabets) == {
        f"Alphabet_{i}" for i in range(4)
    }
    assert len(set(split.test.alphabets)) == 1
    assert (split.training.counts == 8).all()
    # Ink is where the image is black.
    assert 30 < split.training.pixels.mean() < 120


def test_the_second_of_two_zips_is_the_test(tmp_path: Path) -> None:
    files = files_of_omniglot()
    zipped(tmp_path / "images_background.zip", {k: v for k, v in files.items() if "bet_3" not in k})
    zipped(tmp_path / "images_evaluation.zip", {k: v for k, v in files.items() if "bet_1" not in k})
    split = load(str(tmp_path), "lake", 14)
    assert set(split.test.alphabets) == {"Alphabet_3"}
    assert "Alphabet_1" in split.training.alphabets
    usual = load(str(tmp_path), "usual", 14)
    assert (len(usual.training.names), len(usual.test.names)) == (9, 3)


def test_a_zip_that_is_missing_is_named(tmp_path: Path) -> None:
    zipped(tmp_path / "images_background.zip", files_of_omniglot())
    message = "lacks images_evaluation.zip; it is in github.com/brendenlake/omniglot.* has 6.5 MB"
    with pytest.raises(Refusal, match=message):
        load(str(tmp_path), "lake", 14)


def text(path: Path) -> None:
    path.write_text("no zip")


def other_files(path: Path) -> None:
    zipped(path, {**files_of_omniglot(), "images_background/readme.txt": b"hello"})


def outside(path: Path) -> None:
    zipped(path, {**files_of_omniglot(), "../../character01/0_1.png": b"hello"})


def bomb(path: Path) -> None:
    name = "images_background/Alphabet_0/character01/0_99.png"
    zipped(path, {**files_of_omniglot(), name: bytes(10**8)})


def many(path: Path) -> None:
    zipped(path, {f"a/b/character01/0_{i}.png": b"" for i in range(40_001)})


def cut(path: Path) -> None:
    zipped(path, files_of_omniglot())
    path.write_bytes(path.read_bytes()[:-200])


def flipped(path: Path) -> None:
    zipped(path, files_of_omniglot())
    content = bytearray(path.read_bytes())
    content[120] ^= 255
    path.write_bytes(bytes(content))


def other_size(path: Path) -> None:
    name = "images_background/Alphabet_0/character01/0_99.png"
    zipped(path, {**files_of_omniglot(), name: png(np.zeros((104, 105), np.uint8))})


def no_image(path: Path) -> None:
    name = "images_background/Alphabet_0/character01/0_99.png"
    zipped(path, {**files_of_omniglot(), name: b"GIF89a"})


def says(path: Path, size: int) -> None:
    """Have the first entry of the central directory say how many bytes its file has."""
    content = path.read_bytes()
    place = content.index(b"PK\x01\x02") + 24
    path.write_bytes(content[:place] + size.to_bytes(4, "little") + content[place + 4 :])


def smaller_than_it_says(path: Path) -> None:
    says(zipped(path, files_of_omniglot()), 10**4)


def larger_than_it_says(path: Path) -> None:
    name = "images_background/Alphabet_0/character01/0_00.png"
    says(zipped(path, {name: bytes(10**8), **files_of_omniglot()}), 300)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (text, "is not a readable zip; it must be one of images_background.zip"),
        (other_files, "has the file 'images_background/readme.txt'; it must be one of"),
        (outside, "has the file '../../character01/0_1.png'"),
        (bomb, "0_99.png says it has 100,000,000 bytes; an image of Omniglot has at most 16,384"),
        (many, "has 40,001 files"),
        (cut, "is not a readable zip"),
        (flipped, "is damaged; download the file again|is not a readable image"),
        (other_size, r"0_99.png has \(105, 104\) pixels; it must have \(105, 105\)"),
        (no_image, "0_99.png is not a readable image"),
        (smaller_than_it_says, "is damaged; download the file again"),
        (larger_than_it_says, "is damaged; download the file again"),
    ],
)
def test_a_zip_that_is_not_omniglot_is_refused(make: Any, message: str, tmp_path: Path) -> None:
    make(tmp_path / "some.zip")
    with pytest.raises(Refusal, match=message):
        load(str(tmp_path / "some.zip"), "lake", 14)


def test_a_bomb_is_never_decompressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb(tmp_path / "some.zip")

    def opened(*_: Any, **__: Any) -> Any:
        raise AssertionError("an entry was opened")

    monkeypatch.setattr(zipfile.ZipFile, "open", opened)
    with pytest.raises(Refusal, match="says it has 100,000,000 bytes"):
        load(str(tmp_path / "some.zip"), "lake", 14)


def test_the_minimal_splits_of_omniglot() -> None:
    split = load(str(omniglot()), "lake", 14)
    assert set(split.training.alphabets) == {
        "Balinese", "Early_Aramaic", "Greek", "Korean", "Latin",
    }  # fmt: skip
    assert set(split.test.alphabets) == {"Japanese_(katakana)", "Sanskrit", "Tagalog"}
    assert (len(split.training.names), len(split.test.names)) == (136, 106)
    assert (split.training.counts == 20).all()
    assert [(omniglot() / name).stat().st_size for name in SMALL_ZIPS] == [
        SIZES[name] for name in SMALL_ZIPS
    ]
    whole = load(str(omniglot()), "usual", 14)
    assert sum(len(part.names) for part in whole) == 242


def test_a_digest_tells_images_apart() -> None:
    some = Images(("a",), ("b",), np.array([2]), np.zeros((2, 14, 14), np.uint8))
    other = some._replace(pixels=some.pixels + np.uint8(1))
    assert len({digest(some), digest(other), digest(some._replace(names=("c",)))}) == 3
