"""A model's card: what a person wants to see of it before running it, with its cover picture."""

from __future__ import annotations

import base64
from typing import Any

from ijbridge.description import ModelDescription
from ijbridge.errors import PackageError
from ijbridge.formats.package import package_of

#: Pictures that Java reads, and the bytes that one may have: it goes through a pipe as text.
_PICTURES = (".png", ".jpg", ".jpeg", ".gif")
_LARGEST_PICTURE = 4_000_000


def card(description: ModelDescription) -> dict[str, Any]:
    """Give the card as plain data.

    Returns
    -------
    dict
        ``name``, ``version``, ``description``, ``authors``, ``license``, ``format``, ``tags``, ``location``: texts; ``cite``: a
        list of texts; ``cover``: the picture's file in base64, empty where there is none that can be shown.
    """
    return {
        "name": description.name,
        "version": description.version or "",
        "description": description.description,
        "authors": ", ".join(person.name for person in description.authors),
        "license": description.license or "",
        "format": f"{description.format} {description.format_version}",
        "tags": ", ".join(description.tags),
        "cite": [f"{one.text}{f' ({one.doi or one.url})' if one.doi or one.url else ''}" for one in description.cite],
        "location": description.location,
        "cover": base64.b64encode(_cover(description)).decode("ascii"),
    }


def _cover(description: ModelDescription) -> bytes:
    package = package_of(description)
    for file in description.covers:
        if not file.source.lower().endswith(_PICTURES):
            continue
        try:
            return package.read(file, "cover", most=_LARGEST_PICTURE)
        except PackageError:
            continue  # a model without its picture is as good
    return b""
