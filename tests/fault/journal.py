"""The journal that shim.cpp writes, and what a disk may hold of it after a power cut.

The model is POSIX's, not that of a kind file system: bytes of a file are durable once the file was
synced; a name (made, renamed, removed) once one of its folders was. A power cut keeps what is durable
and, of the rest, nothing or a seeded part: pages of writes one by one,
names up to some point of their order.
"""

import mmap
import os
import random
import struct
from dataclasses import dataclass, field
from pathlib import Path

_HEADER = struct.Struct("<QQQIIII")
CREATE, WRITE, TRUNCATE, RENAME, UNLINK, MKDIR, SYNC, SYNC_FOLDER, LINK = range(1, 10)
NAMES = {CREATE: "create", WRITE: "write", TRUNCATE: "truncate", RENAME: "rename", UNLINK: "unlink",
         MKDIR: "mkdir", SYNC: "sync", SYNC_FOLDER: "sync folder", LINK: "link"}  # fmt: skip
_PAGE = 4096


@dataclass
class Call:
    """A call that changed or synced something below the root; paths are relative to it."""

    op: int
    began_ns: int
    inode: int
    at: int
    path: str
    other: str
    data: bytes

    def __str__(self):
        arrow = f" -> {self.other}" if self.other else ""
        return f"{NAMES[self.op]} {self.path or '.'}{arrow}"


def read(journal: Path, root: Path) -> list[Call]:
    """The calls in their order. A record that the kill cut short is left out."""
    raw = journal.read_bytes()
    calls, position = [], 0
    while position + _HEADER.size <= len(raw):
        began, inode, at, op, path_bytes, other_bytes, data_bytes = _HEADER.unpack_from(raw, position)
        position += _HEADER.size
        end = position + path_bytes + other_bytes + data_bytes
        if end > len(raw):
            break
        path = raw[position : position + path_bytes].decode().removesuffix(" (deleted)")
        other = raw[position + path_bytes : position + path_bytes + other_bytes].decode()
        calls.append(Call(op, began, inode, at, _relative(path, root), _relative(other, root),
                          raw[end - data_bytes : end]))  # fmt: skip
        position = end
    return calls


def _relative(path: str, root: Path) -> str:
    return "" if not path or Path(path) == root else str(Path(path).relative_to(root))


@dataclass
class File:
    """A file's durable bytes, and what came after the last sync."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)  # None: truncated to there

    def sync(self):
        for at, data in self.pending:
            _apply(self.durable, at, data)
        self.pending.clear()

    def after_cut(self, chance: random.Random | None) -> bytes:
        content = bytearray(self.durable)
        if chance is not None:
            for at, data in self.pending:
                if data is None:
                    if chance.random() < 0.5:
                        _apply(content, at, None)
                    continue
                for start in range(0, len(data), _PAGE):
                    if chance.random() < 0.5:
                        _apply(content, at + start, data[start : start + _PAGE])
        return bytes(content)


def _apply(content: bytearray, at: int, data: bytes | None):
    if data is None:
        del content[at:]
        data = b""
    if len(content) < at:
        content.extend(bytes(at - len(content)))
    content[at : at + len(data)] = data


class Disk:
    """Replays calls. `ignored(call)` names syncs that are to do nothing, for the control."""

    def __init__(self, ignored=lambda _call: False):
        self.ignored = ignored
        self._files: dict[int, File] = {}
        self._live: dict[str, File | None] = {}  # None: a folder
        self._durable: dict[str, File | None] = {}
        # Names that are not durable yet: (folders, [(path, what | _GONE)]), in order.
        self._pending: list[tuple[set[str], list]] = []

    @classmethod
    def of(cls, folder: Path) -> "Disk":
        """All that a folder holds, durable."""
        disk = cls()
        for path in folder.rglob("*"):
            name = str(path.relative_to(folder))
            if path.is_dir():
                disk._durable[name] = None
            elif path.is_file() and not name.endswith("-shm"):
                file = File(bytearray(path.read_bytes()))
                disk._files[path.stat().st_ino] = disk._durable[name] = file
        disk._live = dict(disk._durable)
        return disk

    def play(self, call: Call):
        if call.op == CREATE:
            self._files[call.inode] = File()
            self._name([(call.path, self._files[call.inode])])
        elif call.op == MKDIR:
            self._name([(call.path, None)])
        elif call.op == WRITE:
            self._file(call).pending.append((call.at, call.data))
        elif call.op == TRUNCATE:
            self._file(call).pending.append((call.at, None))
        elif call.op == RENAME:
            self._name([(call.other, self._live[call.path]), (call.path, _GONE)])
        elif call.op == LINK:
            self._name([(call.other, self._live[call.path])])
        elif call.op == UNLINK:
            self._name([(call.path, _GONE)])
        elif not self.ignored(call):
            if call.op == SYNC:
                self._file(call).sync()
            else:
                self._sync_folder(call.path)

    def _file(self, call: Call) -> File:
        return self._files[call.inode]

    def _name(self, changes: list):
        _set(self._live, changes)
        if changes[0][0]:  # the root's own name lies outside
            self._pending.append(({os.path.dirname(path) for path, _ in changes}, changes))

    def _sync_folder(self, folder: str):
        for folders, changes in self._pending:
            if folder in folders:
                _set(self._durable, changes)
        self._pending = [entry for entry in self._pending if folder not in entry[0]]

    def cut(self, target: Path, chance: random.Random | None):
        """What is left after a power cut now, as a folder. `chance`: part of the rest survived."""
        names = dict(self._durable)
        if chance is not None and self._pending:
            for _, changes in self._pending[: chance.randrange(len(self._pending) + 1)]:
                _set(names, changes)
        target.mkdir(mode=0o700)
        for path in sorted(name for name in names if name):
            if not (target / path).parent.is_dir():
                continue  # its folder was lost
            if names[path] is None:
                (target / path).mkdir(mode=0o750)
            else:
                (target / path).write_bytes(names[path].after_cut(chance))
                (target / path).chmod(0o600)


_GONE = object()


def _set(names: dict, changes: list):
    for path, what in changes:
        if what is _GONE:
            names.pop(path, None)
        else:
            names[path] = what


class Control:
    """Shared with the shim: counts calls, and arms a fault at one of them."""

    _FORMAT = struct.Struct("<QII")

    def __init__(self, path: Path):
        path.write_bytes(bytes(24))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 24)

    @property
    def calls(self) -> int:
        return struct.unpack_from("<Q", self._memory, 0)[0]

    def arm(self, after: int, code: int = 0, *, lasting: bool = False):
        """The `after`-th call from now fails with errno `code`; 0 kills the server there."""
        self._memory[16:24] = struct.pack("<II", code, int(lasting))
        self._memory[8:16] = struct.pack("<Q", self.calls + after)

    def disarm(self):
        self._memory[8:16] = bytes(8)
