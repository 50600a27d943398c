"""An endpoint with OpenAI's API: chat completions, or completions for prompts that are one text.

Each answer is a file under the hash of its URL and request, written as soon as it is there: a run
that was interrupted asks only for what is missing.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import logging
import os
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtnlg.config import DecodingConfig, EndpointConfig, PromptFormat
from mtnlg.errors import ArtifactError, ConfigError, EndpointError
from mtnlg.inference.prompting import Prompting
from mtnlg.inference.systems import Answers, OnProgress, check_mapped, check_strategy
from mtnlg.records.files import JsonObject, JsonValue, read_json, write_json

logger = logging.getLogger(__name__)

KEY_VARIABLE = "OPENAI_API_KEY"
"""The environment variable with the key; nothing records it."""
TEMPORARY = (408, 409, 425, 429, 500, 502, 503, 504, 529)
"""Statuses after which the same request may work."""
MAX_STOPS = 4
"""Texts of `until` that the API takes; outputs are cut at all of them in any case."""
MAX_WAIT_SECONDS = 600.0
MAPPED = ("temperature", "top_p", "seed")


def check_endpoint(
    decoding: DecodingConfig, prompt_format: PromptFormat | None, *, system: str
) -> None:
    """Raise ConfigError for settings that the API does not have."""
    check_strategy(decoding, ("greedy", "sampling"), system=system)
    check_mapped(decoding, MAPPED, system=system)
    if prompt_format is PromptFormat.source:
        raise ConfigError(
            f"prompt_format=source: system={system} is asked by instructions; use chat or text"
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of an endpoint."""

    text: str
    is_refusal: bool
    is_unfinished: bool
    prompt_tokens: int | None
    output_tokens: int | None


class Endpoint:
    """A base URL and a model there."""

    usual_format = PromptFormat.chat
    chat_template = None
    num_parameters = None

    def __init__(self, url: str, model: str, settings: EndpointConfig, answers: Path) -> None:
        self._url, self._model, self._settings, self._answers = url, model, settings, answers
        self._begins = _Begins(settings.requests_per_minute)
        self._is_over = Pause()
        self._lock = threading.Lock()
        self._num_requests = 0

    def answer(
        self,
        sources: Sequence[str],
        prompting: Prompting,
        decoding: DecodingConfig,
        on_progress: OnProgress,
    ) -> Answers:
        """As System has it. Equal prompts are asked once. Raises EndpointError where an answer
        does not come; those that came are kept.
        """
        requests = [self._request(source, prompting, decoding) for source in sources]
        keys = [self._key(request) for request in requests]
        unique, counts = dict(zip(keys, requests, strict=True)), Counter(keys)
        known = {key: answer for key in unique if (answer := self._kept(key)) is not None}
        on_progress(sum(counts[key] for key in known))
        missing = {key: request for key, request in unique.items() if key not in known}
        with ThreadPoolExecutor(self._settings.concurrency) as pool:
            waiting = {
                pool.submit(self._ask, key, request): key for key, request in missing.items()
            }
            try:
                for done in as_completed(waiting):
                    known[waiting[done]] = done.result()
                    on_progress(counts[waiting[done]])
            except BaseException:
                self._is_over.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        answers = [known[key] for key in keys]
        if without := sum(answer.output_tokens is None for answer in answers):
            logger.warning(f"{without} of {len(answers)} answers came without counts of tokens")
        return Answers(
            prompts=[_shown(request) for request in requests],
            texts=[answer.text for answer in answers],
            num_tokens=sum(answer.output_tokens or 0 for answer in answers),
            num_prompt_tokens=sum(answer.prompt_tokens or 0 for answer in answers),
            num_unfinished=sum(answer.is_unfinished for answer in answers),
            num_requests=self._num_requests,
            num_cached=len(unique) - len(missing),
            num_refusals=sum(answer.is_refusal for answer in answers),
        )

    def _request(self, source: str, prompting: Prompting, decoding: DecodingConfig) -> JsonObject:
        """What is sent for one source."""
        is_greedy = decoding.strategy == "greedy"
        request: JsonObject = {"model": self._model, "max_tokens": decoding.max_new_tokens}
        request["temperature"] = 0 if is_greedy else decoding.temperature
        if not is_greedy:
            request |= {"top_p": decoding.top_p, "seed": decoding.seed}
        assert prompting.instruction is not None, "prompts of an endpoint have instructions"
        if until := prompting.instruction.generation_kwargs.until:
            request["stop"] = list[JsonValue](until[:MAX_STOPS])
        if prompting.format is PromptFormat.chat:
            messages: list[JsonValue] = [{**message} for message in prompting.messages(source)]
            return {**request, "messages": messages}
        return {**request, "prompt": prompting.text(source)}

    def _key(self, request: JsonObject) -> str:
        content = json.dumps([self._url, request], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()

    def _file(self, key: str) -> Path:
        return self._answers / key[:2] / f"{key}.json"

    def _kept(self, key: str) -> Answer | None:
        """An answer that is there already; None where it is missing or damaged."""
        try:
            response = read_json(self._file(key), is_sealed=True)["response"]
            return parse_answer(response)
        except (ArtifactError, ValueError, KeyError):
            return None

    def _ask(self, key: str, request: JsonObject) -> Answer:
        """The answer to a request, which is written down."""
        number, most = 0, self._settings.max_retries
        while True:
            self._begins.wait(self._is_over)
            if self._is_over.is_set():
                raise EndpointError("not asked, since another request failed")
            with self._lock:
                self._num_requests += 1
            try:
                response, answer = self._post(request)
                break
            except _TemporaryError as error:
                if number == most:
                    raise EndpointError(
                        f"system=openai/{self._url}/{self._model}: {error} after {most + 1} "
                        "attempts; the same command goes on with the answers that are there"
                    ) from None
                wait = error.wait_seconds
                seconds = 2.0**number if wait is None else min(wait, MAX_WAIT_SECONDS)
                logger.debug(f"{error}; asked again in {seconds:g} s")
                self._is_over.wait(seconds)
                number += 1
        document = {"url": self._url, "request": request, "response": response}
        write_json(self._file(key), document, is_sealed=True)
        return answer

    def _post(self, request: JsonObject) -> tuple[JsonObject, Answer]:
        """What the endpoint says to a request, and the answer in it; raises _TemporaryError where
        it may work later.
        """
        path = "chat/completions" if "messages" in request else "completions"
        headers = {"Content-Type": "application/json", "User-Agent": "mtnlg"}
        if key := os.environ.get(KEY_VARIABLE):
            headers["Authorization"] = f"Bearer {key}"
        body = json.dumps(request).encode()
        asked = urllib.request.Request(f"{self._url}/{path}", body, headers)
        try:
            with urllib.request.urlopen(asked, timeout=self._settings.timeout_seconds) as stream:
                content = stream.read()
        except urllib.error.HTTPError as error:
            refusal = self._refused(error, path)
            return refusal, parse_answer(refusal)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise _TemporaryError(f"no answer ({type(error).__name__}: {reason})") from None
        try:
            response: JsonObject = json.loads(content)
            return response, parse_answer(response)
        except ValueError:
            start = content[:80].decode("utf-8", "replace")
            raise _TemporaryError(f"the answer is no completion ({start!r})") from None

    def _refused(self, error: urllib.error.HTTPError, path: str) -> JsonObject:
        """The answer of an error that refuses the content; raises for any other error."""
        content = error.read().decode("utf-8", "replace")
        words = " ".join(content.split())[:200]
        if error.code == 400 and "content_filter" in content:
            return {"refusal": words}
        if error.code in TEMPORARY:
            given = error.headers.get("Retry-After", "")
            wait = float(given) if given.replace(".", "", 1).isdecimal() else None
            raise _TemporaryError(f"HTTP {error.code} ({words})", wait)
        remedy = f"set {KEY_VARIABLE}" if error.code in (401, 403) else "look at URL and model"
        raise EndpointError(
            f"system=openai/{self._url}/{self._model}: HTTP {error.code} of {path} ({words}); "
            f"{remedy}"
        )


def parse_answer(response: object) -> Answer:
    """The first choice of a completion; raises ValueError where there is none."""
    if not isinstance(response, dict):
        raise ValueError("no object")
    if isinstance(response.get("refusal"), str):
        return Answer("", True, False, 0, 0)
    choices, usage = response.get("choices"), response.get("usage")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        raise ValueError("no choice")
    message = choice.get("message")
    message = message if isinstance(message, dict) else {"content": choice.get("text")}
    reason, text = choice.get("finish_reason"), message.get("content")
    is_refusal = reason == "content_filter" or bool(message.get("refusal"))
    if not isinstance(text, str):
        if not is_refusal:
            raise ValueError("no text")
        text = ""
    counts: Mapping[str, Any] = usage if isinstance(usage, dict) else {}
    return Answer(
        "" if is_refusal else text,
        is_refusal,
        reason == "length",
        _count(counts.get("prompt_tokens")),
        _count(counts.get("completion_tokens")),
    )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _shown(request: JsonObject) -> str:
    """A prompt as a text."""
    prompt = request.get("prompt")
    return (
        prompt if isinstance(prompt, str) else json.dumps(request["messages"], ensure_ascii=False)
    )


class _TemporaryError(Exception):
    """No usable answer, but a later attempt may give one."""

    def __init__(self, message: str, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class Pause(threading.Event):
    """Set once all is over; until then, what waits are made of."""


class _Begins:
    """When the next request may begin."""

    def __init__(self, per_minute: float | None) -> None:
        self._seconds = 60 / per_minute if per_minute else 0.0
        self._lock, self._next = threading.Lock(), 0.0

    def wait(self, is_over: Pause) -> None:
        """Wait for the turn of one request, or until all is over."""
        with self._lock:
            now = time.monotonic()
            turn = max(self._next, now)
            self._next = turn + self._seconds
        if turn > now:
            is_over.wait(turn - now)
