"""What `mtnlg data` prints about a data set. Each section is a function and its row in SECTIONS."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from mtnlg.artifacts.store import Artifact
from mtnlg.config import Config, TaskConfig
from mtnlg.corpus.preparation import QUARANTINE_FILE, read_audits
from mtnlg.corpus.sources.readers import Quarantine, find_reader
from mtnlg.corpus.sources.sources import find_files, iter_records, split_sources
from mtnlg.errors import DataError
from mtnlg.experiment import artifacts
from mtnlg.records.places import rows_file
from mtnlg.records.rows import Row, read_rows
from mtnlg.text.display import aligned
from mtnlg.text.misfits import misfit_note
from mtnlg.text.signs import SIGNS, count_signs
from mtnlg.tokenization.fertility import fertility
from mtnlg.tokenization.tokenizer import TOKENIZER_FILE, TextTokenizer

EXAMPLE_CHARACTERS = 400
"""Shown of each text; the rest is counted."""
FERTILITY_ROWS = 20_000
"""Training rows that measure a tokenizer's fertility."""
SIGN_ROWS = 100_000
"""Rows of a split that are searched for signs of damage."""
LABEL_WIDTH = 11


@dataclass(frozen=True)
class DataSet:
    """A prepared data set and its audits."""

    config: Config
    name: str
    """Key in Config.tasks"""
    comment: Sequence[str]
    """The comment at the head of its file."""
    rows: Artifact
    audits: dict[str, dict[str, Any]]
    """Split -> its part of audit.json."""

    @property
    def task(self) -> TaskConfig:
        return self.config.tasks[self.name]

    @property
    def data_root(self) -> Path | None:
        return Path(self.config.data_root) if self.config.data_root else None

    def split_file(self, split: str) -> Path:
        return self.rows.folder / rows_file(split)


def describe(config: Config, name: str, comment: Sequence[str]) -> Iterator[str]:
    """Lines about one data set, whose rows are prepared if they are missing."""
    rows = artifacts.make_rows(config, name, config.tasks[name])
    splits = read_audits(rows.folder)
    audits = {split: splits[split] for split in split_sources(config.tasks[name])}
    data = DataSet(config, name, comment, rows, audits)
    yield config.task_title(name)
    yield f"rows: {rows.folder}"
    for title, section in SECTIONS.items():
        yield ""
        yield title
        yield from (f"  {line}".rstrip() for line in section(data))


def _about(data: DataSet) -> list[str]:
    lines = list(data.comment) or ["its file has no comment that says so"]
    published = [
        f"  {', '.join(known.held_out) or 'train'}: {known.count:,} {known.claim}"
        for known in data.task.known_contamination
        if known.count is not None
    ]
    if data.task.license is not None:
        lines.append(f"License: {data.task.license}.")
    return [*lines, *(["Contamination that others counted:"] if published else []), *published]


def _rows(data: DataSet) -> list[str]:
    head = ["split", "records in", "rows in", "rows out", "quarantined", "dropped", "changed"]
    table = [head]
    for split, audit in data.audits.items():
        counts = [_count(audit[key]) for key in ("records_in", "rows_in", "rows_out")]
        put_aside = _count(audit["quarantined"])
        table.append(
            [split, *counts, put_aside, _reasons(audit["dropped"]), _reasons(audit["changed"])]
        )
    lines = _aligned(table, text_columns=(0, 5, 6))
    if (data.rows.folder / QUARANTINE_FILE).is_file():
        lines.append(f"what was put aside: {data.rows.folder / QUARANTINE_FILE}")
    misaligned = {split: audit["misaligned"] for split, audit in data.audits.items()}
    return [*lines, *(f"{split}: {what}" for split, what in misaligned.items() if what)]


def _lengths(data: DataSet) -> list[str]:
    table = [["split", "source mean", "max", "target mean", "max", "references"]]
    for split, audit in data.audits.items():
        sides = (audit["source_characters"], audit["target_characters"])
        low, high = (audit["references_per_row"][key] for key in ("min", "max"))
        cells = [_count(side[key]) for side in sides for key in ("mean", "max")]
        table.append([split, *cells, f"{low}" if low == high else f"{low} to {high}"])
    return _aligned(table)


def _duplicates(data: DataSet) -> list[str]:
    table = [["split", "whole rows", "sources"]]
    for split, audit in data.audits.items():
        table.append([split, *(_count(audit["duplicates"][key]) for key in ("pairs", "sources"))])
    return _aligned(table)


def _leaks(data: DataSet) -> list[str]:
    """One line for each signal, one column for each pair of splits."""
    columns = {
        f"{split} in {seen}": _flat(audit[name])
        for split, audit in data.audits.items()
        for seen in data.audits
        if audit.get(name := f"overlap_with_{seen}") is not None
    }
    if not columns:
        return ["nothing to compare with: this data set has no training split"]
    names = list(dict.fromkeys(name for counts in columns.values() for name in counts))
    table = [["", *columns]]
    table += [[name, *(counts.get(name, "-") for counts in columns.values())] for name in names]
    dialogues = data.audits.get("train", {}).get("dialogues")
    if dialogues is not None:
        counts = _flat(dialogues)
        repeats = f"{counts['repeated']} of {counts['checked']} are repeats"
        seen = f"{counts['held_out']} are held-out ones"
        return [*_aligned(table), f"dialogues of train: {repeats}, {seen}"]
    return _aligned(table)


def _fertility(data: DataSet) -> list[str]:
    """Tokens of the first rows, by the tokenizer of a run of this data set alone."""
    if data.task.train_split is None:
        return ["no training split, so no tokenizer of its own"]
    learner = dataclasses.replace(data.config.tokenizer, tasks=None)
    alone = dataclasses.replace(data.config, tasks={data.name: data.task}, tokenizer=learner)
    made = artifacts.make_tokenizer(alone, artifacts.Prepared(rows={data.name: data.rows}))
    tokenizer = TextTokenizer.load(made.folder / TOKENIZER_FILE)
    rows = list(islice(read_rows(data.split_file("train")), FERTILITY_ROWS))
    sides = {
        "source": ([row.source for row in rows], data.task.source_language),
        "target": ([text for row in rows for text in row.references], data.task.output_language),
    }
    table = [["side", "language", "texts", "tokens", "per", "", "in broken characters"]]
    for side, (texts, language) in sides.items():
        measured = fertility(texts, tokenizer, language)
        counts = [f"{measured.num_texts:,}", f"{measured.num_tokens:,}"]
        ratios = [f"{measured.tokens_per_unit:.2f}", f"{measured.broken_share:.1%}"]
        table.append([side, language, *counts, measured.unit, *ratios])
    vocabulary = f"{tokenizer.vocabulary_size:,} tokens, the first {len(rows):,} training rows"
    return [vocabulary, *_aligned(table, text_columns=(0, 1, 4))]


def _scripts(data: DataSet) -> list[str]:
    """Texts of the first rows of each split that are in another script than their language."""
    lines = []
    for split in data.audits:
        rows = list(islice(read_rows(data.split_file(split)), FERTILITY_ROWS))
        targets = [text for row in rows for text in row.references]
        sides = {
            "sources": ([row.source for row in rows], data.task.source_language),
            "targets": (targets, data.task.output_language),
        }
        notes = (misfit_note(*texts, what=side) for side, texts in sides.items())
        lines += [f"{split}: {note}" for note in notes if note is not None]
    return lines or ["all texts are in the scripts of their languages"]


def _damage(data: DataSet) -> list[str]:
    """Texts of the first rows with signs of damage: in the local files, and after cleaning."""
    columns: dict[str, Counter[str]] = {}
    for split, raw in split_sources(data.task).items():
        if find_files(data.task, data_root=data.data_root):
            columns[f"{split} files"] = count_signs(_raw_texts(data, raw))
        columns[f"{split} rows"] = count_signs(_texts(read_rows(data.split_file(split))))
    known = [sign for sign in SIGNS if any(counts[sign.name] for counts in columns.values())]
    if not known:
        return [f"none in the first {SIGN_ROWS:,} rows of each split"]
    table = [["", *columns, ""]]
    for sign in known:
        counts = [_count(count[sign.name]) for count in columns.values()]
        table.append([sign.name, *counts, sign.what])
    return _aligned(table, text_columns=(0, len(columns) + 1))


def _raw_texts(data: DataSet, split: str) -> Iterator[str]:
    """The texts of the first records of a split before cleaning, without unreadable ones."""
    reader = find_reader(data.task.reader)
    quarantine = Quarantine(max_bad_share=1.0)
    records = iter_records(data.task, split, data_root=data.data_root, quarantine=quarantine)
    for record in islice(records, SIGN_ROWS):
        try:
            yield from _texts(reader.read(record, data.task))
        except DataError:
            continue


def _texts(rows: Iterable[Row]) -> Iterator[str]:
    return (text for row in islice(rows, SIGN_ROWS) for text in (row.source, *row.references))


def _examples(data: DataSet) -> list[str]:
    """The first, the middle and the last row of the first split."""
    split = next(iter(data.audits))
    num_rows = data.audits[split]["rows_out"]
    chosen = {0, num_rows // 2, num_rows - 1}
    lines = [f"of {split}"]
    for index, row in enumerate(read_rows(data.split_file(split))):
        if index in chosen:
            lines += _example(row)
    return lines


SECTIONS: dict[str, Callable[[DataSet], list[str]]] = {
    "What it is, and what is known to be wrong with it": _about,
    "Rows": _rows,
    "Lengths in characters": _lengths,
    "Repeats of an earlier row of the split": _duplicates,
    "Rows with signals that another split has them": _leaks,
    "Scripts": _scripts,
    "Texts with signs of damage": _damage,
    "Tokens per word or character": _fertility,
    "Examples": _examples,
}
"""Title -> the lines below it, in order."""


def _example(row: Row) -> list[str]:
    lines = ["", printable(row.id)]
    for label, text in [
        ("source", row.source),
        *(("reference", reference) for reference in row.references),
    ]:
        for number, line in enumerate(_shortened(text).split("\n")):
            lines.append(f"  {label if number == 0 else '':<{LABEL_WIDTH}}{printable(line)}")
    return lines


def _shortened(text: str) -> str:
    if len(text) <= EXAMPLE_CHARACTERS:
        return text
    return f"{text[:EXAMPLE_CHARACTERS]}… ({len(text):,} characters)"


def printable(text: str) -> str:
    """The text with escapes for what a terminal would not show."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def _aligned(table: list[list[str]], *, text_columns: tuple[int, ...] = (0,)) -> list[str]:
    """The rows as lines, with texts to the left of their columns and numbers to the right."""
    return aligned(table, numbers=set(range(len(table[0]))) - set(text_columns))


def _count(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def _reasons(counts: dict[str, int]) -> str:
    named = [f"{reason} {_count(number)}" for reason, number in counts.items()]
    return ", ".join(named) or "-"


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Numbers by name; those of nested objects by dotted name."""
    flat: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = (
                _count(value) if isinstance(value, int | float) else f"{value}"
            )
    return flat
