"""What is wrong with a file of outputs before any metric sees it: one row of SYMPTOMS each.

A line is compared with its own references: what they have too is no symptom.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mtnlg.evaluation import Texts
from mtnlg.text.scripts import CHARACTER_LANGUAGES, IDEOGRAPH, base_language, script_of

FEW = 0.05
"""Share of the lines below which a habit of writers, not of a program, may be the cause."""
MOST = 0.9
LENGTH_RATIOS = (0.8, 1.25)
"""Normal lengths of all outputs, in characters of their references."""
LINE_RATIOS = (0.5, 2.0)


@dataclass(frozen=True, slots=True)
class Finding:
    """A symptom, the positions of its lines from 0, and the remedy."""

    name: str
    what: str
    positions: tuple[int, ...]
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Symptom:
    """Something that a line may have, reported if at least this share of the lines have it."""

    name: str
    what: str
    remedy: str
    has: Callable[[str, Sequence[str], str], bool]
    """Output, its references, the language."""
    least_share: float = 0.0

    def find(self, texts: Texts) -> Finding | None:
        """The lines that have it; None if they are too few."""
        language = base_language(texts.language)
        positions = tuple(
            position
            for position, (text, references) in enumerate(
                zip(texts.hypotheses, texts.references, strict=True)
            )
            if self.has(text, references, language)
        )
        if not positions or len(positions) < self.least_share * len(texts.hypotheses):
            return None
        return Finding(self.name, self.what, positions, self.remedy)


SPACED_MARK = re.compile(r"\w ([.,?!)]|n't|'(?:s|re|ll|ve|d|m))(?= |$)")
ESCAPE = re.compile(
    r"&(?:quot|apos|amp|lt|gt|#\d+|#x[0-9a-f]+);|(?<= )@[-/,.]@(?= )", re.IGNORECASE
)
PIECE = re.compile(r"▁|@@(?= |$)|(?<= )##\w|<(?:unk|pad|s|/s)>|\[(?:UNK|PAD|CLS|SEP)\]")
SPACED_IDEOGRAPHS = re.compile(rf"{IDEOGRAPH.pattern} +{IDEOGRAPH.pattern}")
ASCII_MARK = re.compile(rf"(?<={IDEOGRAPH.pattern})[,.?!:;]")
WIDE_MARK = re.compile("[，。？！：；（）]")


def _only_output(pattern: re.Pattern[str]) -> Callable[[str, Sequence[str], str], bool]:
    """Whether the output matches and no reference does."""

    def has(text: str, references: Sequence[str], language: str) -> bool:
        return pattern.search(text) is not None and not any(map(pattern.search, references))

    return has


def _is_segmented(text: str, references: Sequence[str], language: str) -> bool:
    is_asked = language in CHARACTER_LANGUAGES
    return is_asked and _only_output(SPACED_IDEOGRAPHS)(text, references, language)


def _has_other_marks(text: str, references: Sequence[str], language: str) -> bool:
    """Whether punctuation is half-width and full-width in the references, or the reverse."""
    joined = "".join(references)
    if language in CHARACTER_LANGUAGES:
        has_ascii = ASCII_MARK.search(text) is not None and not WIDE_MARK.search(text)
        return has_ascii and WIDE_MARK.search(joined) is not None
    return WIDE_MARK.search(text) is not None and not WIDE_MARK.search(joined)


def _is_in_other_script(text: str, references: Sequence[str], language: str) -> bool:
    if language != "zh":
        return False
    script, expected = script_of(text), script_of("".join(references))
    return script is not None and expected is not None and script != expected


def _is_otherwise_composed(text: str, references: Sequence[str], language: str) -> bool:
    """Whether accents are composed and not in the references, or the reverse."""
    joined = "".join(references)
    if text.isascii() or joined.isascii():
        return False
    forms = [
        {form for form in ("NFC", "NFD") if unicodedata.is_normalized(form, part)}
        for part in (text, joined)
    ]
    return {"NFC"} in forms and forms[0].isdisjoint(forms[1])


SYMPTOMS: tuple[Symptom, ...] = (
    Symptom(
        name="empty",
        what="the output is empty",
        remedy="it scores 0; look for the line in the decoder's log",
        has=lambda text, references, language: not text.strip(),
    ),
    Symptom(
        name="tokenized",
        what="a space before punctuation that the references do not have",
        remedy="detokenize the outputs (sacremoses, or the recipe's own script); else 13a cuts "
        "text that is cut already",
        has=_only_output(SPACED_MARK),
        least_share=FEW,
    ),
    Symptom(
        name="segmented",
        what="spaces between ideographs that the references do not have",
        remedy="remove the spaces: Chinese and Japanese are scored as they are written",
        has=_is_segmented,
        least_share=FEW,
    ),
    Symptom(
        name="escapes",
        what="escapes of a tokenizer, such as &quot; or @-@",
        remedy="detokenize the outputs with the tokenizer that made them",
        has=_only_output(ESCAPE),
    ),
    Symptom(
        name="pieces",
        what="pieces or special tokens of a vocabulary, such as ▁, @@ or <unk>",
        remedy="join the pieces (decode with the model's own tokenizer, skip special tokens)",
        has=_only_output(PIECE),
    ),
    Symptom(
        name="script",
        what="traditional characters against simplified ones, or the other way round",
        remedy="convert outputs and references into one script (OpenCC); no metric takes them as "
        "equal",
        has=_is_in_other_script,
    ),
    Symptom(
        name="marks",
        what="half-width punctuation against full-width, or the other way round",
        remedy="write the punctuation as the references do; each mark is a token",
        has=_has_other_marks,
        least_share=FEW,
    ),
    Symptom(
        name="normalization",
        what="letters composed (NFC) against decomposed (NFD)",
        remedy="normalize both to NFC; to a metric they are other characters",
        has=_is_otherwise_composed,
    ),
)
"""In the order of the report; a new symptom is a row."""


def find_symptoms(texts: Texts) -> list[Finding]:
    """All symptoms: those of SYMPTOMS, then those that need more than one line to see."""
    findings = [symptom.find(texts) for symptom in SYMPTOMS]
    findings += [check(texts) for check in (_lower_cased, _copied, _of_other_length)]
    return [finding for finding in findings if finding is not None]


def _lower_cased(texts: Texts) -> Finding | None:
    """The lines without a capital letter, if most of those whose references have one."""
    capitals = [
        position
        for position, references in enumerate(texts.references)
        if any(_has_capital(text) for text in references) and texts.hypotheses[position].strip()
    ]
    positions = tuple(position for position in capitals if _is_small(texts.hypotheses[position]))
    if (
        not positions
        or len(positions) < MOST * len(capitals)
        or len(positions) < FEW * len(texts.hypotheses)
    ):
        return None
    return Finding(
        "lower-cased",
        "no capital letter, where the references have some",
        positions,
        "score cased outputs, or compare lower-cased numbers with such (case:lc)",
    )


def _has_capital(text: str) -> bool:
    return text.lower() != text


def _is_small(text: str) -> bool:
    return text.lower() == text and text.upper() != text


def _copied(texts: Texts) -> Finding | None:
    positions = tuple(
        position
        for position, (text, source) in enumerate(
            zip(texts.hypotheses, texts.sources or texts.hypotheses, strict=True)
        )
        if texts.sources
        and text.strip()
        and text.strip() == source.strip()
        and text.strip() not in {reference.strip() for reference in texts.references[position]}
    )
    if not positions:
        return None
    return Finding(
        "copies",
        "the output is the source",
        positions,
        "check the direction, and the language that the system was asked for",
    )


def _of_other_length(texts: Texts) -> Finding | None:
    """The lines that are much shorter or longer, if all outputs together are."""
    ratios = []
    length = closest_length = 0
    for text, references in zip(texts.hypotheses, texts.references, strict=True):
        closest = min(
            (len(reference) for reference in references), key=lambda size: abs(size - len(text))
        )
        ratios.append(len(text) / closest)
        length, closest_length = length + len(text), closest_length + closest
    ratio = length / closest_length
    if LENGTH_RATIOS[0] <= ratio <= LENGTH_RATIOS[1]:
        return None
    is_short = ratio < 1
    positions = [
        position
        for position, line_ratio in enumerate(ratios)
        if (line_ratio < LINE_RATIOS[0] if is_short else line_ratio > LINE_RATIOS[1])
    ] or [
        min(range(len(ratios)), key=ratios.__getitem__)
        if is_short
        else max(range(len(ratios)), key=ratios.__getitem__)
    ]
    return Finding(
        "length",
        f"all outputs together have {ratio:.2f} of the references' characters",
        tuple(positions),
        "look for outputs that were cut off" if is_short else "look for loops and added text",
    )
