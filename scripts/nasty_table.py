"""Read every nasty of `tests/nasties` in a process of its own, and write what came of each into docs/security.md.

::

    python scripts/nasty_table.py            writes the table
    python scripts/nasty_table.py --check    only says whether all is well; the exit status is 1 if not
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
sys.path.append(str(REPOSITORY / "tests"))

from nasties import NASTIES, Nasty  # noqa: E402 - found by the line above
from nasties.examiner import Examiner, Outcome  # noqa: E402

PAGE = REPOSITORY / "docs" / "security.md"
BEGIN, END = "<!-- nasties: scripts/nasty_table.py -->", "<!-- end of nasties -->"

#: Letters of a sentence that are shown.
_SHOWN = 110


def main() -> None:
    """Read the arguments, examine, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    found = list(examined())
    wrong = [(nasty, outcome) for nasty, outcome in found if outcome.broken or bool(outcome.error) != bool(nasty.words)]
    for nasty, outcome in wrong:
        print(f"{nasty.id}: {outcome}")
    print(f"{len(found)} nasties, {len(wrong)} not as they should be")
    if not arguments.check and not wrong:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}\n{table(found)}\n{END}{after}", encoding="utf-8")
    sys.exit(1 if wrong else 0)


def examined() -> Iterator[tuple[Nasty, Outcome]]:
    """Examine one after the other."""
    with tempfile.TemporaryDirectory() as name, Examiner(Path(name) / "examiner") as examiner:
        for number, nasty in enumerate(NASTIES):
            folder = Path(name) / str(number)
            folder.mkdir()
            outcome = examiner.examine(nasty, folder)
            yield (
                nasty,
                Outcome(
                    **{
                        **vars(outcome),
                        "sentence": outcome.sentence.replace(f"{folder}/inside/", "").replace(str(folder), "/tmp"),
                    }
                ),
            )


def table(found: list[tuple[Nasty, Outcome]]) -> str:
    """Write one row per nasty."""
    rows = ["| | nasty | outcome | the sentence begins |", "|---|---|---|---|"]
    for nasty, outcome in found:
        sentence = re.sub(r"([|<>`*_])", r"\\\1", outcome.sentence)
        shown = sentence if len(sentence) <= _SHOWN else f"{sentence[:_SHOWN].rsplit(' ', 1)[0]} ..."
        name = nasty.name.replace("|", "\\|")
        rows.append(f"| {nasty.group} | {name} | {outcome.error or 'read, does no harm'} | {shown} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
