"""What commands have measured, read so that no text becomes HTML or ends a cell of a table."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path) -> Any:
    """The content of a JSON file, its texts as a page shows them."""
    return escaped(json.loads(path.read_text(encoding="utf-8")))


def escaped(value: Any) -> Any:
    """The same with every text, and every key, escaped."""
    if isinstance(value, str):
        return " ".join(html.escape(value, quote=False).replace("|", "&#124;").splitlines())
    if isinstance(value, dict):
        return {escaped(key): escaped(each) for key, each in value.items()}
    return [escaped(each) for each in value] if isinstance(value, list) else value
