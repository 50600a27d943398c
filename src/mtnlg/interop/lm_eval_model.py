"""A model folder of ours as a model of lm-evaluation-harness:

python -m mtnlg.interop.lm_eval_model --model mtnlg --model_args pretrained=FOLDER --tasks TASK

A trained folder is asked as in training: the text of a document becomes the source of the task
`task=kind/name` in model_args (none: the folder's default). A folder that was converted from
weights of others continues texts, and has its own chat template (--apply_chat_template).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model

from mtnlg.config import DecodingConfig, TaskKind
from mtnlg.errors import ConfigError
from mtnlg.inference.prompting import before_end, is_past_end, render_chat
from mtnlg.inference.prompts import TaskPrompt, read_tasks
from mtnlg.inference.text_generator import TextGenerator
from mtnlg.model import load_model
from mtnlg.records.places import CHAT_TEMPLATE_FILE, TASKS_FILE
from mtnlg.tokenization.tokenizer import TOKENIZER_FILE, TextTokenizer

DEFAULT_LENGTH = 256
"""New tokens where a task sets no max_gen_toks, as in lm-evaluation-harness."""
KNOWN = ("until", "max_gen_toks", "do_sample", "temperature", "top_p", "top_k", "num_beams")


@register_model("mtnlg")
class MtnlgLM(LM):  # type: ignore[misc]
    """As LM has it: generate_until, loglikelihood and loglikelihood_rolling."""

    def __init__(
        self, pretrained: str, task: str | None = None, batch_tokens: int = 16_384, **unused: Any
    ) -> None:
        super().__init__()
        names = sorted(set(unused) - {"batch_size", "max_batch_size", "device"})
        if names:
            raise ConfigError(f"--model_args {names[0]}: known are pretrained, task, batch_tokens")
        folder = Path(pretrained)
        model, tokenizer = load_model(folder), TextTokenizer.load(folder / TOKENIZER_FILE)
        self._generator = TextGenerator(model.eval(), tokenizer)
        self._batch_tokens = int(batch_tokens)
        self._task = _find_task(folder, task)
        template = folder / CHAT_TEMPLATE_FILE
        self._template = template.read_text(encoding="utf-8") if template.is_file() else None
        self._has_start = True

    @property
    def tokenizer_name(self) -> str:
        """A name of the chat template's tokenizer, for caches."""
        return "mtnlg"

    def chat_template(self, chat_template: bool | str = False) -> str:
        """The template; raises ConfigError where there is none."""
        if self._template is None:
            raise ConfigError("--apply_chat_template: the folder has no chat template")
        return self._template

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """A conversation as one text, in which special tokens stand for themselves."""
        self._has_start = False  # the template writes its own
        return render_chat(self.chat_template(), chat_history)

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """The continuation of each context, up to the first of its ends."""
        outputs = [""] * len(requests)
        groups: dict[str, list[int]] = {}
        for index, request in enumerate(requests):
            groups.setdefault(repr(request.args[1]), []).append(index)
        for indices in groups.values():
            settings = requests[indices[0]].args[1]
            given = settings.get("until") or ()
            until = [given] if isinstance(given, str) else given
            decoding = _decoding(settings, self._batch_tokens)
            contexts = [requests[index].args[0] for index in indices]
            texts = self._generate(contexts, decoding, until)
            for index, text in zip(indices, texts, strict=True):
                outputs[index] = before_end(text, until)
        return outputs

    def loglikelihood(
        self, requests: list[Any], disable_tqdm: bool = False
    ) -> list[tuple[float, bool]]:
        """The log-probability of each continuation, and whether greedy search would give it."""
        return [self._score(*self._sequence(*request.args)) for request in requests]

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:
        """The log-probability of each text, in windows of the context."""
        if self._task is not None and self._task.kind is not TaskKind.language_modeling:
            raise ConfigError(f"{self._task.name}: gives no likelihood to a text without a source")
        totals = []
        for request in requests:
            ids = self._generator.tokenizer.encode(request.args[0])
            start, _ = self._sequence("", "x")
            room = self._generator.model.config.context_length - len(start)
            windows = [ids[at : at + room] for at in range(0, len(ids), room)]
            begin = start[:-1] or [self._generator.tokenizer.end_id]
            totals.append(sum(self._score([*begin, *part], len(begin))[0] for part in windows))
        return totals

    def _generate(
        self, contexts: list[str], decoding: DecodingConfig, until: Sequence[str]
    ) -> list[str]:
        if self._task is not None:
            generated = self._generator.generate(contexts, self._task, decoding)
            return [alternatives[0] for alternatives in generated.texts]
        from mtnlg.generation.constraints import TextRules
        from mtnlg.generation.engine import generate

        room = self._generator.model.config.context_length - decoding.max_new_tokens
        prompts = [self._ids(context)[-room:] for context in contexts]  # as the harness cuts them
        tokenizer = self._generator.tokenizer

        def is_complete(ids: Sequence[int]) -> bool:
            return is_past_end(tokenizer.decode(ids), until)

        outputs = generate(
            self._generator.model,
            prompts,
            eos_id=tokenizer.end_id,
            config=decoding,
            forbidden_ids=self._generator.forbidden_ids,
            rules=TextRules(is_complete=is_complete if until else None),
        )
        return [tokenizer.decode(alternatives[0].ids) for alternatives in outputs]

    def _ids(self, text: str) -> list[int]:
        ids = self._generator.tokenizer.encode_prompt(text, has_start=self._has_start)
        return ids or [self._generator.tokenizer.end_id]

    def _sequence(self, context: str, continuation: str) -> tuple[list[int], int]:
        """Context and continuation as ids, without an end, and the length of the context."""
        tokenizer = self._generator.tokenizer
        if self._task is not None:
            source, target = tokenizer.encode(context), tokenizer.encode(continuation)
            ids, prefix = self._generator.prompts.sequence(source, target, self._task)
            return ids[:-1].tolist(), prefix
        prompt = self._ids(context)
        whole = (
            self._ids(context + continuation) if context else [*prompt, *self._ids(continuation)]
        )
        return whole, min(len(prompt), len(whole) - 1)

    @torch.inference_mode()
    def _score(self, ids: list[int], prefix: int) -> tuple[float, bool]:
        """The log-probability of the ids after the prefix, and whether each is the likeliest."""
        longest = self._generator.model.config.context_length
        cut = max(len(ids) - 1 - longest, 0)
        given = torch.tensor([ids[cut:]])
        first = prefix - cut
        states = self._generator.model.states(
            given[:, :-1],
            prefix_lengths=torch.tensor([first]),
            label_index=torch.arange(first - 1, given.shape[1] - 1),
        )
        logits = self._generator.model.logits(states).float().log_softmax(-1)
        labels = given[0, first:]
        chosen = logits.gather(1, labels[:, None])[:, 0]
        return float(chosen.double().sum()), bool((logits.argmax(-1) == labels).all())


def _find_task(folder: Path, name: str | None) -> TaskPrompt | None:
    """The task of a trained folder; None for a converted one."""
    if not (folder / TASKS_FILE).is_file():
        if name is not None:
            raise ConfigError(f"--model_args task={name}: {folder} has no {TASKS_FILE}")
        return None
    tasks, default = read_tasks(folder / TASKS_FILE)
    if (name or default) not in tasks:
        raise ConfigError(f"--model_args task={name}: {folder} knows {', '.join(sorted(tasks))}")
    return tasks[name or default]


def _decoding(settings: dict[str, Any], batch_tokens: int) -> DecodingConfig:
    """generation_kwargs of a task as ours; raises ConfigError for one that has no equal."""
    for name in settings:
        if name not in KNOWN:
            raise ConfigError(f"generation_kwargs has {name}; known: {', '.join(KNOWN)}")
    given: dict[str, Any] = {
        "max_new_tokens": int(settings.get("max_gen_toks", DEFAULT_LENGTH)),
        "batch_tokens": batch_tokens,
    }
    if settings.get("do_sample"):
        sampled = ("temperature", "top_p", "top_k")
        given |= {"strategy": "sampling"}
        given |= {name: settings[name] for name in sampled if settings.get(name)}
    elif settings.get("num_beams", 1) > 1:
        given |= {"strategy": "beam", "num_beams": settings["num_beams"]}
    return DecodingConfig(**given)


if __name__ == "__main__":
    from lm_eval.__main__ import cli_evaluate

    sys.exit(cli_evaluate())
