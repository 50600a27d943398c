"""The model card of a folder: what is known of the model, and what is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from mtnlg.inference.prompts import TaskPrompt
from mtnlg.model.folder import read_license
from mtnlg.records.codec import read_record
from mtnlg.records.places import CHAT_TEMPLATE_FILE, TRAINING_FILE
from mtnlg.records.runs import RunRecord, ScoreRecord
from mtnlg.records.scores import read_scores
from mtnlg.records.stages import Training

USAGE = {
    "mtnlg": """from mtnlg import MegatronTuringForConditionalGeneration

model = MegatronTuringForConditionalGeneration.from_pretrained(FOLDER)
print(model.generate(TEXT, task=TASK))""",
    "hf": """from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(FOLDER)
model = AutoModelForCausalLM.from_pretrained(FOLDER)
ids = tokenizer(PROMPT, return_tensors="pt", add_special_tokens=False).input_ids
output = model.generate(ids)[0, ids.shape[1]:]
print(tokenizer.decode(output, skip_special_tokens=True))""",
    "peft": """from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(FOLDER + "/base")
model = AutoModelForCausalLM.from_pretrained(FOLDER + "/base")
model = PeftModel.from_pretrained(model, FOLDER)
ids = tokenizer(PROMPT, return_tensors="pt", add_special_tokens=False).input_ids
output = model.generate(input_ids=ids)[0, ids.shape[1]:]
print(tokenizer.decode(output, skip_special_tokens=True))""",
    "ctranslate2": """import ctranslate2, tokenizers

tokenizer = tokenizers.Tokenizer.from_file(FOLDER + "/tokenizer.json")
tokens = tokenizer.encode(PROMPT, add_special_tokens=False).tokens
generator = ctranslate2.Generator(FOLDER)
(result,) = generator.generate_batch([tokens], include_prompt_in_result=False, max_length=128)
print(tokenizer.decode(result.sequences_ids[0]))""",
    "gguf": """import llama_cpp

model = llama_cpp.Llama(FOLDER + "/model.gguf", n_ctx=0)
tokens = model.tokenize(PROMPT.encode(), add_bos=False, special=True)
print(model.create_completion(tokens, temperature=0)["choices"][0]["text"])""",
}
"""Format -> lines of Python that give an answer."""


def model_card(
    form: str,
    tasks: Mapping[str, TaskPrompt],
    *,
    folder: Path | None,
    name: str,
    run: RunRecord | None,
    artifacts_root: Path,
) -> str:
    """The text of README.md, in Markdown, of a model with these tasks. `folder` is the model folder
    whose records are quoted.
    """
    languages = {
        language
        for prompt in tasks.values()
        for language in (prompt.source_language, prompt.target_language)
    }
    license_name = read_license(folder) if folder else None
    head: dict[str, object] = {"library_name": {"hf": "transformers"}.get(form, form)}
    head |= {"language": sorted(languages)} if languages else {}
    head |= {"license": license_name} if license_name else {}
    lines = ["---", yaml.safe_dump(head, allow_unicode=True, sort_keys=False) + "---"]
    lines += [f"# {run.system if run else name}", "", "## How to use", ""]
    lines += ["```python", USAGE[form], "```", "", *_prompts(form, folder, tasks), "", "## Data"]
    lines += ["", *_data(tasks, run), *_weights(license_name, tasks), "", "## Scores", ""]
    lines += _scores(run, artifacts_root)
    return "\n".join([*lines, "", "## Cost", "", *_cost(folder), ""])


def _prompts(form: str, folder: Path | None, tasks: Mapping[str, TaskPrompt]) -> Iterator[str]:
    if not tasks:
        has_template = folder is not None and (folder / CHAT_TEMPLATE_FILE).is_file()
        wanted = f"that of {CHAT_TEMPLATE_FILE}" if has_template else "not known"
        yield f"It was trained for no task of ours; the form of its prompts is {wanted}."
        return
    if form == "mtnlg":
        yield f"TASK is one of {', '.join(tasks)}; TEXT is the source as it is."
        return
    yield "| task | PROMPT |"
    yield "|---|---|"
    for prompt in tasks.values():
        text = "<sep>TEXT" if prompt.kind.value == "language_modeling" else "TEXT<sep>"
        yield f"| {prompt.name} | `{prompt.marker}{text}` |"


def _data(tasks: Mapping[str, TaskPrompt], run: RunRecord | None) -> Iterator[str]:
    yield f"Trained on: {', '.join(tasks) or 'not known'}."
    known = {title.rpartition("/")[2]: prompt.license for title, prompt in tasks.items()}
    sources = run.sources if run else {name: {} for name in known}
    for name, source in sources.items():
        where = source.get("hub") or source.get("builtin")
        revision = f" at {source['revision']}" if source.get("revision") else ""
        files = "local files, whose sha256 are in run.json" if run else "source not known"
        text = f"{where}{revision}" if where else files
        yield f"- {name}: {text}; license: {known.get(name) or 'not known'}"
    yield ""


def _weights(license_name: str | None, tasks: Mapping[str, TaskPrompt]) -> Iterator[str]:
    """The license of weights that others made."""
    if license_name is not None:
        what = "the weights that the training began with" if tasks else "the weights"
        yield f"License of {what}: {license_name}."
    yield "Look up what is not known before you share this."


def _scores(run: RunRecord | None, artifacts_root: Path) -> Iterator[str]:
    rows = [row for row in run.scores if row.kind == "trained"] if run else []
    if run is None or not rows:
        yield "Not known here: no run that evaluated it was named."
        return
    yield f"Of run {run.run_id}, seed {run.seed}."
    yield ""
    yield "| task | test set | decoding | metric | score | 95 % | n | signature |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in rows:
        subsets = read_scores(row.scores, artifacts_root=artifacts_root)
        if isinstance(subsets, str):
            yield f"| {row.task} | {row.test_set} | {row.decoding} | not known: {subsets} ||||"
            continue
        for name, score in subsets["all"].metrics.items():
            has_interval = score.low is not None and score.high is not None
            interval = f"{score.low:.2f} to {score.high:.2f}" if has_interval else "none"
            yield (
                f"| {row.task} | {row.test_set} | {row.decoding} | {name} | {score.value:.2f} | "
                f"{interval} | {score.num_examples} | `{score.signature}` |"
            )
    yield from ("", "Contamination of the test sets by the training sets:", "")
    yield from map(_contamination, rows)


def _contamination(row: ScoreRecord) -> str:
    counts = row.contamination
    if counts.checked is None:
        return f"- {row.task} {row.test_set}: not looked for"
    return f"- {row.task} {row.test_set}: {counts.flagged} of {counts.checked} ({counts.rule})"


def _cost(folder: Path | None) -> Iterator[str]:
    if folder is None or not (folder / TRAINING_FILE).is_file():
        yield "Not known: the folder has no record of a training."
        return
    training = read_record(folder / TRAINING_FILE, Training)
    yield (
        f"{training.parameters:,} parameters; {training.training_tokens:,} training tokens, "
        f"{training.training_flops:.3g} FLOPs, {training.training_seconds:,.0f} s on "
        f"{training.devices} device(s), {training.peak_memory_bytes / 2**30:.2f} GiB at most."
    )
