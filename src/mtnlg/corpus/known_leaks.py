"""What the READMEs of public data sets, or people who counted by hand, say of their leaks, beside
what the audit finds; a data set that is not there is skipped.

Where the audit's rule differs from theirs, their own is counted as well, as far as it is known.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Hashable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from mtnlg.config import CleaningConfig, TaskConfig, TaskKind
from mtnlg.contamination.repeats import RowHashes, num_repeats, text_hash
from mtnlg.contamination.search import (
    LONG_LINE_WORDS,
    SIGNAL_SHARE,
    ContaminationSearch,
    RowSet,
    dialogue_key,
    records,
)
from mtnlg.corpus.cleaning import Cleaner
from mtnlg.corpus.sources.readers import find_reader
from mtnlg.corpus.sources.sources import iter_records
from mtnlg.errors import DataError
from mtnlg.records.rows import Row
from mtnlg.text.spelling import normalized_key

REPEATED_ROWS, REPEATED_SOURCES, REPEATED_DIALOGUES, TRAINING_DIALOGUES = (
    "repeated rows",
    "repeated sources, by letters and digits",
    "repeated dialogues",
    "training dialogues that are held-out ones",
)
"""Measures beside the counts of `search.Signals`; the last is of all held-out splits."""
KEPT, SPACED = (
    "speaker labels kept",
    "words between white space; only labels such as #Person1#: cut",
)
"""What others' rules do otherwise."""
KEPT_DIALOGUES, KEPT_EXCHANGES, KEPT_REPEATS, KEPT_TRAINING, SPACED_LINES = range(5)
"""Measures by those rules, of `others_counts`."""
_LABEL = re.compile(r"#\w+#:\s*")


@dataclass(frozen=True, slots=True)
class Known:
    """One count: rows of `held_out` splits, found in `training` splits, each `<set>/<split>`."""

    held_out: str
    training: str
    claim: str
    count: int | None
    """None where nobody has counted it."""
    measure: str
    theirs: int | None = None
    """Their measure, where it is another one."""
    remark: str = ""


DAILY, SUM, TLDR, FLICKR, TATOEBA, CROSS, NTREX = (
    *("dialogue/dailydialog", "summarization/dialogsum", "summarization/scitldr_a"),
    *("translation/multi30k_en_de", "translation/tatoeba_en_zh"),
    *("translation/xdailydialog_en_zh", "translation/ntrex128_en_zh"),
)
UNSAID = "by which rule it was counted is not said"
KNOWN = (
    *(
        Known(f"{DAILY}/{split}", f"{DAILY}/train", "dialogues in train", count, "whole_dialogues",
              KEPT_DIALOGUES, KEPT)
        for split, count in (("test", 151), ("validation", 123))
    ),
    Known(f"{DAILY}/test {DAILY}/validation", f"{DAILY}/train",
          "train dialogues in validation or test", 310, TRAINING_DIALOGUES, KEPT_TRAINING, KEPT),
    Known("", f"{DAILY}/train", "duplicate dialogues inside train", 892, REPEATED_DIALOGUES,
          KEPT_REPEATS, KEPT),
    Known(f"{DAILY}/test", f"{DAILY}/train", "(last turn, response) pairs in train", 1622,
          "train_exchange", KEPT_EXCHANGES, KEPT),
    Known(f"{DAILY}/test", f"{SUM}/train", "dialogues that are documents of DialogSum's train",
          None, "whole_dialogues"),
    Known("", f"{SUM}/train", "duplicate dialogues inside train", 1129, REPEATED_SOURCES),
    *(
        Known(f"{SUM}/{split}", f"{SUM}/{seen}", f"dialogues in {seen}", count, "train_near_source")
        for split, seen, count in (
            ("validation", "train", 52), ("test_3refs", "train", 1), ("test_3refs", "validation", 7)
        )
    ),
    *(
        Known(f"{SUM}/{split}", f"{DAILY}/train", "half of the longer turns in DailyDialog's train",
              count, "train_lines", SPACED_LINES, SPACED)
        for split, count in (("train", 7714), ("validation", 326), ("test_3refs", 310))
    ),
    *(
        Known(f"{TLDR}/{split}", f"{TLDR}/train", "abstracts in train", count, "train_source")
        for split, count in (("validation", 1), ("test", 2))
    ),
    *(
        Known(f"{FLICKR}/{split}", f"{FLICKR}/train", claim, count, measure)
        for split, claim, count, measure in (
            ("validation", "English sentences in train", 1, "train_source"),
            ("validation", "German sentences in train", 1, "train_target"),
            ("test", "pairs in train", 0, "train_pair"),
            ("test_2017_flickr", "German sentences in train", 2, "train_target"),
            ("test_2018_flickr", "German sentences in train", 1, "train_target"),
        )
    ),
    Known("", f"{FLICKR}/train", "duplicate pairs inside train", 3, REPEATED_ROWS),
    *(
        Known(f"{TATOEBA}/test", f"{TATOEBA}/train", claim, 0, measure)
        for claim, measure in (
            ("English sentences in train", "train_near_source"),
            ("Chinese sentences in train", "train_near_target"),
        )
    ),
    *(
        Known(f"{CROSS}/{split}", f"{CROSS}/train", "utterances in train", count,
              "train_near_source")
        for split, count in (("validation", 1320), ("test", 1255))
    ),
    Known(f"{NTREX}/test", f"{TATOEBA}/train {CROSS}/train", "sentences in either train", 2,
          "train_near_source", remark=UNSAID),
)  # fmt: skip
COLUMNS = {
    DAILY: {"turns": "dialog"},
    SUM: {"id": "id", "document": "dialogue", "summary": "summaries|summary"},
    TLDR: {"document": "source", "summary": "target"},
    FLICKR: {"source": "translation.en", "target": "translation.de"},
    **{
        folder: {"source": "translation.en", "target": "translation.zh"}
        for folder in (TATOEBA, CROSS, NTREX)
    },
}
HEAD = (
    "| rows of | looked for in | counted | by others | by the audit | measure | by their rule "
    "| remark |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
)
READERS = {"turns": "dialogue_turns", "document": "document_summary", "source": "parallel_text"}


def known_leaks_table(data_root: Path) -> str:
    """The counts of KNOWN beside those of the audit, as Markdown; raises DataError where no set of
    theirs is there.
    """
    lines = [*HEAD]
    search = cache(lambda held_out, training: _found(data_root, held_out, training))
    by_others = cache(lambda held_out, training: others_counts(data_root, held_out, training))
    for one in KNOWN:
        parts = f"{one.held_out} {one.training}".split()
        if not all((data_root / part.rpartition("/")[0]).is_dir() for part in parts):
            continue
        found = search(one.held_out, one.training)[one.measure]
        others = "–" if one.count is None else str(one.count)
        theirs = (
            by_others(one.held_out, one.training)[one.theirs] if one.theirs is not None else found
        )
        cells = [one.held_out or "itself", one.training, one.claim, others, str(found)]
        lines.append(f"| {' | '.join([*cells, one.measure, str(theirs), one.remark])} |")
    if len(lines) == len(HEAD):
        raise DataError(f"{data_root}: has none of {', '.join(COLUMNS)}; give their common folder")
    return "\n".join(lines) + "\n"


def _found(data_root: Path, held_out: str, training: str) -> Mapping[str, int]:
    """Every count of the audit; with one held-out split its own, with several that of all."""
    sets = {name: _rows(data_root, name) for name in held_out.split()}
    search = ContaminationSearch(sets)
    hashes, sources, dialogues = RowHashes(), array("Q"), array("Q")
    for name in training.split():
        rows = _rows(data_root, name)
        for record in records(rows):
            search.read_record(record, is_dialogue=rows.is_dialogue)
            for row in record:
                hashes.add(row)
                sources.append(text_hash(normalized_key(row.source)))
            dialogues.append(text_hash(dialogue_key(record)))
    counts = search.signals(next(iter(sets))).counts() if len(sets) == 1 else {}
    return {
        **counts,
        TRAINING_DIALOGUES: search.num_dialogues_seen,
        REPEATED_ROWS: num_repeats(hashes.rows),
        REPEATED_SOURCES: num_repeats(sources),
        REPEATED_DIALOGUES: num_repeats(dialogues),
    }


def others_counts(data_root: Path, held_out: str, training: str) -> Mapping[int, int]:
    """By letters and digits with speaker labels kept; lines by their words between white space."""
    seen = [text for name in training.split() for text in _texts(data_root, name)]
    known = [text for name in held_out.split() for text in _texts(data_root, name)]
    seen_turns = [[normalized_key(turn) for turn in text] for text in seen]
    known_turns = [[normalized_key(turn) for turn in text] for text in known]
    seen_dialogues = ["".join(turns) for turns in seen_turns]
    known_dialogues = ["".join(turns) for turns in known_turns]
    seen_pairs = {pair for turns in seen_turns for pair in pairwise(turns)}
    seen_lines = {turn for turns in seen_turns for turn in turns}
    unlabeled = [[_LABEL.sub("", turn, count=1) for turn in text] for text in known]
    long_lines = [
        [normalized_key(line) for line in text if len(line.split()) >= LONG_LINE_WORDS]
        for text in unlabeled
    ]
    return {
        KEPT_DIALOGUES: _num_in(known_dialogues, set(seen_dialogues)),
        KEPT_EXCHANGES: sum(_num_in(pairwise(turns), seen_pairs) for turns in known_turns),
        KEPT_REPEATS: len(seen_dialogues) - len(set(seen_dialogues)),
        KEPT_TRAINING: _num_in(seen_dialogues, set(known_dialogues)),
        SPACED_LINES: sum(
            _num_in(lines, seen_lines) >= SIGNAL_SHARE * len(lines) for lines in long_lines if lines
        ),
    }


def _num_in(texts: Iterable[Hashable], known: Set[Hashable]) -> int:
    return sum(text in known for text in texts)


def _texts(data_root: Path, name: str) -> Iterator[list[str]]:
    """The turns of each dialogue; of other data sets the lines of each source."""
    rows = _rows(data_root, name)
    for record in records(rows):
        sources = record[0].source.split("\n")
        yield [*sources, *(row.references[0] for row in record)] if rows.is_dialogue else sources


def _rows(data_root: Path, name: str) -> RowSet:
    folder, _, split = name.rpartition("/")
    columns = COLUMNS[folder]
    task = TaskConfig(
        kind=TaskKind(folder.partition("/")[0]),
        reader=next(reader for column, reader in READERS.items() if column in columns),
        source_language="en",
        folder=folder,
        columns=columns,
        train_split=None,
        validation_split=None,
        test_sets=[split],
    )
    return RowSet(_cleaned(task, split, data_root), task.kind is TaskKind.dialogue)


def _cleaned(task: TaskConfig, split: str, data_root: Path) -> Iterator[Row]:
    cleaner, reader = Cleaner(CleaningConfig()), find_reader(task.reader)
    for record in iter_records(task, split, data_root=data_root):
        for raw in reader.read(record, task):
            row = cleaner.clean(raw)
            if row is not None:
                yield row
