"""A finding: something worth saying about a model, an image or a run, as data.

Which findings there are is said where they are made: ``checks``, ``pixel_checks``, ``measuring``, ``planning``, and the readers
in ``formats``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

#: From what stops a run to what is only worth knowing.
SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One finding: what was ``found``, what is ``expected``, and what to do.

    ``id`` names its kind and stays the same between versions.
    """

    id: str
    severity: Literal["error", "warning", "note"]
    found: str
    expected: str = ""
    advice: str = ""

    @property
    def sentence(self) -> str:
        """Say it in one sentence."""
        link = ", but " if self.severity == "error" else ", "
        expected = f"{link}{self.expected}" if self.expected else ""
        advice = f": {self.advice}" if self.advice else ""
        return f"{self.found}{expected}{advice}."

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data (JSON)."""
        return {
            "id": self.id,
            "severity": self.severity,
            "message": self.sentence,
            "found": self.found,
            "expected": self.expected,
            "advice": self.advice,
        }


def noted(sentence: str, kind: str = "assumed") -> Finding:
    """Make a note of a sentence: what was assumed where nothing is stated, or another ``kind``."""
    return Finding(kind, "note", sentence.rstrip("."))


def warnings(findings: Iterable[Finding]) -> list[str]:
    """Give the sentences of those that are warnings."""
    return [finding.sentence for finding in findings if finding.severity == "warning"]
