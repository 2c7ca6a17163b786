"""Shared memory as Linux shows it from outside, and small places for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from processes import unshare

#: Makes a private /dev/shm and a temporary folder of so many bytes, runs a command there, and writes down its number
#: and, when it has ended, what is left in the two: bytes in use and names. A worker whose ImageJ was killed gets a moment.
_SCRIPT = """
mount -t tmpfs -o size="$1" ijbridge /dev/shm || exit 125
mount -t tmpfs -o size="$2" ijbridge "$3" || exit 125
temporary=$3
notes=$4
shift 4
"$@" &
echo $! > "$notes/pid"
wait $!
status=$?
left() { df --output=used /dev/shm "$temporary" | tail -n +2; ls -A /dev/shm "$temporary" | grep -v -e : -e '^$'; }
for second in 1 2 3 4 5; do
    left > "$notes/left"
    grep -q '[^ 0]' "$notes/left" || break
    sleep 1
done
exit $status
"""


def shared_files(pid: int) -> list[Path]:
    """List what a process holds open of blocks that the plugin made, which have no names."""
    try:
        links = list(Path(f"/proc/{pid}/fd").iterdir())
        return [link for link in links if "/ijbridge-" in _target(link)]
    except OSError:
        return []


def has_begun(pid: int, size: int) -> bool:
    """Whether a worker has written something into a block of so many bytes."""
    try:
        return any(link.stat().st_size == size and link.read_bytes().strip(b"\0") != b"" for link in shared_files(pid))
    except OSError:
        return False


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


@dataclass(frozen=True)
class SmallPlaces:
    """A /dev/shm and a temporary folder of so many bytes, seen by one command and its children only."""

    folder: Path
    memory: int
    temporary: int

    def __post_init__(self) -> None:
        self.temporary_folder.mkdir(parents=True)

    @property
    def temporary_folder(self) -> Path:
        """Where the temporary folder is mounted."""
        return self.folder / "temporary"

    @property
    def before(self) -> list[str]:
        """What is put before a command."""
        sizes = [str(self.memory), str(self.temporary)]
        return [*unshare(), "sh", "-c", _SCRIPT, "sh", *sizes, str(self.temporary_folder), str(self.folder)]

    @property
    def pid(self) -> int:
        """The number of the command's process, 0 before it runs."""
        file = self.folder / "pid"
        text = file.read_text(encoding="ascii").strip() if file.exists() else ""
        return int(text or 0)

    @property
    def left(self) -> list[str]:
        """What the two hold when the command has ended: the kilobytes of each, then names."""
        return (self.folder / "left").read_text(encoding="utf-8").split()
