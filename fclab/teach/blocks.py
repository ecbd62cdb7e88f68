"""The blocks a panel shows, and their words for places without panels."""

from __future__ import annotations

from fclab.teach.texts import plain

__all__ = ["Block", "Cell", "buttons", "head", "pre", "quote", "rule", "table", "text", "text_of"]

Block = dict[str, object]
Cell = str | dict[str, str]
"""A text, or a verdict: {"kind": "hit" | "close" | "surprise", "text": ...}."""


def head(badge: str = "", text: str = "") -> Block:
    """A small label above a line in large letters."""
    return {"type": "head", "badge": badge, "text": text}


def text(words: str) -> Block:
    """A paragraph."""
    return {"type": "text", "text": words}


def quote(words: str) -> Block:
    """Paragraphs on a grey ground, read out by screen readers when they appear."""
    return {"type": "quote", "text": words}


def pre(words: str, label: str) -> Block:
    """Text of fixed width; `label` names it for screen readers."""
    return {"type": "pre", "text": words, "label": label}


def rule() -> Block:
    """A line between two parts."""
    return {"type": "rule"}


def table(titles: list[str], rows: list[list[Cell]]) -> Block:
    """A table."""
    return {"type": "table", "head": titles, "rows": rows}


def buttons(items: dict[str, str], main: str = "", to: str = "") -> Block:
    """A row of buttons, text by id; `main` is the one to press. With `to`, a press also shows the timeline of that stage."""
    goes = {"to": to} if to else {}
    return {"type": "buttons", "items": [{"id": key, "label": label, "main": key == main, **goes} for key, label in items.items()]}


def text_of(blocks: list[Block]) -> str:
    """Blocks as plain text; buttons, pictures and sliders have none."""
    return "\n".join(line for block in blocks for line in _lines(block))


def _lines(block: Block) -> list[str]:
    if block["type"] == "head":
        return [plain(str(block[key])) for key in ("badge", "text") if block[key]]
    titles, rows = block.get("head"), block.get("rows")
    if block["type"] == "table" and isinstance(titles, list) and isinstance(rows, list):
        cells = [[str(cell["text"]) if isinstance(cell, dict) else plain(str(cell)) for cell in row] for row in (titles, *rows)]
        wide = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return ["  ".join(cell.ljust(width) for cell, width in zip(row, wide, strict=True)).rstrip() for row in cells]
    return [plain(line) for line in str(block["text"]).split("\n")] if "text" in block else []
