"""What is wrong with a file of outputs before any metric sees it.

A line is compared with its references: what they have too is no symptom.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from mtnlg.evaluation import Texts, score_texts
from mtnlg.evaluation.affixes import find_affixes
from mtnlg.evaluation.line_order import Finding
from mtnlg.text.misfits import LEAST_SHARE, is_misfit
from mtnlg.text.scripts import IDEOGRAPH, has_ideographs, is_sinitic, script_of
from mtnlg.text.signs import MOJIBAKE, SIGNS, repaired, signs_of

FEW = 0.05
"""Below this share of the lines, writers and not a program may be the cause."""
MOST = 0.9
LENGTH_RATIOS = (0.8, 1.25)
"""Normal lengths of all outputs, in characters of their references."""
LINE_RATIOS = (0.5, 2.0)
SIDES = (
    ("which the references do not have", "", (True, False)),
    ("in a reference and not in the output", "references: ", (False, True)),
    ("in the output and in a reference, which count as matches", "both: ", (True, True)),
)
"""Whose damage it is: in words, at the head of a name, and whether (output, references) have it."""


@dataclass(frozen=True, kw_only=True)
class Symptom:
    """Something that a line may have."""

    name: str
    what: str
    remedy: str
    has: Callable[[str, Sequence[str], str], bool]
    """Output, its references, the language."""
    least_share: float = 0.0
    """Reported if at least this share of the lines have it."""

    def find(self, texts: Texts) -> Finding | None:
        """The lines that have it; None if there are too few."""
        positions = tuple(
            position
            for position, (text, references) in enumerate(
                zip(texts.hypotheses, texts.references, strict=True)
            )
            if self.has(text, references, texts.language)
        )
        if not positions or len(positions) < self.least_share * len(texts.hypotheses):
            return None
        return Finding(self.name, self.what, positions, self.remedy)


SPACED_MARK = re.compile(r"\w ([.,?!)]|n't|'(?:s|re|ll|ve|d|m))(?= |$)")
SPACED_IDEOGRAPHS = re.compile(rf"{IDEOGRAPH} +{IDEOGRAPH}")
ASCII_MARK = re.compile(rf"(?<={IDEOGRAPH})[,.?!:;]")
WIDE_MARK = re.compile("[，。？！：；（）]")
NO_ANSWER = re.compile(
    r"\A\s*(?:(?:nan|none|null|n/a|#n/a|undefined|<na>)\s*\Z|as an ai\b"
    r"|(?:\w*error|exception|traceback)\b.{0,20}: "
    r"|i(?:'m sorry, but i)? can(?:no|')t (?:assist|help|fulfill)\b)",
    re.IGNORECASE,
)
ACCENTED = re.compile("(?!\u00d7|\u00df|\u00f7)[\u00c0-\u024f\u1e00-\u1eff]")
"""Latin letters beyond ASCII; \u00df stays where accents are stripped."""
STRAIGHT, TYPOGRAPHIC = re.compile("[\"']"), re.compile("[\u2018-\u201f]")
LETTER = re.compile("[A-Za-z]")


def _only_output(pattern: re.Pattern[str]) -> Callable[[str, Sequence[str], str], bool]:
    """Whether the output matches and no reference does."""

    def has(text: str, references: Sequence[str], language: str) -> bool:
        return pattern.search(text) is not None and not any(map(pattern.search, references))

    return has


def _is_segmented(text: str, references: Sequence[str], language: str) -> bool:
    is_asked = has_ideographs(language)
    return is_asked and _only_output(SPACED_IDEOGRAPHS)(text, references, language)


def _has_other_marks(text: str, references: Sequence[str], language: str) -> bool:
    """Whether punctuation is half-width and full-width in the references, or the reverse."""
    joined = "".join(references)
    if has_ideographs(language):
        has_ascii = ASCII_MARK.search(text) is not None and not WIDE_MARK.search(text)
        return has_ascii and WIDE_MARK.search(joined) is not None
    return WIDE_MARK.search(text) is not None and not WIDE_MARK.search(joined)


def _has_other_quotes(text: str, references: Sequence[str], language: str) -> bool:
    """Whether quotes and apostrophes are all straight and all typographic in the references, or the
    reverse.
    """
    straight, typographic = _kinds_of_quotes(text)
    if straight == typographic:
        return False
    return _kinds_of_quotes("".join(references)) == (typographic, straight)


def _kinds_of_quotes(text: str) -> tuple[bool, bool]:
    """Whether a text has straight ones, and typographic ones."""
    return STRAIGHT.search(text) is not None, TYPOGRAPHIC.search(text) is not None


def _is_in_other_script(text: str, references: Sequence[str], language: str) -> bool:
    if not is_sinitic(language):
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
        name="no answer",
        what="a placeholder, an error or a refusal in place of the output, such as nan or None",
        remedy="look for the line in the log of the program that wrote the file",
        has=_only_output(NO_ANSWER),
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
        name="script",
        what="traditional characters against simplified ones, or the other way round",
        remedy="convert outputs and references into one script (OpenCC); no metric takes them as "
        "equal",
        has=_is_in_other_script,
        least_share=LEAST_SHARE,
    ),
    Symptom(
        name="language",
        what="the output is in letters of another script than --language is written in",
        remedy="check the direction, and --language: it chooses the tokens",
        has=lambda text, references, language: is_misfit(text, language),
        least_share=LEAST_SHARE,
    ),
    Symptom(
        name="references: language",
        what="the references are in letters of another script than --language is written in",
        remedy="check --language, which chooses the tokens, and that these are the references",
        has=lambda text, references, language: all(
            is_misfit(reference, language) for reference in references
        ),
        least_share=LEAST_SHARE,
    ),
    Symptom(
        name="marks",
        what="half-width punctuation against full-width, or the other way round",
        remedy="write the punctuation as the references do; each mark is a token",
        has=_has_other_marks,
        least_share=FEW,
    ),
    Symptom(
        name="quotation marks",
        what="straight quotation marks against typographic ones, or the other way round",
        remedy="write the quotation marks as the references do; each is a token",
        has=_has_other_quotes,
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
    """All symptoms: those of SYMPTOMS, then those that only all lines together show."""
    findings = [*(symptom.find(texts) for symptom in SYMPTOMS), *_find_signs(texts)]
    checks = (_lower_cased, _plain_letters, _copied, _constant, _of_other_length)
    findings += [check(texts) for check in checks]
    findings += [_of_references(check, texts) for check in (_lower_cased, _plain_letters)]
    known = [*(finding for finding in findings if finding is not None), *find_affixes(texts)]
    return [
        _with_repair(finding, texts) if finding.name == MOJIBAKE else finding for finding in known
    ]


def _find_signs(texts: Texts) -> Iterator[Finding]:
    """Damage of outputs, of references, and of both, which each counts as a match."""
    outputs = [_names_of_signs(text) for text in texts.hypotheses]
    references = [
        frozenset[str]().union(*map(_names_of_signs, targets)) for targets in texts.references
    ]
    rows = [*zip(outputs, references, strict=True)]
    names = frozenset[str]().union(*outputs, *references)
    for words, where, is_in in SIDES:
        for sign in (sign for sign in SIGNS if sign.name in names):
            positions = tuple(
                index
                for index, (of_output, of_reference) in enumerate(rows)
                if (sign.name in of_output, sign.name in of_reference) == is_in
            )
            is_shared = all(is_in)
            least_share = max(FEW, sign.least_share) if is_shared else sign.least_share
            is_right = is_shared and sign.is_spelling
            if positions and not is_right and len(positions) >= least_share * len(texts):
                remedy = f"{sign.remedy}{'; in both files' if is_shared else ''}"
                yield Finding(f"{where}{sign.name}", f"{sign.what}, {words}", positions, remedy)


@lru_cache(maxsize=20_000)
def _names_of_signs(text: str) -> frozenset[str]:
    """Kept, as all systems of a board have the same references."""
    return frozenset(sign.name for sign in signs_of(text))


def _with_repair(finding: Finding, texts: Texts) -> Finding:
    """The finding with the BLEU of repaired outputs."""
    better = replace(texts, hypotheses=list(map(repaired, texts.hypotheses)))
    values = [score_texts("bleu", version) for version in (better, texts)]
    what = f"{finding.what}; repaired, BLEU is {values[0]:.2f} and not {values[1]:.2f}"
    return replace(finding, what=what)


def _constant(texts: Texts) -> Finding | None:
    """The outputs that are the most frequent text, if half of them are and references are not."""
    counts = Counter(filter(str.strip, texts.hypotheses))
    if not counts:
        return None
    (text, count), *_ = counts.most_common(1)
    usual = max(Counter(targets[0] for targets in texts.references).values())
    if count < max(2, len(texts) / 2, 2 * usual):
        return None
    positions = tuple(index for index, output in enumerate(texts.hypotheses) if output == text)
    return Finding("constant", "one text again and again", positions, "look at the decoding")


def _lower_cased(texts: Texts) -> Finding | None:
    """The lines without a capital letter, if most lines whose references have one are such."""
    return _lost(
        texts,
        _has_capital,
        _is_small,
        name="lower-cased",
        what="no capital letter, where the references have some",
        remedy="score cased outputs, or compare lower-cased numbers with such (case:lc)",
    )


def _plain_letters(texts: Texts) -> Finding | None:
    """The lines whose Latin letters are of ASCII, if most whose references have others are."""
    return _lost(
        texts,
        lambda text: ACCENTED.search(text) is not None,
        lambda text: LETTER.search(text) is not None and not ACCENTED.search(_composed(text)),
        name="plain letters",
        what="no letter with an accent or the like, where the references have some",
        remedy="look for a conversion to ASCII, or an encoding that dropped letters",
    )


def _lost(
    texts: Texts,
    has: Callable[[str], bool],
    lacks: Callable[[str], bool],
    *,
    name: str,
    what: str,
    remedy: str,
) -> Finding | None:
    """The outputs that lack what their references have, if most such outputs do."""
    expected = [
        position
        for position, references in enumerate(texts.references)
        if any(map(has, references)) and texts.hypotheses[position].strip()
    ]
    positions = tuple(position for position in expected if lacks(texts.hypotheses[position]))
    if (
        not positions
        or len(positions) < MOST * len(expected)
        or len(positions) < FEW * len(texts.hypotheses)
    ):
        return None
    return Finding(name, what, positions, remedy)


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _of_references(check: Callable[[Texts], Finding | None], texts: Texts) -> Finding | None:
    """What a check finds in the references, held against the outputs."""
    outputs = [(text,) if text.strip() else targets[:1] for text, targets in _rows(texts)]
    finding = check(
        replace(texts, hypotheses=[targets[0] for targets in texts.references], references=outputs)
    )
    if finding is None:
        return None
    what = finding.what.replace("the references have some", "the outputs have some")
    return replace(finding, name=f"references: {finding.name}", what=f"references: {what}")


def _rows(texts: Texts) -> Iterator[tuple[str, Sequence[str]]]:
    return zip(texts.hypotheses, texts.references, strict=True)


def _has_capital(text: str) -> bool:
    return text.lower() != text


def _is_small(text: str) -> bool:
    return text.lower() == text and text.upper() != text


def _copied(texts: Texts) -> Finding | None:
    """The outputs that are their sources, except where a reference is the source too."""
    if not texts.sources:
        return None
    positions = tuple(
        position
        for position, (text, source) in enumerate(zip(texts.hypotheses, texts.sources, strict=True))
        if text.strip()
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
    lengths = np.array([len(text) for text in texts.hypotheses])
    closest = np.array(
        [
            min(map(len, references), key=lambda size: abs(size - length))
            for length, references in zip(lengths, texts.references, strict=True)
        ]
    )
    ratio = lengths.sum() / closest.sum()
    if LENGTH_RATIOS[0] <= ratio <= LENGTH_RATIOS[1]:
        return None
    is_short = ratio < 1
    ratios = lengths / closest
    is_off = ratios < LINE_RATIOS[0] if is_short else ratios > LINE_RATIOS[1]
    extreme = ratios.argmin() if is_short else ratios.argmax()
    return Finding(
        "length",
        f"all outputs together have {ratio:.2f} of the references' characters",
        tuple(np.flatnonzero(is_off).tolist()) or (int(extreme),),
        "look for outputs that were cut off" if is_short else "look for loops and added text",
    )
