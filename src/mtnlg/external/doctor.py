"""`mtnlg doctor`: the same outputs under the settings of other tools, which of them a published
number fits, and what is suspicious about the outputs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from mtnlg.config import TaskKind
from mtnlg.errors import ConfigError, DataError
from mtnlg.evaluation import Texts
from mtnlg.external.claims import Published, parse_published
from mtnlg.external.settings import Reading, readings
from mtnlg.external.symptoms import Finding, findings
from mtnlg.records import SCHEMA_VERSION, JsonObject
from mtnlg.reporting.display import ABSENT
from mtnlg.scoring.files import (
    TextFile,
    as_mistake_of_the_command,
    check_aligned,
    read_texts,
)
from mtnlg.scoring.options import FIELDS
from mtnlg.scoring.terminal import aligned, one_line

METRICS_OF = {
    TaskKind.translation.value: ["bleu", "chrf"],
    TaskKind.summarization.value: ["rouge1", "rouge2", "rougeL", "rougeLsum"],
    TaskKind.dialogue.value: ["rougeL", "bleu"],
}


def doctor(words: Sequence[str]) -> int:
    """Print it; the status is 0 whatever was found."""
    options = make_parser().parse_args(words)
    published = _published(options)
    with as_mistake_of_the_command():
        texts, hypotheses = _read(options)
    metrics = [published.metric] if published else METRICS_OF[options.task]
    found = readings(texts, metrics)
    symptoms = findings(texts)
    if options.json:
        print(json.dumps(_document(found, published, symptoms, hypotheses), ensure_ascii=False))
    else:
        print("\n".join(_lines(found, published, symptoms, hypotheses)))
    return 0


def make_parser() -> argparse.ArgumentParser:
    """The parser, which exits with status 2 where options are missing or unknown."""
    parser = argparse.ArgumentParser(
        prog="mtnlg doctor",
        description="Score one file of outputs as other tools would, tell which of them a "
        "published number fits, and what is suspicious about the outputs.",
    )
    parser.add_argument("--references", nargs="+", required=True, metavar="FILE")
    parser.add_argument("--hypotheses", required=True, metavar="FILE")
    parser.add_argument("--sources", metavar="FILE")
    parser.add_argument("--task", required=True, choices=list(METRICS_OF))
    parser.add_argument("--language", required=True, help="of the references, as ISO 639-1")
    parser.add_argument("--published", metavar="NUMBER", help="as it was given, such as 31.2")
    parser.add_argument("--metric", help="of the number; without it, the task's first")
    for name, field in FIELDS.items():
        parser.add_argument(f"--{name}-field", default=field, metavar="NAME")
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser


def _published(options: argparse.Namespace) -> Published | None:
    known = METRICS_OF[options.task]
    if options.metric is not None and options.metric not in known:
        raise ConfigError(
            f"--metric {options.metric}: {options.task} is looked at by {', '.join(known)}"
        )
    if options.published is None:
        return None
    return parse_published(f"{options.metric or known[0]}={options.published}")


def _read(options: argparse.Namespace) -> tuple[Texts, TextFile]:
    references = [read_texts(path, field=options.reference_field) for path in options.references]
    hypotheses = read_texts(options.hypotheses, field=options.hypothesis_field)
    sources = [read_texts(options.sources, field=options.source_field)] if options.sources else []
    check_aligned([*references, hypotheses, *sources])
    targets = []
    for place, several in enumerate(zip(*(file.examples for file in references), strict=True)):
        kept = [text for texts in several for text in texts if text.strip()]
        if not kept:
            raise DataError(f"{references[0].location(place)}: the reference is empty")
        targets.append(kept)
    texts = Texts(
        hypotheses=[example[0] for example in hypotheses.examples],
        references=targets,
        language=options.language,
        sources=[example[0] for example in sources[0].examples] if sources else None,
    )
    return texts, hypotheses


def _lines(
    found: Sequence[Reading],
    published: Published | None,
    symptoms: Sequence[Finding],
    hypotheses: TextFile,
) -> Iterator[str]:
    ours: dict[str, Reading] = {}
    for one in found:
        ours.setdefault(one.setting.metric, one)
    if published is not None:
        found = sorted(found, key=lambda one: _distance(one, published))
    rows = [["metric", "value", "to ours", "setting", "as in"]]
    for one in found:
        if one.value is not None:
            own = ours[one.setting.metric]
            shift = "" if one is own or own.value is None else f"{one.value - own.value:+.2f}"
            rows.append(
                [
                    one.setting.metric,
                    f"{one.value:.2f}",
                    shift or ABSENT,
                    one.setting.title,
                    one.setting.users or "mtnlg",
                ]
            )
    yield from aligned(rows, numbers=(1, 2))
    yield ""
    for one in found:
        if one.value is not None:
            yield f"{one.setting.metric}, {one.setting.title}: {one.signature}"
    if published is not None:
        yield ""
        yield _verdict(found, published)
    if symptoms:
        yield ""
    for symptom in symptoms:
        yield one_line(
            f"{symptom.count} outputs {symptom.what}, the first at "
            f"{hypotheses.location(symptom.first)}: {symptom.remedy}"
        )


def _verdict(found: Sequence[Reading], published: Published) -> str:
    scored = [one for one in found if one.value is not None]
    agreeing = [one for one in scored if _agrees(one, published)]
    number = f"{published.metric} {published.text}"
    if not agreeing:
        nearest = scored[0]
        return (
            f"{number} agrees with none of {len(scored)} settings; the nearest is "
            f"{nearest.setting.title} with {nearest.value:.2f}: other outputs, other references or "
            "another way of measuring"
        )
    titles = "; ".join(
        one.setting.title + (f" ({one.setting.users})" if one.setting.users else "")
        for one in agreeing
    )
    hint = "" if len(agreeing) == 1 else ", which these outputs do not tell apart"
    return f"{number} agrees with {len(agreeing)} of {len(scored)} settings{hint}: {titles}"


def _agrees(one: Reading, published: Published) -> bool:
    """By the rounding of the number as given, on a scale of 0 to 100 or of 0 to 1."""
    assert one.value is not None
    return published.agrees(one.value) or (
        published.value < 1 and published.agrees(one.value / 100)
    )


def _distance(one: Reading, published: Published) -> float:
    if one.value is None:
        return float("inf")
    value = float(published.value)
    distance = abs(one.value - value)
    return min(distance, abs(one.value - 100 * value)) if value < 1 else distance


def _document(
    found: Sequence[Reading],
    published: Published | None,
    symptoms: Sequence[Finding],
    hypotheses: TextFile,
) -> JsonObject:
    return {
        "schema_version": SCHEMA_VERSION,
        "settings": [
            {
                "metric": one.setting.metric,
                "title": one.setting.title,
                "users": one.setting.users,
                "value": one.value,
                "signature": one.signature,
                "reason": one.reason,
                "agrees": None
                if published is None or one.value is None
                else _agrees(one, published),
            }
            for one in found
        ],
        "findings": [
            {**asdict(one), "first": hypotheses.line_numbers[one.first]} for one in symptoms
        ],
    }
