"""Reads an XMP packet (ISO 16684-1): a tree of XML whose leaves are shown by their names."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from .fact import MOST_FACTS, Fact, fact

GROUP = "XMP"
_MOST_BYTES = 1 << 20
_DEEPEST = 30
#: Declarations could define entities that grow, or name other files; XMP has none.
_DECLARED = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_SILENT = ("RDF", "Description", "xmpmeta", "Bag", "Seq", "Alt", "li")


def xmp_facts(packet: bytes) -> list[Fact]:
    """Return the properties of an XMP packet, or why it cannot be read; nothing if it is empty."""
    packet = packet.strip(b"\0 \r\n\t")
    if not packet:
        return []
    if len(packet) > _MOST_BYTES:
        return [fact(GROUP, "not read", f"{len(packet):,} bytes")]
    wide = b"\0" in packet[:200]
    if wide or _DECLARED.search(packet):
        why = "not in UTF-8" if wide else "it declares entities, which XMP does not have"
        return [fact(GROUP, "not read", why)]
    try:
        root = ElementTree.fromstring(packet)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        return [fact(GROUP, "damaged", error)]
    found: list[Fact] = []
    waiting = [(root, (), 0)]
    while waiting and len(found) <= MOST_FACTS:
        node, above, depth = waiting.pop()
        name = _name(node.tag)
        path = above if name in _SILENT else (*above, name)
        for key, value in node.attrib.items():
            if not key.startswith(_RDF) and "namespace" not in key:
                found.append(fact(GROUP, " / ".join((*path, _name(key)))[-80:], value))
        if node.text and node.text.strip():
            found.append(fact(GROUP, " / ".join(path)[-80:], node.text))
        if depth < _DEEPEST:
            waiting += [(child, path, depth + 1) for child in reversed(node)]
    return found


def _name(tag: object) -> str:
    return str(tag).rsplit("}", 1)[-1]
