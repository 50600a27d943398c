"""Long work in shards: over several processes, in order, and continued where a killed attempt left
off.

Results come back in the order of the shards, whichever finished first, so that what is written does
not depend on the number of processes.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, TypeVar

from mtnlg.errors import ArtifactError
from mtnlg.records.files import JsonObject, read_json, write_json

Shared = TypeVar("Shared")
Shard = TypeVar("Shard")
Result = TypeVar("Result")

SHARDS_PER_WORKER = 2
"""Shards handed out at a time: one at work, one waiting. More would only hold memory."""
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

    One worker is this process. Several are spawned, so `function` must be one of a module. Raises
    ArtifactError, with the remedy, where one of them was killed, and where they would run other
    code than this process because a file was edited meanwhile.
    """
    if num_workers == 1:
        for shard in shards:
            yield function(shared, shard)
        return
    from mtnlg.artifacts.source import hashed_texts  # parsing modules are of no use to one worker

    pool = ProcessPoolExecutor(
        num_workers,
        get_context("spawn"),
        initializer=_Work.begin,
        initargs=(function, shared, hashed_texts()),
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


class _Work(Generic[Shared, Shard, Result]):
    """What a worker process does, as it learns once."""

    function: Callable[[Any, Any], Any]
    shared: Any
    fault: str | None

    @classmethod
    def begin(
        cls,
        function: Callable[[Shared, Shard], Result],
        shared: Shared,
        texts: Mapping[Path, bytes],
    ) -> None:
        cls.function, cls.shared, cls.fault = staticmethod(function), shared, _fault(texts)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, and ends its workers
        os.environ["TOKENIZERS_PARALLELISM"] = "false"  # these processes are the parallelism
        threading.Thread(target=_end_with_parent, daemon=True).start()

    @classmethod
    def do(cls, shard: Shard) -> Result:
        if cls.fault is not None:
            raise ArtifactError(cls.fault)
        result: Result = cls.function(cls.shared, shard)
        return result


def _fault(texts: Mapping[Path, bytes]) -> str | None:
    """What is wrong where this process imported one of these files with another text."""
    from mtnlg.artifacts.source import require_unchanged

    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    try:
        require_unchanged({path: text for path, text in texts.items() if str(path) in files})
    except ArtifactError as error:
        return str(error)
    return None


def _end_with_parent() -> None:
    """A parent that was killed cannot end its workers: they would wait for work for ever."""
    parent = parent_process()
    assert parent is not None, "a worker has a parent"
    parent.join()
    os._exit(1)


class GrowingFiles:
    """Files that grow shard by shard beside a record of their sizes. What a killed attempt wrote
    after its last commit is cut off.
    """

    def __init__(self, record: Path, paths: Sequence[Path]) -> None:
        saved = read_json(record) if record.is_file() else {}
        sizes = saved.get("sizes")
        is_sound = isinstance(sizes, dict) and all(
            path.is_file() and path.stat().st_size >= int(sizes.get(path.name, 0))  # type: ignore[arg-type]
            for path in paths
        )
        state = saved.get("state") if is_sound else None
        self.state: JsonObject = state if isinstance(state, dict) else {}
        """The state of the last commit; empty where there is nothing to continue."""
        self._record = record
        self._streams = {path: path.open("r+b" if is_sound else "wb") for path in paths}
        if isinstance(sizes, dict) and is_sound:
            for path, stream in self._streams.items():
                stream.truncate(int(sizes.get(path.name, 0)))  # type: ignore[arg-type]
                stream.seek(0, os.SEEK_END)

    def append(self, path: Path, content: bytes) -> None:
        """Append to a file; it counts from the next commit on."""
        self._streams[path].write(content)

    def commit(self, state: JsonObject) -> None:
        """Sync what was appended to the disk, then record its size and the state."""
        sizes: JsonObject = {}
        for path, stream in self._streams.items():
            stream.flush()
            os.fsync(stream.fileno())
            sizes[path.name] = stream.tell()
        self.state = state
        write_json(self._record, {"sizes": sizes, "state": state})

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
