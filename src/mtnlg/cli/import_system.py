"""`mtnlg import` at work: another system's outputs become a row of a board, after all checks."""

from __future__ import annotations

import argparse
import hashlib
import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mtnlg.artifacts.in_use import hold
from mtnlg.artifacts.store import Artifact, make_folder
from mtnlg.doctor.published import (
    Claim,
    check_published,
    check_signature,
    parse_published,
    parse_signature,
)
from mtnlg.errors import ArtifactError, ConfigError, DataError
from mtnlg.evaluation import Texts, find_metric
from mtnlg.evaluation.degenerate import degenerate_notes
from mtnlg.evaluation.line_order import find_order
from mtnlg.evaluation.score import make_scores
from mtnlg.evaluation.symptoms import find_symptoms
from mtnlg.leaderboard.board import build_leaderboard
from mtnlg.leaderboard.board_rows import BoardRows, read_board
from mtnlg.leaderboard.file_notes import reading_notes
from mtnlg.records.files import JsonObject, json_line, write_text
from mtnlg.records.harness_logs import match_outputs, prompts_digest, read_log
from mtnlg.records.places import PREDICTIONS_FILE, experiment_folder
from mtnlg.records.runs import (
    UNKNOWN_TRAINING,
    Contamination,
    ImportRecord,
    read_imports,
    record_import,
)
from mtnlg.records.text_files import TextFile, as_mistake_of_the_command, read_fields
from mtnlg.report import write_report

logger = logging.getLogger(__name__)

MAX_NAME_LENGTH = 100


def import_system(options: argparse.Namespace) -> None:
    """Put the outputs on the board and write the report again."""
    for name in ("system", "note", "url"):
        _check_line(f"--{name}", getattr(options, name))
    claims = [parse_published(word) for word in options.published]
    board = read_board(
        options.experiment,
        task=options.task,
        test_set=options.test_set,
        runs_root=options.runs_root,
        artifacts_root=options.artifacts_root,
    )
    read_imports(options.experiment, runs_root=options.runs_root)  # fails now if it is broken
    _check_name(options.system, board)
    _check_signatures(board)
    with as_mistake_of_the_command():
        hypotheses, remarks = _read(options, board)
    texts = Texts(
        hypotheses,
        [row.references for row in board.rows],
        language=board.language,
        sources=[row.source for row in board.rows],
    )
    _check_claims(options.signature, claims, texts, board)
    _check_order(texts, options)
    for remark in (*remarks, *degenerate_notes(texts)):
        logger.warning(remark)
    for finding in find_symptoms(texts):
        logger.warning(f"{finding.name}: {finding.what}: {len(finding.positions)} outputs")
    hold(options.artifacts_root)
    predictions = _make_predictions(options.artifacts_root, hypotheses, board)
    scores = make_scores(
        options.artifacts_root, predictions, language=board.language, settings=board.settings
    )
    notes = filter(None, (options.note, *remarks))
    record = _record(options, board, predictions.key, scores.key, note="; ".join(notes) or None)
    was_there = record_import(experiment_folder(options.runs_root, options.experiment), record)
    logger.info(f"{options.system} {'replaced' if was_there else 'imported'}: {board.task}")
    _report(options)


def _check_line(key: str, text: str | None) -> None:
    """Raise ConfigError unless the text is one line, for a cell of a board."""
    if text is None:
        return
    if not text.strip() or not text.isprintable() or len(text) > 10 * MAX_NAME_LENGTH:
        raise ConfigError(f"{key} {text!r}: must be one line of text")
    if key == "--system" and len(text) > MAX_NAME_LENGTH:
        raise ConfigError(f"{key} {text!r}: must be at most {MAX_NAME_LENGTH} characters")


def _check_name(system: str, board: BoardRows) -> None:
    """Raise ConfigError for the name of another row, which readers would take for that one."""
    for name, kind in board.systems.items():
        if name.casefold() == system.strip().casefold():
            raise ConfigError(
                f"--system {system}: {board.task}, {board.test_set} has a {kind} system of that "
                f"name; choose another, such as {system.strip()!r} with who made it"
            )


def _check_signatures(board: BoardRows) -> None:
    """Raise ArtifactError if other releases scored the board, so that scores cannot be compared."""
    references = [row.references for row in board.rows]
    for name in board.settings.metrics or ():
        now = find_metric(name).signature(references, board.language)
        if board.signatures.get(name) != now:
            raise ArtifactError(
                f"{board.task}, {board.test_set}: its {name} has the signature "
                f"{board.signatures.get(name)}, and would now have {now}; run the experiment again"
            )


def _check_order(texts: Texts, options: argparse.Namespace) -> None:
    """Raise ConfigError for outputs that fit the references of other lines, unless forced to."""
    order = find_order(texts)
    if order is None:
        return
    what = f"{order.what}: {len(order.positions)} of {len(texts)} lines"
    if not options.force:
        raise ConfigError(
            f"--hypotheses {options.hypotheses}: {what}; {order.remedy}, or add --force"
        )
    logger.warning(f"{order.name}: {what}")


def _read(options: argparse.Namespace, board: BoardRows) -> tuple[list[str], list[str]]:
    """One output for each row of the board, in its order, and remarks about how it was read."""
    path = Path(options.hypotheses)
    if options.format is None and (log := read_log(path)) is not None:
        harness, samples = log
        remark = f"from a log of {harness}, prompt:{prompts_digest(samples)}"
        return match_outputs(path, samples, board.rows), [remark]
    field = options.hypothesis_field
    files = read_fields(
        options.hypotheses,
        field=field,
        optional=("id", "references"),
        format_name=options.format,
    )
    remarks = reading_notes([files[field]])
    if options.skip_empty_references and "references" in files:
        mask = [any(text.strip() for text in texts) for texts in files["references"].examples]
        remarks += [f"{mask.count(False)} of {len(mask)} examples have no reference: left out"]
        files = {name: file.where(mask) for name, file in files.items()}
    outputs = files[field]
    if len(outputs.examples) != len(board.rows):
        raise DataError(
            f"{outputs.shown}: has {len(outputs.examples)} examples, but {board.task}, "
            f"{board.test_set} has {len(board.rows)} rows; preparation drops some rows of raw "
            f"data: answer each source of {board.example}"
        )
    for position, texts in enumerate(outputs.examples):
        if len(texts) != 1:
            raise DataError(f"{outputs.location(position)}: has {len(texts)} texts; it must be one")
    if "id" in files:
        _check_ids(files["id"], board)
    if "references" in files:
        _check_references(files["references"], board)
    return [texts[0] for texts in outputs.examples], remarks


def _check_ids(file: TextFile, board: BoardRows) -> None:
    for position, ((given, *_), row) in enumerate(zip(file.examples, board.rows, strict=True)):
        if given != row.id:
            ours = {row.id for row in board.rows}
            same = ours == {texts[0] for texts in file.examples}
            remedy = "sort the lines by" if same else "leave the ids out, or use"
            raise DataError(
                f"{file.location(position)}: id is {given!r}, the board's row is {row.id!r}; "
                f"{remedy} the ids of {board.example}"
            )


def _check_references(file: TextFile, board: BoardRows) -> None:
    for position, (given, row) in enumerate(zip(file.examples, board.rows, strict=True)):
        if list(map(_plain, given)) != list(map(_plain, row.references)):
            raise DataError(
                f"{file.location(position)}: references are {given!r}, the board's row has "
                f"{row.references!r}; give outputs for the rows of {board.example}"
            )


def _plain(text: str) -> str:
    """A text as preparation leaves it, to recognize raw references."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _check_claims(
    signatures: Sequence[str], claims: Sequence[Claim], texts: Texts, board: BoardRows
) -> None:
    """Raise ConfigError if a published signature or number disagrees with ours."""
    main = claims[0].metric if claims else next(iter(board.signatures))
    for word in signatures:
        name, parts = parse_signature(word, default_metric=main)
        ours = find_metric(name).signature(texts.references, texts.language)
        check_signature(word, metric=name, parts=parts, our_signature=ours)
    check_published(claims, texts)


def _make_predictions(root: Path, hypotheses: Sequence[str], board: BoardRows) -> Artifact:
    content = "".join(
        json_line(replace(row, prediction=text).to_json())
        for row, text in zip(board.rows, hypotheses, strict=True)
    )
    inputs: JsonObject = {"external": hashlib.sha256(content.encode()).hexdigest()}
    return make_folder(
        root, "predictions", inputs, lambda folder: write_text(folder / PREDICTIONS_FILE, content)
    )


def _record(
    options: argparse.Namespace,
    board: BoardRows,
    predictions: str,
    scores: str,
    *,
    note: str | None,
) -> ImportRecord:
    return ImportRecord(
        board.task,
        board.test_set,
        board.language,
        "external",
        options.system,
        None,
        predictions,
        scores,
        contamination=Contamination(rule=UNKNOWN_TRAINING),
        scored_rows=board.scored_rows,
        note=note,
        url=options.url,
        published=tuple(options.published),
        signatures=tuple(options.signature),
    )


def _report(options: argparse.Namespace) -> None:
    leaderboard = build_leaderboard(
        options.experiment, runs_root=options.runs_root, artifacts_root=options.artifacts_root
    )
    for path in write_report(leaderboard, options.reports_root / options.experiment):
        logger.info(f"report: {path}")
