"""Logs of evaluation harnesses as outputs of rows that are ours, matched by their content.

| log | its form |
|---|---|
| lm-evaluation-harness | `samples_<task>_<time>.jsonl`: lines with doc, target and filtered_resps |
| inspect_ai | one .json, or one .eval, a zip archive with a file for each sample |
| HELM | `scenario_state.json`, or `display_predictions.json` and `instances.json` beside it |
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtnlg.errors import DataError
from mtnlg.records.files import open_bytes
from mtnlg.records.rows import Prediction
from mtnlg.text.spelling import verbatim

HELM_INSTANCES = "instances.json"
MAX_NAMED = 3
"""Rows and samples that a message names."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of a log."""

    where: str
    """Its name in messages."""
    output: str
    targets: tuple[str, ...]
    texts: tuple[str, ...]
    """What the model was asked, and the fields of the example: one of them has the source."""


def read_log(path: Path) -> tuple[str, list[Sample]] | None:
    """The harness of a log and its samples; None for any other file. Raises DataError for a log
    that is damaged or has no outputs.
    """
    if not path.is_file():
        return None
    if zipfile.is_zipfile(path):
        names = zipfile.ZipFile(path).namelist()
        is_log = any(name.startswith("samples/") for name in names)
        return ("inspect_ai", list(_packed_samples(path))) if is_log else None
    with open_bytes(path) as stream:
        first = stream.readline().strip()
    record = _parsed(first)
    if isinstance(record, dict) and {"doc", "filtered_resps"} <= record.keys():
        return "lm-evaluation-harness", list(_lm_eval_samples(path))
    if not first.startswith((b"{", b"[")) or path.suffix not in (".json", ".gz"):
        return None
    with open_bytes(path) as stream:
        document = _parsed(stream.read())
    if _is_displayed(document):
        return "HELM", _complete(path, document, _helm_joiner(path))
    if not isinstance(document, dict):
        return None
    if isinstance(states := document.get("request_states"), list):
        return "HELM", _complete(path, states, _helm_sample)
    if isinstance(document.get("eval"), dict) and "samples" in document:
        samples = document["samples"]
        if not isinstance(samples, list):
            raise DataError(f"{path}: a log of inspect_ai without samples; log them, or give .eval")
        return "inspect_ai", _complete(path, samples, _inspect_sample)
    return None


def prompts_digest(samples: Sequence[Sample]) -> str:
    """Eight digits for all that a system was asked, in any order."""
    asked = sorted(json.dumps(sample.texts) for sample in samples)
    return hashlib.sha256("\n".join(asked).encode()).hexdigest()[:8]


def match_outputs(path: Path, samples: Sequence[Sample], rows: Sequence[Prediction]) -> list[str]:
    """The output of each row, in the rows' order: that of the sample with its reference and its
    source. Raises DataError naming rows without a sample, samples without a row, and rows with
    samples that differ.
    """
    by_reference: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        for reference in dict.fromkeys(map(verbatim, row.references)):
            by_reference[reference].append(index)
    sources = [verbatim(row.source) for row in rows]
    outputs: dict[int, Sample] = {}
    strangers = []
    for sample in samples:
        asked = [verbatim(text) for text in sample.texts]
        same = dict.fromkeys(i for t in sample.targets for i in by_reference.get(verbatim(t), ()))
        fitting = _fitting(asked, sources, list(same) or range(len(rows)))
        free = [index for index in fitting if index not in outputs]
        if not fitting:
            strangers.append(sample.where)
        elif free:
            outputs[free[0]] = sample
        elif all(outputs[index].output != sample.output for index in fitting):
            raise DataError(
                f"{path}: {outputs[fitting[0]].where} and {sample.where} are outputs of one row, "
                f"{rows[fitting[0]].id}, and differ; keep one epoch and one filter"
            )
    missing = [row.id for index, row in enumerate(rows) if index not in outputs]
    if missing or strangers:
        faults = (
            _named(missing, len(rows), "rows of the board have no sample", "row"),
            _named(strangers, len(samples), "samples are of no row of the board", "as"),
        )
        raise DataError(
            f"{path}: {' and '.join(filter(None, faults))}; both must be the same test set"
        )
    return [outputs[index].output for index in range(len(rows))]


def _fitting(texts: Sequence[str], sources: Sequence[str], indices: Sequence[int]) -> list[int]:
    """The rows of which one of the texts is the source, or has it: the longest, if several."""
    exact = [index for index in indices if sources[index] in texts]
    if exact:
        return exact
    within = [i for i in indices if any(sources[i] in text for text in texts)]
    longest = max((sources[index] for index in within), key=len, default="")
    return [index for index in within if sources[index] == longest]


def _named(names: Sequence[str], total: int, what: str, word: str) -> str:
    shown = ", ".join(names[:MAX_NAMED]) + (", ..." if len(names) > MAX_NAMED else "")
    return f"{len(names)} of {total} {what} ({word} {shown})" if names else ""


def _lm_eval_samples(path: Path) -> Iterator[Sample]:
    with open_bytes(path) as stream:
        for number, raw in enumerate(stream, start=1):
            if not raw.strip():
                continue
            record = _parsed(raw)
            try:
                (output, *_) = record["filtered_resps"]
                targets = record.get("target")
                asked = list(_strings(record["doc"])) + list(_strings(record.get("arguments")))
                if not isinstance(output, str):
                    raise TypeError("no text")
            except (KeyError, TypeError, ValueError, AttributeError):
                raise DataError(
                    f"{path}:{number}: is no sample with one generated text of "
                    "lm-evaluation-harness; only tasks of generate_until have outputs"
                ) from None
            where = f"line {number}"
            yield Sample(where, output, tuple(_strings(targets)), tuple(asked))


def _complete(path: Path, records: Sequence[object], convert: Any) -> list[Sample]:
    """The samples of records; raises DataError naming the first that is none."""
    samples = []
    for number, record in enumerate(records, start=1):
        try:
            samples.append(convert(f"sample {number}", record))
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise DataError(
                f"{path}: sample {number} has no output ({type(error).__name__}: {error}); "
                "evaluate it again, or remove it"
            ) from None
    return samples


def _inspect_sample(where: str, record: Any) -> Sample:
    message = record["output"]["choices"][0]["message"]["content"]
    output = message if isinstance(message, str) else "".join(_strings_of(message, "text"))
    given = record["input"]
    asked = [given] if isinstance(given, str) else list(_strings_of(given, "content"))
    asked += list(_strings(record.get("metadata")))
    name = f"{where} (id {record['id']})"
    return Sample(name, output, tuple(_strings(record.get("target"))), tuple(asked))


def _helm_sample(where: str, record: Any) -> Sample:
    instance = record["instance"]
    references = instance.get("references", [])
    correct = [item["output"]["text"] for item in references if "correct" in item.get("tags", ())]
    asked = (instance["input"]["text"], record["request"]["prompt"])
    output = record["result"]["completions"][0]["text"]
    return Sample(f"{where} (id {instance.get('id')})", output, tuple(correct), asked)


def _is_displayed(document: Any) -> bool:
    """Whether it is HELM's display_predictions.json."""
    first = document[0] if isinstance(document, list) and document else None
    return isinstance(first, dict) and {"instance_id", "predicted_text"} <= first.keys()


def _helm_joiner(path: Path) -> Callable[[str, Any], Sample]:
    """What makes a sample of a displayed prediction, whose example is in instances.json beside it.
    Raises DataError where that file is missing or damaged.
    """
    examples = path.with_name(HELM_INSTANCES + (".gz" if path.suffix == ".gz" else ""))
    if not examples.is_file():
        raise DataError(
            f"{path}: needs {examples.name} of the same run beside it, which has the sources; put "
            "it there, or give scenario_state.json"
        )
    with open_bytes(examples) as stream:
        document = _parsed(stream.read())
    try:
        instances = {_helm_key(item["id"], item): item for item in document}
    except (KeyError, TypeError):
        raise DataError(f"{examples}: is no list of HELM's instances; copy it again") from None

    def sample(where: str, record: Any) -> Sample:
        key = _helm_key(record["instance_id"], record)
        if key not in instances:
            raise ValueError(f"{examples.name} has no instance {record['instance_id']}")
        completion = {"text": record["predicted_text"]}
        state = {"instance": instances[key], "request": {"prompt": ""}}
        return _helm_sample(where, state | {"result": {"completions": [completion]}})

    return sample


def _helm_key(identity: object, record: Any) -> tuple[str, str]:
    """An instance and how it was perturbed, which together are unique."""
    return str(identity), json.dumps(record.get("perturbation"), sort_keys=True)


def _packed_samples(path: Path) -> Iterator[Sample]:
    """The samples of an .eval file."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if name.startswith("samples/"))
            records = [json.loads(archive.read(name)) for name in names]
    except (NotImplementedError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path}: cannot be unpacked ({error}); write it as .json: "
            "inspect log convert --to json --output-dir DIR FILE"
        ) from None
    yield from _complete(path, records, _inspect_sample)


def _strings(value: object) -> Iterator[str]:
    """All texts in a JSON value."""
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else ():
        yield from _strings(part)
    for part in value if isinstance(value, list) else ():
        yield from _strings(part)


def _strings_of(messages: Sequence[Any], field: str) -> Iterator[str]:
    """The texts in one field of messages or their parts."""
    for message in messages:
        yield from _strings(message.get(field))


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None
