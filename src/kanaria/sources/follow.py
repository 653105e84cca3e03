"""Log files as they grow, through every kind of rotation: renamed, copied and truncated, compressed, named by date.

A path, a pattern or a folder comes in. Chunks of whole lines go out. ``os.stat`` is the truth and inotify the wake-up.
At the start, and when a file turns out to be another, what was left of the earlier one is looked for beside it: under a
new name, as a copy, or compressed.
"""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from kanaria.core.errors import SourceError, in_words
from kanaria.core.limits import Limits
from kanaria.core.words import Text
from kanaria.sources._decompress import compression, decompressed
from kanaria.sources._rotation import in_time_order
from kanaria.sources.chunks import Chunk, Health, Position, Wake, shares
from kanaria.sources.file_marks import HEAD, Mark, Marks, appeared, archived, continues, read_on, siblings
from kanaria.sources.followed_file import PREAMBLE, FollowedFile, preamble
from kanaria.sources.inotify import Watcher

LOOK_EVERY = 0.5
"""Seconds between two looks at names, where inotify does not speak up."""
GRACE = 5.0
"""Seconds a file that lost its name is still read: servers go on writing into it until they reopen their logs."""
SETTLES = 2.0
"""Seconds since its last change after which a file of an archive is whole: gzip writes all the time."""
PIECE = 1 << 20
"""Bytes read from one file before the next one has its turn."""
Names = Callable[[], Iterable[str | SourceError]]
"""The files that are there now, and what is wrong with others."""


class Follower:
    """Follows every file that ``names`` gives, now and later. A ``LineSource``."""

    def __init__(
        self, name: str, names: Names, *, at_end: bool = False, everything: bool = False, most: int = Limits.positions
    ) -> None:  # fmt: skip
        """``everything``: of the folders of a sensor every log is followed, whatever it is called; ``most`` positions
        are remembered."""
        self.name, self._most = name, most
        self.health = Health()
        self._names, self._at_end, self._everything = names, at_end, everything
        self._open: dict[str, FollowedFile] = {}
        self._left: list[FollowedFile] = []
        """Files that lost their names, until nothing more comes."""
        self._looked = float("-inf")
        self._problems: dict[str, Text] = {}
        self._closed: dict[str, Mark] = {}
        """What was being read, by path, where what may be the rest of it cannot be opened."""

    def start(self, resume: Mapping[str, Position], wake: Wake) -> None:
        self._marks = Marks(resume, self._most)
        self._watcher = Watcher(wake)
        self._at_end, self._resumes = self._at_end and not resume, bool(resume)
        self._begun = list(self._look()) if self._at_end else []  # what is written from here on counts

    def keeping(self) -> None:
        """Nobody waits for it."""

    def kept(self) -> None:
        """Positions are asked for when it starts; nobody waits."""

    def close(self) -> None:
        self._watcher.close()
        for file in self._files():
            file.close()
        self._open, self._left = {}, []

    def take(self, limit: int) -> list[Chunk]:
        chunks = list(self._take(limit))
        for chunk in filter(lambda chunk: chunk.lines, chunks):
            self.health.came(chunk.lines, len(chunk.data))
        self.health.behind = sum(file.behind for file in self._files())
        self.health.problem = self._problem()
        return chunks

    def _problem(self) -> Text | None:
        """Everything that cannot be read now, in words."""
        problems = [self._problems[path] for path in sorted(self._problems)]
        return (
            Text(en="; ".join(one.en for one in problems), ja="、".join(one.ja for one in problems))
            if problems
            else None
        )

    def _files(self) -> list[FollowedFile]:
        return [*self._left, *self._open.values()]

    def _take(self, limit: int) -> Iterator[Chunk]:
        begun, self._begun = self._begun, []
        yield from begun
        if time.monotonic() - self._looked >= LOOK_EVERY:
            yield from self._look()
        files = self._files()
        for file, share in zip(files, shares([file.behind for file in files], limit), strict=True):
            try:
                yield from self._read_on(file, share, limit)
            except OSError as error:  # a disk or a network file system that fails; the next turn tries again
                self._problems[file.mark.path] = in_words(error, file.mark.path)
        yield from self._let_go()

    def _read_on(self, file: FollowedFile, limit: int, anew: int) -> Iterator[Chunk]:
        """What is new in one file, about ``limit`` bytes at most, or ``anew`` when it turns out to be another one."""
        if file.was_replaced:
            yield from self._missed(file.mark)
            file.restart(self._marks.next_of(file.mark.path))
            limit = anew
        while limit > 0 and (chunk := self._read(file, min(limit, PIECE))) is not None:
            limit -= len(chunk.data)
            yield chunk

    def _read(self, file: FollowedFile, limit: int) -> Chunk | None:
        before = file.mark
        data = file.read(limit)
        return self._chunk(before, file.mark, data, before.path) if data else None

    def _chunk(self, before: Mark, after: Mark, data: bytes, name: str) -> Chunk:
        """The lines between two marks of one file, which is called ``name``."""
        position = self._marks.keep(after)
        header = after.preamble.encode("latin-1")
        return Chunk(
            name=name, place=after.place, data=data, position=position, identity=after.identity,
            preamble=header if before.lines else b"", first_line=before.lines + 1, lines=after.lines - before.lines,
        )  # fmt: skip

    def _look(self) -> Iterator[Chunk]:
        """Which file each name leads to now."""
        self._looked = time.monotonic()
        try:
            names_or_errors = list(self._names())
        except SourceError as error:
            names_or_errors = [error]
        names = [name for name in names_or_errors if not isinstance(name, SourceError)]
        self._problems = {error.source: error.text for error in names_or_errors if isinstance(error, SourceError)}
        self._current = set(names)
        try:
            yield from self._appeared()
        except (SourceError, OSError) as error:  # before the open ones, so that they are numbered in order
            self._problems[""] = in_words(error)
            return
        closed, self._closed = self._closed, {}
        for mark in closed.values():
            yield from self._missed(mark)
        for path in names:
            self._watcher.add(os.path.dirname(path) or ".")
            try:
                yield from self._look_at(path)
            except (SourceError, OSError) as error:
                self._problems[path] = in_words(error)
        for path in set(self._open) - self._current:
            self._lose(path)
        yield from self._without_successor()
        self._at_end = False

    def _appeared(self) -> Iterator[Chunk]:
        """Logs that a sensor began and archived while nobody looked."""
        if not (self._resumes and self._everything):
            return
        archives = appeared(self._marks.newest())
        _settled([archive for archive, _path in archives])
        for archive, path in archives:
            yield from self._finish(archive, self._marks.next_of(path))
        self._everything = False

    def _without_successor(self) -> Iterator[Chunk]:
        """Logs that were rotated into an archive while nobody looked, and of which there is no open one now."""
        if not self._resumes:
            return
        self._resumes = False
        for mark in self._marks.newest():
            if mark.path in self._current:
                continue
            try:
                yield from self._archived(mark)
            except (SourceError, OSError) as error:  # the next look tries again
                self._problems[mark.path], self._resumes = in_words(error), True

    def _look_at(self, path: str) -> Iterator[Chunk]:
        status = os.stat(path)
        key = status.st_dev, status.st_ino
        open_file = self._open.get(path)
        if any(file.mark.key == key for file in self._files()):  # also a rotated file under the pattern: read already
            return
        if open_file is not None:
            yield from self._between(open_file)
            self._lose(path)
        if compression(_first_bytes(path)) is not None:
            return
        mark = self._marks.of(path, [file.mark for file in self._files()])
        if mark is None:
            before = self._marks.latest(path)
            if before is not None and open_file is None:
                yield from self._missed(before)
            mark = self._marks.next_of(path)
        self._open[path] = FollowedFile(path, mark)
        if self._at_end:
            self._open[path].skip()
            here = self._open[path].mark
            yield self._chunk(here, here, b"", path)  # no lines, but a position: after a crash it goes on from there

    def _lose(self, path: str) -> None:
        file = self._open.pop(path)
        file.gone_since = time.monotonic()
        self._left.append(file)

    def _let_go(self) -> Iterator[Chunk]:
        """Files without a name, some time after nothing more came; their last line may lack its end."""
        now = time.monotonic()
        for file in list(self._left):
            if file.gone_since is None or now - file.gone_since < GRACE:
                continue
            before = file.mark
            if data := file.rest():
                yield self._chunk(before, file.mark, data, before.path)
            file.close()
            self._left.remove(file)

    def _missed(self, mark: Mark) -> Iterator[Chunk]:
        """What was written into earlier files of the set while nobody looked: the rest of the one that was being read,
        then all of those after it."""
        apart = self._current | {mark.path}
        beside = [name for name in siblings(mark.path) if name not in apart and not self._marks.others(name, mark)]
        members = in_time_order(beside)
        alike = [number for number, name in enumerate(members) if continues(name, mark)]
        same = [number for number in alike if self._marks.key(members[number]) == mark.key]
        if not alike:
            if closed := [name for name in members if not _opens(name) and not _was_read(name, mark)]:
                self._closed[mark.path] = mark
                self._problems[closed[-1]] = Text(
                    en=f"{closed[-1]}: may not be read, and may hold what nobody has read yet",
                    ja=f"{closed[-1]}: 読み取る権限がなく、まだ読んでいない記録が残っている可能性があります",
                )
                return
            yield from self._archived(mark)
            return
        at = max(same or alike)  # of several that begin alike, the last was made last
        for name in members[at:]:
            yield from self._finish(name, mark)
            mark = self._marks.next_of(mark.path)

    def _archived(self, mark: Mark) -> Iterator[Chunk]:
        """The same where earlier files lie in an archive. Raises SourceError while something is written there."""
        members = archived(mark)
        _settled(members)
        for name in members:
            yield from self._finish(name, mark)
            mark = self._marks.next_of(mark.path)

    def _between(self, file: FollowedFile) -> Iterator[Chunk]:
        """The rest of a file that lost its name, and files that got the name after it and lost it too meanwhile."""
        while (chunk := self._read(file, PIECE)) is not None:
            yield chunk
        path = file.mark.path
        members = in_time_order([name for name in siblings(path) if name not in self._current])
        keys = [self._marks.key(name) for name in members]
        at = keys.index(file.mark.key) if file.mark.key in keys else None
        for name in members[at + 1 :] if at is not None else ():
            if not self._marks.others(name, file.mark):
                yield from self._finish(name, self._marks.next_of(path))

    def _finish(self, name: str, mark: Mark) -> Iterator[Chunk]:
        """A rotated file from a mark to its end."""
        with open(name, "rb", buffering=0) as raw:
            reader, here = decompressed(raw, lambda _count: None, owned=False), os.fstat(raw.fileno())
            head = reader.take(PREAMBLE)
            before, left, passed = head[: mark.offset], head[mark.offset :], len(head)
            mark, head = replace(mark, preamble=mark.preamble or preamble(head).decode("latin-1")), head[:HEAD]
            while passed < mark.offset and (skipped := reader.take(min(PIECE, mark.offset - passed))):
                passed += len(skipped)
                before = (before + skipped)[-HEAD:]
            while data := left + reader.take(PIECE):
                end = data.rfind(b"\n") + 1 or len(data)
                data, left = data[:end], data[end:]
                before = (before + data)[-HEAD:]
                after = read_on(mark, data, head=head[: mark.offset + len(data)], before=before)
                after = replace(after, device=here.st_dev, inode=here.st_ino)
                yield self._chunk(mark, after, data if data.endswith(b"\n") else data + b"\n", mark.path)
                mark = after


def _settled(archives: list[str]) -> None:
    """Raises SourceError while the last of them is being written."""
    if archives and 0 <= time.time() - os.stat(archives[-1]).st_mtime < SETTLES:
        raise SourceError(source=archives[-1], expected="a whole file", got="one being written", retry_after=SETTLES)


def _opens(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except PermissionError:
        return False
    except OSError:  # gone meanwhile
        return True
    return True


def _was_read(path: str, mark: Mark) -> bool:
    """Whether a file that cannot be opened is the one of a mark, and has nothing after it."""
    status = os.stat(path)
    return (status.st_dev, status.st_ino) == mark.key and status.st_size == mark.offset


def _first_bytes(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 8)
    except OSError:  # a folder
        return b""
    finally:
        os.close(descriptor)


def matching(pattern: str) -> Names:
    """The files of a path or pattern; a path is followed whether it is there already or not."""

    def names() -> list[str]:
        if os.path.isdir(pattern):
            return below(pattern, ("*",))()
        if glob.has_magic(pattern):
            return in_time_order(sorted(path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)))
        if not os.path.lexists(pattern):
            raise SourceError(source=pattern, expected="a log file", got="nothing there yet", retry_after=LOOK_EVERY)
        return [pattern]

    return names


def below(folder: str, patterns: tuple[str, ...]) -> Callable[[], list[str]]:
    """Files in a folder and its ``current`` (where Zeek keeps the open logs), whose names match."""

    def names() -> list[str]:
        if not os.path.isdir(folder):
            got = "a file of another kind" if os.path.lexists(folder) else "nothing there yet"
            raise SourceError(source=folder, expected="a folder of logs", got=got, retry_after=1.0)
        places = [folder, os.path.join(folder, "current")]
        paths = {p for place in places for pattern in patterns for p in glob.glob(os.path.join(place, pattern))}
        return in_time_order(sorted(path for path in paths if os.path.isfile(path)))

    return names
