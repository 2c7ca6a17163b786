"""Small nasty files, one idea each: what a stranger could send, how it is made, and words of the sentence that refuses it.

`NASTIES` has them all. `examiner` reads one in a process of its own and says what came of it; the table in docs/security.md is
written by ``scripts/nasty_table.py``.
"""

from __future__ import annotations

from nasties.formats import FORMATS
from nasties.images import IMAGES
from nasties.kinds import Nasty
from nasties.networks import NETWORKS
from nasties.packages import CONVERSIONS, DESCRIPTIONS, FOLDERS, ZIPS

NASTIES: tuple[Nasty, ...] = (*ZIPS, *FOLDERS, *DESCRIPTIONS, *FORMATS, *NETWORKS, *IMAGES, *CONVERSIONS)

__all__ = ["NASTIES", "Nasty"]
