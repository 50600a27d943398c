"""`mtnlg doctor`: the same outputs as others measure them, which of it a published number was, and
what is wrong with the texts.

Refuses to know: runs and boards.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from mtnlg.cli.text_files import STANDARD_METRICS, add_files, read_inputs
from mtnlg.doctor.line_order import find_shift
from mtnlg.doctor.published import PublishedNumber, parse_number
from mtnlg.doctor.settings import FAMILIES, KNOWN_METRICS, read_settings
from mtnlg.doctor.symptoms import Finding, find_symptoms
from mtnlg.doctor.text import Diagnosis, diagnosis_document, diagnosis_text
from mtnlg.doctor.verdict import judge
from mtnlg.errors import ConfigError
from mtnlg.evaluation import Texts
from mtnlg.records.text_files import as_mistake_of_the_command
from mtnlg.text.scripts import base_language


def doctor(words: Sequence[str]) -> int:
    """Run the command and give its exit status; what it finds is no failure."""
    options = _make_parser().parse_args(words)
    base_language(options.language)
    number = _number(options.published)
    main = options.metric or STANDARD_METRICS[options.task][0]
    metrics = FAMILIES.get(main, (main,)) if options.metric else STANDARD_METRICS[options.task]
    with as_mistake_of_the_command():
        inputs = read_inputs(options)
    texts = inputs.texts(0, options.language)
    readings = read_settings(texts, metrics)
    diagnosis = Diagnosis(
        readings=readings,
        findings=[(one, inputs.hypotheses[0].location(one.places[0])) for one in _findings(texts)],
        verdict=None if number is None else judge(readings, main, number),
        num_examples=len(texts),
        language=options.language,
    )
    if options.json:
        print(json.dumps(diagnosis_document(diagnosis), ensure_ascii=False, allow_nan=False))
    else:
        print(diagnosis_text(diagnosis), end="")
    return 0


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mtnlg doctor",
        description="Show one system's outputs under the settings of common programs side by side, "
        "say which of them a published number agrees with, and look for what spoils scores: "
        "tokenized or lower-cased text, pieces, lost lines, other scripts. Files are as in "
        "mtnlg score.",
    )
    add_files(parser)
    parser.add_argument("--hypotheses", nargs=1, required=True, metavar="FILE")
    parser.add_argument("--sources", metavar="FILE", help="to find outputs that are copies")
    parser.add_argument("--published", metavar="NUMBER", help="as it was given: 31.2, not 31.20")
    parser.add_argument(
        "--metric", choices=KNOWN_METRICS, help="of the number; alone it leaves out all others"
    )
    parser.add_argument("--json", action="store_true", help="for programs, with sources")
    return parser


def _number(text: str | None) -> PublishedNumber | None:
    number = None if text is None else parse_number(text)
    if text is not None and number is None:
        raise ConfigError(f"--published {text}: must be the number as it was published, as in 31.2")
    return number


def _findings(texts: Texts) -> list[Finding]:
    shift = find_shift(texts)
    return [*find_symptoms(texts), *([] if shift is None else [shift])]
