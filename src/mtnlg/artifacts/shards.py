"""Long work in shards, over several processes, continued where a killed attempt left off."""

from __future__ import annotations

import hashlib
import logging
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from mtnlg.errors import ArtifactError
from mtnlg.process.signals import SIGNALS
from mtnlg.records.codec import read_record, write_record
from mtnlg.records.files import JsonObject

if TYPE_CHECKING:
    from concurrent.futures import Future

logger = logging.getLogger(__name__)

Shared = TypeVar("Shared")
Shard = TypeVar("Shard")
Result = TypeVar("Result")

SHARDS_PER_WORKER = 2
"""Shards handed out at a time: one at work, one waiting. More would only hold memory."""
BUFFER_BYTES = 1 << 20
LOWER_WORKERS = (
    "lower preparation.num_workers: the same command goes on from the last finished shard"
)


def map_in_order(
    function: Callable[[Shared, Shard], Result],
    shared: Shared,
    shards: Iterable[Shard],
    *,
    num_workers: int,
    remedy: str = LOWER_WORKERS,
) -> Iterator[Result]:
    """`function(shared, shard)` of each shard, in order; `shared` goes to each process once.

    One worker, or all there is for a single shard, is this process. Several are forked, so they run
    the code that this process has. Raises ArtifactError, with the remedy, where one was killed.
    """
    shards = iter(shards)
    first = list(islice(shards, min(num_workers, 2)))
    shards = chain(first, shards)
    if len(first) < 2:
        for shard in shards:
            yield function(shared, shard)
        return
    # Of no use to one worker.
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(
        num_workers, get_context("fork"), initializer=_Work.begin, initargs=(function, shared)
    )
    waiting: deque[Future[Result]] = deque()
    try:
        for shard in shards:
            waiting.append(pool.submit(_Work.do, shard))
            if len(waiting) > SHARDS_PER_WORKER * num_workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise ArtifactError(
            f"one of {num_workers} worker processes was killed, most often for want of memory; "
            f"{remedy}"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


class _Work:
    """What a worker process does, which it is sent once."""

    function: Callable[[Any, Any], Any]
    shared: Any

    @classmethod
    def begin(cls, function: Callable[[Any, Any], Any], shared: object) -> None:
        cls.function, cls.shared = staticmethod(function), shared
        for each in filter(lambda each: callable(signal.getsignal(each)), SIGNALS):
            signal.signal(each, signal.SIG_DFL)  # the handlers are of the parent's work
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, and ends its workers
        os.environ["TOKENIZERS_PARALLELISM"] = "false"  # these processes are the parallelism
        threading.Thread(target=_end_with_parent, daemon=True).start()

    @classmethod
    def do(cls, shard: object) -> Any:
        return cls.function(cls.shared, shard)


def _end_with_parent() -> None:
    """A parent that was killed cannot end its workers: they would wait for work for ever."""
    from multiprocessing import parent_process

    parent = parent_process()
    assert parent is not None, "a worker has a parent"
    parent.join()
    os._exit(1)


@dataclass(frozen=True, slots=True)
class _Commit:
    """What GrowingFiles records."""

    sizes: dict[str, int]
    """File name -> bytes that count."""
    sha256s: dict[str, str]
    """File name -> sha256 of these bytes."""
    state: dict[str, Any]


class GrowingFiles:
    """Files that grow shard by shard; those of a killed attempt are cut back to its last commit, or
    begun again where they are damaged.
    """

    def __init__(self, record: Path, paths: Sequence[Path]) -> None:
        commit = last_commit(record, paths)
        self.state: JsonObject = commit.state if commit else {}
        """The state of the last commit; empty where there is nothing to continue."""
        self._record = record
        self._streams = {path: path.open("r+b" if commit else "wb") for path in paths}
        for path, stream in self._streams.items():
            stream.truncate(commit.sizes.get(path.name, 0) if commit else 0)
        self._hashes = {path: _hash(path, path.stat().st_size) for path in paths}
        for stream in self._streams.values():
            stream.seek(0, os.SEEK_END)

    def append(self, path: Path, content: bytes) -> None:
        """Append to a file; it counts from the next commit on."""
        self._streams[path].write(content)
        self._hashes[path].update(content)

    def commit(self, state: JsonObject) -> None:
        """Sync what was appended to the disk, then record its size and the state."""
        sizes = {}
        for path, stream in self._streams.items():
            stream.flush()
            os.fsync(stream.fileno())
            sizes[path.name] = stream.tell()
        self.state = state
        sha256s = {path.name: digest.hexdigest() for path, digest in self._hashes.items()}
        write_record(self._record, _Commit(sizes, sha256s, state), is_sealed=True)

    def __enter__(self) -> GrowingFiles:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for stream in self._streams.values():
            stream.close()


def last_commit(record: Path, paths: Sequence[Path]) -> _Commit | None:
    """None where there is none, or where the files are not what it says, which is logged."""
    if not record.is_file():
        return None
    try:
        commit = read_record(record, _Commit, is_sealed=True)
        for path in paths:
            size = commit.sizes.get(path.name, 0)
            if size and _hash(path, size).hexdigest() != commit.sha256s.get(path.name):
                raise ArtifactError(f"{path} is corrupt: its sha256 is not that in {record.name}")
    except (ArtifactError, OSError) as fault:
        logger.warning(f"{fault}; begun again")
        return None
    return commit


def _hash(path: Path, size: int) -> hashlib._Hash:
    """The sha256 of the first bytes of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while size > 0 and (content := stream.read(min(size, BUFFER_BYTES))):
            digest.update(content)
            size -= len(content)
    return digest
