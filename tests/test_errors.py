"""The tree of errors, and what every error is: one sentence on one line."""

from __future__ import annotations

import inspect
import re

import pytest

from ijbridge import errors

BASES = {
    name: one.__bases__ for name, one in vars(errors).items() if inspect.isclass(one) and one.__module__ == errors.__name__
}


def drawn_parents() -> dict[str, str | None]:
    """Read the tree in the docstring of the errors: the parent of each class that is drawn."""
    parents: dict[str, str | None] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^    ((?:[│ ] {3})*)(?:[├└]── )?([A-Z]\w+)", line)
        if found and (found[2] == "IJBridgeError" or "── " in line):
            depth = 0 if found[2] == "IJBridgeError" else len(found[1]) // 4 + 1
            parents[found[2]] = above[depth - 1] if depth else None
            above[depth:] = [found[2]]
    return parents


def test_the_docstring_of_the_errors_draws_every_class_below_its_parent() -> None:
    real = {name: bases[0].__name__ if bases != (Exception,) else None for name, bases in BASES.items()}
    assert drawn_parents() == real


@pytest.mark.parametrize("name", BASES)
def test_a_sentence_is_one_line_whatever_it_quotes(name: str) -> None:
    error = getattr(errors, name)("The model 'a\nb\r\nc\u2028d' has  two  spaces.")
    assert str(error) == "The model 'a b c d' has  two  spaces."
    assert isinstance(error, errors.IJBridgeError)


def test_a_sentence_shows_nothing_that_moves_a_cursor_or_turns_what_is_read() -> None:
    error = errors.ModelError("The model '\x1b[2Jred\x07 \u202egpj.exe\x9b\tµ \u05d0 \U0001f52c' is not there.")
    assert str(error) == "The model '�[2Jred� �gpj.exe� µ \u05d0 \U0001f52c' is not there."


def test_a_sentence_that_quotes_too_much_keeps_what_was_found_and_what_to_do() -> None:
    sentence = str(errors.ModelError(f"There is no {'x' * 100_000}: give the path of a model."))
    assert sentence.startswith("There is no xxx")
    assert sentence.endswith("xxx: give the path of a model.")
    assert len(sentence) < 2100


def test_a_sentence_whose_last_word_has_a_full_stop_ends_in_one() -> None:
    assert str(errors.ModelError("It names the axis 'x', but has y, a test..")) == "It names the axis 'x', but has y, a test."
    assert str(errors.ModelError("It says ...")) == "It says ..."
