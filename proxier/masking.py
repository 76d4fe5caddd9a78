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
    for element in list(root.iter(etree.Element)):
        _mask(element, intact=intact)
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


def _mask(element: etree._Element, *, intact: bool) -> None:
    name = local_name(element)
    if _SECRET_NAME.search(name) or (name == "Value" and (not intact or _is_secret_parameter(element))):
        if _all_text(element):
            del element[:]
            element.text = MASK
    elif element.text:
        element.text = _USER_IN_URL.sub(f"{MASK}@", element.text)
    if not intact:
        element.tail = None


def _is_secret_parameter(value: etree._Element) -> bool:
    """Whether a name beside a value says that it is secret."""
    beside = value.getparent()
    if beside is None:
        return False
    return any(
        _SECRET_NAME.search(_all_text(each))
        for each in beside.iter(etree.Element)
        if each is not value and local_name(each) == "Name"
    )


def _all_text(element: etree._Element) -> str:
    return "".join(map(str, element.itertext())).strip()
