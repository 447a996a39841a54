"""Image files read with care: what somebody has in a folder or a zip may be anything."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from ..experiment.command import Refusal
from .images import SIDE

if TYPE_CHECKING:
    from .images import Pixels

#: Pixels of the largest image that is read.
LARGEST = 4096 * 4096


def ink_of(content: bytes, name: str, sides: tuple[int, int] | None = None) -> Pixels:
    """An image file as ink, (28, 28), 255 is black.

    What is not square has white beside it. The size is known before a pixel is decoded.

    Parameters
    ----------
    content
        Of the file.
    name
        What errors call it.
    sides
        That it must have; none where any will do.

    Raises
    ------
    Refusal
        When it is no image, too large, or of other sides.
    """
    from PIL import Image  # noqa: PLC0415 - glyphs need none

    try:
        with Image.open(io.BytesIO(content)) as image:
            if sides is not None and image.size != sides:
                raise Refusal(f"{name} has {image.size} pixels; it must have {sides}")
            if image.width * image.height > LARGEST:
                raise Refusal(f"{name} has {image.size} pixels; it must have at most {LARGEST:,}")
            seen = image.convert("RGBA")
            square = Image.new("RGBA", (max(seen.size),) * 2, "white")
            beside = ((square.width - seen.width) // 2, (square.height - seen.height) // 2)
            square.alpha_composite(seen, beside)
            small = square.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    except Refusal:
        raise
    except Exception as error:  # PIL raises whatever a decoder meets, SyntaxError among it
        raise Refusal(f"{name} is not a readable image: {' '.join(str(error).split())}") from None
    return 255 - np.asarray(small, np.uint8)
