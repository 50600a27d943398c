"""Endpoints with OpenAI's API. Oracle: a local server that the test starts, which keeps what it was
asked, and answers or fails as the test says.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mtnlg.config import (
    DecodingConfig,
    EndpointConfig,
    GenerationKwargs,
    InstructionConfig,
    PromptFormat,
    TaskKind,
)
from mtnlg.errors import EndpointError
from mtnlg.inference.endpoint import Endpoint
from mtnlg.inference.prompting import Prompting
from mtnlg.inference.prompts import TaskPrompt
from mtnlg.inference.systems import Answers

TASK = TaskPrompt("translation/captions", TaskKind.translation, "en", "de", "<x>")
INSTRUCTION = InstructionConfig(
    doc_to_text="Q: {{source}}", generation_kwargs=GenerationKwargs(until=["\n"])
)
SOURCES = ["a dog", "a cat", "a dog", "a fox"]
Reply = tuple[int, dict[str, str], bytes]


def completion(text: str | None, **choice: Any) -> Reply:
    body = {
        "choices": [{"message": {"content": text}, "finish_reason": "stop", **choice}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3},
    }
    return 200, {}, json.dumps(body).encode()


def echo(request: dict[str, Any]) -> Reply:
    return completion(request["messages"][-1]["content"].upper())


class Server:
    """A server on a free port; `reply` says what it answers."""

    def __init__(self) -> None:
        self.reply: Callable[[dict[str, Any]], Reply] = echo
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                request = json.loads(content)
                outer.requests.append(request)
                outer.headers.append(dict(self.headers))
                outer.paths.append(self.path)
                status, headers, body = outer.reply(request)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits before another attempt, which the test does not sit through."""
    seconds: list[float] = []

    def wait(self: threading.Event, timeout: float | None = None) -> bool:
        seconds.append(timeout or 0.0)
        return self.is_set()

    monkeypatch.setattr("mtnlg.inference.endpoint.Pause.wait", wait)
    return seconds


def ask(
    url: str,
    folder: Path,
    *,
    chosen: PromptFormat = PromptFormat.chat,
    sources: list[str] = SOURCES,
    decoding: DecodingConfig | None = None,
    **settings: Any,
) -> Answers:
    endpoint = Endpoint(url, "m", EndpointConfig(**{"max_retries": 2, **settings}), folder)
    prompting = Prompting(chosen, TASK, INSTRUCTION)
    asked = decoding or DecodingConfig(max_new_tokens=9)
    return endpoint.answer(sources, prompting, asked, lambda done: None)


def test_each_prompt_is_asked_once_and_counted(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")

    answers = ask(server.url, tmp_path)

    assert answers.texts == ["Q: A DOG", "Q: A CAT", "Q: A DOG", "Q: A FOX"]
    assert (answers.num_requests, answers.num_cached, answers.num_refusals) == (3, 0, 0)
    assert (answers.num_prompt_tokens, answers.num_tokens) == (4 * 7, 4 * 3)
    assert server.paths == ["/v1/chat/completions"] * 3
    assert all(headers["Authorization"] == "Bearer secret" for headers in server.headers)
    assert {"model": "m", "max_tokens": 9, "temperature": 0, "stop": ["\n"]}.items() <= (
        server.requests[0].items()
    )
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 3
    assert not any(b"secret" in path.read_bytes() for path in files)


def test_answers_are_kept_and_asked_for_again_only_where_damaged(
    server: Server, tmp_path: Path
) -> None:
    first = ask(server.url, tmp_path)
    next(tmp_path.rglob("*.json")).write_text("{")
    server.requests.clear()

    again = ask(server.url, tmp_path)

    assert again.texts == first.texts
    assert (len(server.requests), again.num_requests, again.num_cached) == (1, 1, 2)


def test_texts_are_completed_and_samples_have_their_seed(server: Server, tmp_path: Path) -> None:
    server.reply = lambda request: (
        200,
        {},
        json.dumps({"choices": [{"text": request["prompt"][::-1]}]}).encode(),
    )
    decoding = DecodingConfig(strategy="sampling", temperature=0.5, top_p=0.9, seed=4)

    answers = ask(server.url, tmp_path, chosen=PromptFormat.text, decoding=decoding)

    assert answers.texts[0] == "Q: a dog"[::-1]
    assert answers.num_tokens == 0
    assert server.paths[0] == "/v1/completions"
    sampled = {"temperature": 0.5, "top_p": 0.9, "seed": 4}
    assert sampled.items() <= server.requests[0].items()


def test_busy_endpoint_is_asked_again_after_as_long_as_it_says(
    server: Server, tmp_path: Path, waits: list[float]
) -> None:
    replies = [(429, {"Retry-After": "17"}, b"slow down"), (503, {}, b""), completion("yes")]
    server.reply = lambda request: replies[len(server.requests) - 1]

    answers = ask(server.url, tmp_path, sources=["a dog"])

    assert answers.texts == ["yes"]
    assert answers.num_requests == 3
    assert [seconds for seconds in waits if seconds > 0] == [17.0, 2.0]


def test_requests_begin_at_their_rate(server: Server, tmp_path: Path, waits: list[float]) -> None:
    ask(server.url, tmp_path, requests_per_minute=1.0, concurrency=1)

    turns = [seconds for seconds in waits if seconds > 1]
    assert len(turns) == 2
    assert 50 < turns[0] <= 60 < turns[1] <= 120


@pytest.mark.parametrize(
    "reply",
    [
        completion(None, message={"content": None, "refusal": "no"}),
        completion("x", finish_reason="content_filter"),
        (400, {}, b'{"error": {"code": "content_filter", "message": "no"}}'),
    ],
)
def test_refusals_are_counted_and_empty(reply: Reply, server: Server, tmp_path: Path) -> None:
    server.reply = lambda request: reply

    answers = ask(server.url, tmp_path)

    assert answers.texts == ["", "", "", ""]
    assert answers.num_refusals == 4
    assert ask(server.url, tmp_path).num_refusals == 4
    assert len(server.requests) == 3


def test_answers_that_the_limit_ended_are_counted(server: Server, tmp_path: Path) -> None:
    server.reply = lambda request: completion("half of", finish_reason="length")

    assert ask(server.url, tmp_path).num_unfinished == 4


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ((200, {}, b"<html>hello"), r"the answer is no completion \('<html>hello'\) after 3 att"),
        ((200, {}, b'{"choices": []}'), "the answer is no completion .* after 3 attempts"),
        ((200, {}, b'{"choices": [{"message": {"content": 3}}]}'), "the answer is no completion"),
        ((200, {"Content-Length": "999"}, b'{"choi'), r"no answer \(IncompleteRead: .*after 3"),
        ((500, {}, b"oops\nand more"), r"HTTP 500 \(oops and more\) after 3 attempts; the same"),
        ((401, {}, b"no key"), r"HTTP 401 of chat/completions \(no key\); set OPENAI_API_KEY"),
        ((404, {}, b"no model"), r"HTTP 404 of .* \(no model\); look at URL and model"),
    ],
)
def test_broken_endpoint_is_one_line_and_the_next_command_goes_on(
    reply: Reply, message: str, server: Server, tmp_path: Path
) -> None:
    def broken(request: dict[str, Any]) -> Reply:
        return reply if "fox" in str(request) else echo(request)

    server.reply = broken

    with pytest.raises(EndpointError, match=message) as raised:
        ask(server.url, tmp_path, concurrency=1)

    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith(f"system=openai/{server.url}/m: ")
    assert len(list(tmp_path.rglob("*.json"))) == 2
    server.reply = echo
    server.requests.clear()
    assert ask(server.url, tmp_path).texts[3] == "Q: A FOX"
    assert len(server.requests) == 1


def test_endpoint_that_is_down_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(EndpointError, match=r"no answer .* after 3 attempts; the same command"):
        ask("http://127.0.0.1:9/v1", tmp_path)

    assert not list(tmp_path.rglob("*.json"))
