"""Envelopes as they may be shown: without the passwords in them.

An envelope is read rather than searched, so that no way of writing a name hides it. What cannot be read as a
whole is shown without any value.
"""

from __future__ import annotations

import re

from lxml import etree

from cwmp_client.soap_types import local_name
from proxier.settings import MASK

_SECRET_NAME = re.compile(
    r"(password|passwd|passphrase|presharedkey|wepkey|privatekey|psk|secret|token|credentials?)\d*$|PIN$",
    re.IGNORECASE,
)
"""The end of the names of elements and parameters whose values are secret."""
_USER_IN_URL = re.compile(r"(?<=://)[^/?#@\s]*@")
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
    elements = list(root.iter(etree.Element))
    secret = {each.getparent() for each in elements if local_name(each) == "Name" and _is_secret(each)}
    for element in elements:
        _mask(element, values_are_secret=not intact or element.getparent() in secret)
        if not intact:
            element.tail = None
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


def _mask(element: etree._Element, *, values_are_secret: bool) -> None:
    name = local_name(element)
    if _SECRET_NAME.search(name) or (name == "Value" and values_are_secret):
        if _all_text(element):
            del element[:]
            element.text = MASK
    elif element.text:
        element.text = _USER_IN_URL.sub(f"{MASK}@", element.text)


def _is_secret(name: etree._Element) -> bool:
    return _SECRET_NAME.search(_all_text(name)) is not None


def _all_text(element: etree._Element) -> str:
    return "".join(map(str, element.itertext())).strip()
