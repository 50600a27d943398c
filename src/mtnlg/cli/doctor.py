"""`mtnlg doctor`: outputs as other programs measure them, and what is wrong with the texts."""

from __future__ import annotations

import argparse
import json

from mtnlg.cli.command import Subparsers, add_command
from mtnlg.cli.files import add_files
from mtnlg.errors import ConfigError


def add_parser(subparsers: Subparsers, name: str, summary: str) -> None:
    """Declare the command."""
    parser = add_command(
        subparsers,
        name,
        run,
        summary,
        description="Show one system's outputs under the settings of common programs side by side, "
        "say which of them a published number agrees with, and look for what spoils scores: "
        "tokenized or lower-cased text, pieces, lost lines, other scripts. Files are as in "
        "mtnlg score.",
    )
    add_files(parser)
    parser.add_argument(
        "--hypotheses", nargs=1, required=True, metavar="FILE", help="the outputs of one system"
    )
    parser.add_argument("--sources", metavar="FILE", help="to find outputs that are copies")
    parser.add_argument("--published", metavar="NUMBER", help="as it was given: 31.2, not 31.20")
    parser.add_argument(
        "--metric",
        metavar="NAME",
        help="of the number, such as bleu; without a number, the only one that is shown",
    )
    parser.add_argument("--json", action="store_true", help="for programs, with sources")


def run(options: argparse.Namespace) -> None:
    """Print the diagnosis. Findings are no failure."""
    from mtnlg.cli.files import read_inputs
    from mtnlg.config.checks import require
    from mtnlg.config.foreign_names import metric_hint
    from mtnlg.doctor.published import judge, parse_number
    from mtnlg.doctor.settings import FAMILIES, KNOWN_METRICS, read_settings
    from mtnlg.doctor.text import Diagnosis, diagnosis_document, diagnosis_text
    from mtnlg.evaluation.line_order import find_order
    from mtnlg.evaluation.symptoms import find_symptoms
    from mtnlg.leaderboard.file_inputs import STANDARD_METRICS
    from mtnlg.leaderboard.file_notes import reading_notes
    from mtnlg.records.text_files import as_mistake_of_the_command
    from mtnlg.text.scripts import base_language

    base_language(options.language)
    number = None if options.published is None else parse_number(options.published)
    if options.published is not None and number is None:
        raise ConfigError(
            f"--published {options.published}: must be the number as it was published, as in 31.2"
        )
    main = options.metric or STANDARD_METRICS[options.task][0]
    allowed = f"one of {', '.join(KNOWN_METRICS)}{metric_hint(main, KNOWN_METRICS)}"
    require(main in KNOWN_METRICS, "--metric", main, allowed)
    metrics = FAMILIES.get(main, (main,)) if options.metric else STANDARD_METRICS[options.task]
    others = [name for name in KNOWN_METRICS if name not in metrics]
    with as_mistake_of_the_command():
        inputs = read_inputs(options)
    texts = inputs.texts(0, options.language)
    readings = read_settings(texts, metrics)
    verdict = None if number is None else judge(readings, options.metric or "", number)
    if verdict is not None and number is not None and not verdict.agreeing:
        readings += read_settings(texts, others)
        verdict = judge(readings, options.metric or "", number)
    order = find_order(texts)
    findings = [*find_symptoms(texts), *([] if order is None else [order])]
    diagnosis = Diagnosis(
        readings=readings,
        findings=[
            (finding, inputs.hypotheses[0].location(finding.positions[0])) for finding in findings
        ],
        notes=[*reading_notes([*inputs.hypotheses, *inputs.references]), *inputs.notes],
        verdict=verdict,
        num_examples=len(texts),
        language=options.language,
    )
    if options.json:
        print(json.dumps(diagnosis_document(diagnosis), ensure_ascii=False, allow_nan=False))
    else:
        print(diagnosis_text(diagnosis), end="")
