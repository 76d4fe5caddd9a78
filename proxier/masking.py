"""Envelopes as they may be shown: without the passwords in them.

An envelope is read rather than searched, so that no way of writing a name hides it. What cannot be read as a
whole is shown without any value.
"""

from __future__ import annotations

import re

from lxml import etree

from cwmp_client.soap_types import local_name
from proxier.settings_rules import MASK

DEEPEST_INDENTED = 12
"""Levels of elements, with room: CWMP needs eight. Blanks before those of many more would fill the memory."""

_SECRET_NAME = re.compile(
    r"(password|passwd|pwd|passphrase|passcode|passkey|psk|secret|token|credentials?|keyvalue"
    r"|(presharedk|wepk|privatek|secretk|sharedk|encryptionk|authenticationk|sessionk|apik)ey)\d*$"
    r"|PIN$|\.Challenge\.\d+\.Value$",
    re.IGNORECASE,
)
"""The end of the names of elements and parameters whose values are secret; not all Keys are.

Source: TR-181, what is hidden or secured, and what vendors call it
"""
_USER_IN_URL = re.compile(r"(?<=://)[^/?#\s]*@")
_NAMES = frozenset({"Name", "string"})
_PARAMETER_NAME = re.compile(r"\s*[\w.:{}*\[\]-]+\s*")
_ILLEGIBLE = "(no XML)"


def masked(envelope: bytes, *, whole: bool = True) -> str:
    """An envelope, indented, with a mask for each password; `whole` unless its end was cut off."""
    if not envelope.strip():
        return ""
    root = _read(envelope, recover=False) if whole else None
    intact = root is not None
    if root is None:
        root = _read(envelope, recover=True)
    if root is None or root.getroottree().docinfo.internalDTD is not None:
        return _ILLEGIBLE
    depth = _mask(root) if intact else _mask_all_but_names(root)
    if depth <= DEEPEST_INDENTED:
        etree.indent(root)
    return etree.tostring(root, encoding="unicode")


def _read(envelope: bytes, *, recover: bool) -> etree._Element | None:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=recover,
    )
    try:
        return etree.fromstring(envelope.lstrip(), parser)
    except etree.XMLSyntaxError:
        return None


def _mask(root: etree._Element) -> int:
    """Mask what is secret, and return how deep the elements are nested."""
    deepest, waiting = 0, [(root, 1, False)]
    while waiting:
        element, depth, value_is_secret = waiting.pop()
        deepest = max(deepest, depth)
        name = local_name(element)
        if _SECRET_NAME.search(name) or (name == "Value" and value_is_secret):
            _mask_element(element)
            continue
        if element.text:
            element.text = _without_user(element.text)
        children = list(element.iterchildren(etree.Element))
        of_secret = any(local_name(each) == "Name" and _is_secret(each) for each in children)
        waiting.extend((each, depth + 1, of_secret) for each in children)
    return deepest


def _mask_all_but_names(root: etree._Element) -> int:
    """Mask all that may be a value, wherever a break has put it, and return how deep elements are nested."""
    deepest, waiting = 0, [(root, 1)]
    while waiting:
        element, depth = waiting.pop()
        deepest = max(deepest, depth)
        is_name = local_name(element) in _NAMES and _PARAMETER_NAME.fullmatch(element.text or "")
        if not is_name and (element.text or "").strip():
            element.text = MASK
        element.tail = None
        element.attrib.clear()
        waiting.extend((each, depth + 1) for each in element.iterchildren(etree.Element))
    return deepest


def _mask_element(element: etree._Element) -> None:
    if any(map(str.strip, map(str, element.itertext()))):
        element.text = MASK
    else:
        element.text = None
    del element[:]


def _without_user(text: str) -> str:
    return _USER_IN_URL.sub(f"{MASK}@", text)


def _is_secret(name: etree._Element) -> bool:
    """Whether a parameter's value is secret; a name in which there are elements is none, and may hide one."""
    return len(name) > 0 or _SECRET_NAME.search((name.text or "").strip()) is not None
