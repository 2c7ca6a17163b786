"""A person at the screen: moves the mouse, presses keys, and looks whether that did something before going on.

Mouse and keyboard are the X server's own (xdotool), under a window manager. Java's ``Watched`` tells what is on the screen, but
for ImageJ's menus, of which Java knows no place: there the picture tells. Nothing waits for a time: what did nothing is done
again.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ImageGrab

#: What a person waits for before trying again, and until giving up.
_AGAIN_S, _PATIENCE_S = 8.0, 100.0

#: How often the same picture is the last one, in a row.
_STILL = 4

#: ImageJ's menu bar: how high it is, the darkness of its letters, the gap between two words.
_BAR, _DARK, _GAP = 22, 100, 8


@contextmanager
def window_manager(environment: dict[str, str]) -> Iterator[None]:
    """Have windows managed, so that one has the keyboard."""
    with subprocess.Popen(
        ["openbox", "--sm-disable"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as manager:
        try:
            yield
        finally:
            manager.terminate()


class Hands:
    """Eyes and hands on one display; ``state`` is the file that ``Watched`` writes."""

    def __init__(self, environment: dict[str, str], state: Path) -> None:
        self._environment, self._state = environment, state

    # --- eyes ---

    def sees(self) -> list[list[str]]:
        """Give what is on the screen now, not before."""
        newest = self._number() + 2
        self._until(lambda: self._number() >= newest, "ImageJ says nothing")
        return self._read()

    def told(self, *words: str) -> list[str]:
        """Give what stands behind words; nothing where they are not there."""
        return next((line[len(words) :] for line in self.sees() if tuple(line[: len(words)]) == words), [])

    def waits_for(self, what: Callable[[], bool], otherwise: str) -> None:
        """Look until something is so."""
        self._until(what, otherwise)

    def picture(self) -> NDArray[np.uint8]:
        """Give the screen, once it has stopped to change."""
        last, same = self._grab(), 0
        end = time.monotonic() + _PATIENCE_S
        while same < _STILL:
            assert time.monotonic() < end, "the screen does not come to rest"
            time.sleep(0.05)
            now = self._grab()
            same = same + 1 if np.array_equal(last, now) else 0
            last = now
        return last

    # --- hands ---

    def does(self, action: Callable[[], object], until: Callable[[], bool], otherwise: str) -> None:
        """Do something, which may be done twice, until it has an effect."""
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            action()
            again = time.monotonic() + _AGAIN_S
            while time.monotonic() < again:
                if until():
                    return
                time.sleep(0.05)
        raise AssertionError(f"{otherwise}: {self._read()}")

    def activates(self, title: str) -> None:
        """Give a window the keyboard."""
        self.does(
            lambda: self._xdo("search", "--onlyvisible", "--name", title, "windowactivate"),
            lambda: self._xdo("getactivewindow", "getwindowname").strip().startswith(title.strip("^$")),
            f"the window {title} does not become active",
        )

    def clicks(self, name: str, part: float = 0.5) -> None:
        """Click on something that is seen; ``part`` of its width from the left."""
        x, y, width, height = map(int, self.told("place", name))
        self._clicks_at(x + int(width * part), y + height // 2)

    def types(self, text: str) -> None:
        """Replace what stands where the keyboard is."""
        self._xdo("key", "ctrl+a")
        self._xdo("type", text)

    def chooses(self, menu: str, command: str, opened: Callable[[], bool]) -> None:
        """Open a menu of ImageJ's menu bar by the mouse and go to a command of one of its menus by the keyboard."""
        for _ in range(5):
            while self.told("dialog"):
                self._presses("Escape")
            self.activates("^ImageJ$")
            self._opens(menu)
            below = next(line[1] for line in self.sees() if line[0] == "menu" and line[2] == command)
            self._steps(menu, below)
            self._presses("Right")
            self._steps(below, command)
            self._xdo("key", "Return")
            end = time.monotonic() + 4 * _AGAIN_S
            while time.monotonic() < end:
                if opened():
                    return
                time.sleep(0.05)
            for _ in range(3):
                self._xdo("key", "Escape")
        raise AssertionError(f"{command} does not open: {self._read()}")

    def _opens(self, menu: str) -> None:
        bar = [line[1] for line in self.sees() if line[0] == "bar"]
        x, bottom, width = map(int, self.told("menu bar"))
        before = self.picture()
        words = _words(before[bottom - _BAR : bottom, x : x + width] < _DARK)
        begin, end = words[bar.index(menu)]
        self._clicks_at(x + (begin + end) // 2, bottom - _BAR // 2)
        self.waits_for(lambda: _has_popup(before, self._grab(), bottom), f"the menu {menu} does not open")
        self.picture()

    def _steps(self, menu: str, to: str) -> None:
        """Go down from the first item of an open menu, which is chosen already; dashes are passed over."""
        items = [line[2] for line in self.sees() if line[:2] == ["menu", menu] and line[2] != "-"]
        for _ in range(items.index(to)):
            self._presses("Down")

    def _presses(self, key: str) -> None:
        """Press a key that changes what is seen, once: where it changes nothing it was lost."""
        before = self.picture()
        self.does(
            lambda: self._xdo("key", key),
            lambda: not np.array_equal(before, self._grab()),
            f"the key {key} has no effect",
        )
        self.picture()

    def _clicks_at(self, x: int, y: int) -> None:
        self._xdo("mousemove", "--sync", str(x), str(y))
        self._xdo("click", "1")

    # --- their parts ---

    def _until(self, what: Callable[[], bool], otherwise: str) -> None:
        end = time.monotonic() + _PATIENCE_S
        while not what():
            assert time.monotonic() < end, f"{otherwise}: {self._read()}"
            time.sleep(0.02)

    def _number(self) -> int:
        return int(next((line[1] for line in self._read() if line[0] == "number"), "0"))

    def _read(self) -> list[list[str]]:
        if not self._state.exists():
            return []
        return [line.split("\t") for line in self._state.read_text(encoding="utf-8").splitlines()]

    def _grab(self) -> NDArray[np.uint8]:
        return np.asarray(ImageGrab.grab(xdisplay=self._environment["DISPLAY"]).convert("L"))

    def _xdo(self, *words: Any) -> str:
        command = ["xdotool", *map(str, words)]
        try:
            done = subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=_AGAIN_S, check=False)
        except subprocess.TimeoutExpired:  # it waits for a window that went away
            return ""
        return done.stdout


def _has_popup(before: NDArray[np.uint8], now: NDArray[np.uint8], bar: int) -> bool:
    """Whether a menu has come up below the menu bar, over the tools and what is below them."""
    return bool((before[bar:] != now[bar:]).any(axis=1).sum() > 3 * _BAR)


def _words(letters: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Give where words begin and end in a line of writing."""
    columns = np.flatnonzero(letters.any(axis=0))
    found = np.split(columns, np.flatnonzero(np.diff(columns) > _GAP) + 1)
    return [(int(one[0]), int(one[-1])) for one in found]
