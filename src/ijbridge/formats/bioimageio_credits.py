"""People, papers, licences and the like as bioimage.io 0.5 says them: each as it is stated if the specification allows it.

What it does not allow is not said; nothing is made up in its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from ijbridge.description import Citation, Person


def given(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is not stated."""
    return {key: value for key, value in mapping.items() if value is not None and value not in ([], {}, "")}


def said_name(name: str) -> str:
    """Give a name of 5 to 128 of the characters that are allowed."""
    allowed = re.sub(r"[^A-Za-z0-9_+\- ()]", " ", name).strip()[:128]
    return allowed if len(allowed) >= 5 else f"model {allowed}".strip()


def said_people(people: Sequence[Person]) -> list[dict[str, Any]]:
    """Give those who have a name; an ORCID iD that is none is left out."""
    return [
        given(
            {
                "name": re.sub(r"[/\\]", " ", person.name),
                "affiliation": person.affiliation,
                "orcid": person.orcid if person.orcid is not None and _is_orcid(person.orcid) else None,
                "github_user": person.github_user,
            }
        )
        for person in people
        if person.name
    ]


def _is_orcid(text: str) -> bool:
    """Whether a text is an ORCID iD, by its form and its check digit (ISO 7064, mod 11-2)."""
    if not re.fullmatch(r"\d{4}-\d{4}-\d{4}-\d{3}[\dX]", text, re.ASCII):
        return False
    check = 0
    for digit in text.replace("-", ""):
        check = (2 * check + (10 if digit == "X" else int(digit))) % 11
    return check == 1


def said_citation(one: Citation) -> dict[str, Any] | None:
    """Give a citation with its DOI or URL, None where it has neither."""
    doi = re.sub(r"^https?://(dx\.)?doi\.org/", "", one.doi) if one.doi is not None else None
    doi = doi if doi is not None and re.fullmatch(r"10\.[0-9]{4}.+", doi) else None
    url = said_url(one.url)
    return {"text": one.text, **given({"doi": doi, "url": url})} if doi or url else None


def said_url(text: str | None) -> str | None:
    """Give a web address, None for anything else."""
    return text if text is not None and re.fullmatch(r"https?://[^\s/?#@:]+(:\d{1,5})?([/?#]\S*)?", text) else None


def said_licence(text: str | None) -> str | None:
    """Give the SPDX identifier, None for anything else."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    if text is None or not re.fullmatch(r"[A-Za-z0-9.\-]+", text):
        return None
    try:
        return str(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        return None


def said_version(text: str | None) -> str | None:
    """Give a version of the model, None where its parts cannot be told (PEP 440)."""
    from packaging.version import InvalidVersion, Version

    try:
        return text if text is not None and Version(text) else None
    except InvalidVersion:
        return None


def said_timestamp(text: str | None) -> str | None:
    """Give a time in ISO 8601, None for anything else."""
    try:
        return text if text is not None and datetime.fromisoformat(text) else None
    except ValueError:
        return None


def said_dataset(data: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Give the training data: the id that they have in the collection, else what is told of them.

    Of what is told that is kept which every version of a dataset's description has: name, people, licence, papers, tags.
    """
    if data is None:
        return None
    name = data.get("id")
    if isinstance(name, str):
        return {"id": name} if re.fullmatch(r"[a-z0-9_\-.][a-z0-9_\-/.]*(?<!/)", name) else None
    texts = {key: data.get(key) for key in ("name", "description", "format_version", "license")}
    if not isinstance(texts["name"], str):
        return None
    version, about = texts["format_version"], texts["description"]
    said = {
        "format_version": version if isinstance(version, str) and re.fullmatch(r"0\.[23]\.\d{1,3}", version) else "0.3.0",
        "type": "dataset",
        "name": said_name(texts["name"]),
        "description": about[:1024] if isinstance(about, str) else "",
        "authors": said_people([Person(**_texts(one, Person)) for one in _mappings(data.get("authors")) if "name" in one]),
        "license": said_licence(texts["license"] if isinstance(texts["license"], str) else None),
        "cite": [
            found
            for one in _mappings(data.get("cite"))
            if "text" in one and (found := said_citation(Citation(**_texts(one, Citation)))) is not None
        ],
        "tags": [one for one in data.get("tags") or [] if isinstance(one, str)] if isinstance(data.get("tags"), list) else [],
    }
    # in the order in which they are told, so that what can be said in full is the same
    order = sorted(said, key=lambda key: [*data].index(key) if key in data else -1)
    return given({key: said[key] for key in order}) | {"description": said["description"]}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _texts(value: Mapping[str, Any], kind: type[Person | Citation]) -> dict[str, str]:
    """Give those texts of a mapping that a person or a citation has."""
    return {one.name: value[one.name] for one in fields(kind) if isinstance(value.get(one.name), str)}
