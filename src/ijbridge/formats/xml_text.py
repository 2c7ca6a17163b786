"""XML of strangers: elements with their texts as fields, named in the error where they are not what they must be.

Parsed by defusedxml: entities, document types and what lies outside the file are refused, and so is what is nested more deeply
than any description.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ijbridge.errors import DescriptionError
from ijbridge.formats.fields import shown

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

#: Texts that say that nothing is stated.
_NOTHING = ("", "null", "n/a", "none")


#: As in YAML and JSON: deeper nesting exhausts the stack of whoever walks through it.
_MAX_DEPTH = 100


def parse_xml(data: bytes, file: str) -> Element:
    """Parse an XML document and give its root.

    Raises
    ------
    DescriptionError
        If it is no XML, or one that asks for more than its own text.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        raise DescriptionError(
            f"{file} declares a document type or entities, which no description does: it is not read."
        ) from error
    except ParseError as error:
        raise DescriptionError(f"{file} is broken XML: {error}.") from error
    except (LookupError, ValueError, RecursionError) as error:
        raise DescriptionError(f"{file} is XML in an encoding that cannot be read.") from error
    level = [root]
    for _ in range(_MAX_DEPTH):
        level = [child for parent in level for child in parent]
    if level:
        raise DescriptionError(f"{file} is XML that is nested more than {_MAX_DEPTH} levels deep, which no description is.")
    return root


class Elements:
    """An element whose children are fields; a field that is absent or says ``null`` states nothing."""

    def __init__(self, element: Element | None, path: str, file: str):
        self._element, self._path, self._file = element, path, file

    def error(self, message: str) -> DescriptionError:
        """Make the error that says what is wrong in this description."""
        return DescriptionError(f"{self._file}: {message}.")

    def wrong(self, tag: str, allowed: str) -> DescriptionError:
        """Make the error for a field whose value is not allowed."""
        text = self.optional_text(tag)
        name = f"<{self._path}{tag}>"
        if text is None:
            return self.error(f"{name} is missing; it must be {allowed}")
        return self.error(f"{name} is {shown(text)}, but must be {allowed}")

    def tags(self) -> list[str]:
        """Give the names of the fields, in order."""
        return [str(child.tag) for child in self._element] if self._element is not None else []

    def attribute(self, name: str) -> str | None:
        """Give an attribute of the element itself."""
        return self._element.get(name) if self._element is not None else None

    def optional_text(self, tag: str) -> str | None:
        """Give the text of a field, None where nothing is stated.

        Raises
        ------
        DescriptionError
            If it is there twice.
        """
        found = self._element.findall(tag) if self._element is not None else []
        if len(found) > 1:
            raise self.error(f"<{self._path}{tag}> is there {len(found)} times, but may be there once")
        text = " ".join((found[0].text or "").split()) if found else ""
        return None if text.lower() in _NOTHING else text

    def texts(self, tag: str) -> list[str]:
        """Give the texts of a field that may be there several times; those that state nothing are left out."""
        found = self._element.findall(tag) if self._element is not None else []
        texts = [" ".join((one.text or "").split()) for one in found]
        return [text for text in texts if text.lower() not in _NOTHING]

    def integer(self, tag: str, default: int | None = None, *, low: int = 0) -> int:
        """Give a whole number of at least ``low``."""
        text = self.optional_text(tag)
        if text is None and default is not None:
            return default
        if text is None or not re.fullmatch(r"[-+]?\d{1,9}", text) or int(text) < low:
            raise self.wrong(tag, f"a whole number of at least {low}")
        return int(text)

    def flag(self, tag: str, default: bool) -> bool:
        """Give true or false."""
        text = self.optional_text(tag)
        if text is None:
            return default
        if text.lower() not in ("true", "false"):
            raise self.wrong(tag, "true or false")
        return text.lower() == "true"

    def child(self, tag: str) -> Elements:
        """Give an element with fields of its own; an absent one has none."""
        return Elements(self._element.find(tag) if self._element is not None else None, f"{self._path}{tag}/", self._file)

    def children(self, tag: str) -> Iterator[Elements]:
        """Give all elements of this name."""
        for number, child in enumerate(self._element.findall(tag) if self._element is not None else ()):
            yield Elements(child, f"{self._path}{tag}[{number}]/", self._file)
