"""XML, in and out: everything escaped on the way out, nothing clever let in."""

from __future__ import annotations

import re
from typing import TypeAlias
from xml.etree import ElementTree
from xml.parsers import expat

from fclab.errors import SourceError

__all__ = ["LARGEST", "Node", "flag", "plain", "read", "write"]

Node: TypeAlias = "tuple[str, str | list[Node]]"
"""A tag, and its text or what is in it."""

LARGEST = 8 << 20
"""Bytes of a document that is read."""
_ELEMENTS = 40_000
"""Elements in it: 10 000 parts with number and ETag are 30 001."""
_DEEPEST = 16
_STRANGE = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot say, or does not keep as it is (a carriage return)."""


def plain(text: str) -> bool:
    """XML can say this text as it is."""
    return _STRANGE.search(text) is None


def flag(value: bool) -> str:
    """true or false, as XML has it."""
    return "true" if value else "false"


def write(root: Node) -> bytes:
    """A document in UTF-8. Characters that XML has not become U+FFFD."""
    text: bytes = ElementTree.tostring(_element(root), encoding="utf-8", xml_declaration=True)
    return text


def _element(node: Node) -> ElementTree.Element:
    tag, content = node
    element = ElementTree.Element(tag)
    if isinstance(content, str):
        element.text = _STRANGE.sub("\ufffd", content)
    else:
        element.extend(map(_element, content))
    return element


def read(data: bytes, root: str) -> ElementTree.Element:
    """A document whose outermost tag is `root`.

    1. One with a document type is refused before anything of it is used, so no entity is ever expanded or fetched.
    2. Its size, elements and depth are bounded.

    Raises `SourceError` (MalformedXML).
    """
    if len(data) > LARGEST:
        raise _malformed(f"it has more than {LARGEST} bytes")
    builder = ElementTree.TreeBuilder()
    depth = elements = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth, elements = depth + 1, elements + 1
        if depth > _DEEPEST or elements > _ELEMENTS:
            raise _malformed("it has too many elements, or they are too deep in each other")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def doctype(*_: object) -> None:
        raise _malformed("it has a document type")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, builder.data
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise _malformed(str(error)) from None
    found = builder.close()
    if found.tag != root:
        raise _malformed(f"it is no {root}")
    return found


def _malformed(why: str) -> SourceError:
    return SourceError("MalformedXML", f"The XML you provided was not well-formed or did not validate: {why}.")
