"""The test sets of a run as tasks of lm-evaluation-harness: a YAML file and the rows of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.records.files import write_jsonl, write_text
from mtnlg.records.places import TRAIN, artifact_folder, rows_file
from mtnlg.records.rows import read_rows
from mtnlg.records.runs import RunRecord

METRICS = ("bleu", "chrf")
"""The harness's own names of corpus metrics."""
VERSION = 1.0


def write_tasks(
    record: RunRecord, config: dict[str, Any], folder: Path, *, artifacts_root: Path
) -> list[str]:
    """Write <task>_<test set>.yaml for --include_path, and the rows that it names; returns the
    names of the tasks. Raises ConfigError where the folder is not empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"--to {folder}: is not empty; give a new folder")
    names = []
    for task, settings in config["tasks"].items():
        rows = artifact_folder(artifacts_root, "rows", record.artifacts.rows.get(task, ""))
        languages = {
            "source_language": settings["source_language"],
            "target_language": settings["target_language"] or settings["source_language"],
        }
        splits = {TRAIN: TRAIN} if settings["train_split"] else {}
        for split in (*splits, *settings["test_sets"]):
            path = rows / rows_file(split)
            if not path.is_file():
                raise ArtifactError(f"{path}: no such file; run the experiment again")
            folder.mkdir(parents=True, exist_ok=True)
            documents = (row.to_json() | languages for row in read_rows(path))
            write_jsonl(folder / f"{task}_{split}.jsonl", documents)
        for test_set in settings["test_sets"]:
            document = task_document(task, test_set, settings, config["decoding"], folder)
            text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
            write_text(folder / f"{document['task']}.yaml", text)
            names.append(document["task"])
    return names


def task_document(
    task: str, test_set: str, settings: dict[str, Any], decoding: dict[str, Any], folder: Path
) -> dict[str, Any]:
    """The harness's YAML of one test set. The source alone is the text of a document where no
    system was asked by an instruction, as a trained model of ours needs it.
    """
    instruction = settings.get("instruction") or {"doc_to_text": "{{source}}"}
    kwargs = instruction.get("generation_kwargs", {"until": []})
    files = {"test": str(folder.resolve() / f"{task}_{test_set}.jsonl")}
    names = ("description", "target_delimiter", "fewshot_delimiter", "num_fewshot")
    document: dict[str, Any] = {
        "task": f"{task}_{test_set}",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": files},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": instruction["doc_to_text"],
        "doc_to_target": "{{references[0]}}",
        **{name: instruction[name] for name in names if name in instruction},
        "generation_kwargs": {
            "until": kwargs["until"] or ["\n\n\n"],
            "do_sample": False,
            "max_gen_toks": decoding["max_new_tokens"],
        },
        "metric_list": [{"metric": name} for name in METRICS],
        "metadata": {"version": VERSION},
    }
    if settings["train_split"]:
        files[TRAIN] = str(folder.resolve() / f"{task}_{TRAIN}.jsonl")
        document["fewshot_split"] = TRAIN
    return document
