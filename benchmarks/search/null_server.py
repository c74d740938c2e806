"""A model without intelligence: a server on this machine that answers with random changes of what it is shown.

    python benchmarks/search/null_server.py [--port 8765] [--seed 0]
    gapsmith run PROBLEM --model openai:null --base-url http://127.0.0.1:8765/v1 --calls 150

It speaks OpenAI's Chat Completions and Responses. Each answer is the last Python program of the prompt with one
to three random changes of its syntax tree; whatever a search wins with it, the search has won, not the model.

Example: python benchmarks/search/null_server.py --port 8765 --seed 1
"""

import argparse
import ast
import copy
import hashlib
import json
import re
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any

TRIES = 40
_FENCE = re.compile(r"^(`{3,})python[^\n]*\n(.*?)^\1[ \t]*$", re.DOTALL | re.MULTILINE)

ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div)
ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
EQUALITY = (ast.Eq, ast.NotEq)
LOGIC = (ast.And, ast.Or)
OPPOSITES = (
    *(("min", "max"), ("argmin", "argmax"), ("minimum", "maximum"), ("sum", "mean"), ("floor", "ceil")),
    *(("any", "all"), ("cumsum", "cumprod"), ("zeros", "ones"), ("sqrt", "square"), ("exp", "log1p")),
)
CALLS = {a: b for pair in OPPOSITES for a, b in (pair, pair[::-1])}

Function = ast.FunctionDef
Change = Callable[[], object]
Record = dict[str, Any]


# Changes: each kind yields all places where it can be made


def constants(function: Function, rng: Random) -> Iterator[Change]:
    """Another number for a number."""
    for node in ast.walk(function):
        if not isinstance(node, ast.Constant) or isinstance(node.value, bool):
            continue
        if isinstance(node.value, int | float):
            yield partial(setattr, node, "value", _number(node.value, rng))


def operators(function: Function, rng: Random) -> Iterator[Change]:
    """Another operator of the same family."""
    for node in ast.walk(function):
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ARITHMETIC):
            yield partial(setattr, node, "op", _other(node.op, ARITHMETIC, rng))
        elif isinstance(node, ast.BoolOp):
            yield partial(setattr, node, "op", _other(node.op, LOGIC, rng))
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], (*ORDER, *EQUALITY)):
            family = ORDER if isinstance(node.ops[0], ORDER) else EQUALITY
            yield partial(setattr, node, "ops", [_other(node.ops[0], family, rng), *node.ops[1:]])


def deletions(function: Function, rng: Random) -> Iterator[Change]:
    """A statement less, but the last one of the function, without which nothing could be changed any more."""
    for block in _blocks(function):
        left = _statements(block)
        for statement in left if block is not function.body or len(left) > 1 else ():
            yield partial(_take_out, block, statement)


def copies(function: Function, rng: Random) -> Iterator[Change]:
    """A statement once more, at another place of the function."""
    blocks = list(_blocks(function))
    for block in blocks:
        for statement in _statements(block):
            yield partial(_put_in, rng.choice(blocks), statement, rng)


def moves(function: Function, rng: Random) -> Iterator[Change]:
    """A statement at another place of its block."""
    for block in _blocks(function):
        for statement in _statements(block) if len(block) > 1 else ():
            yield partial(_move, block, statement, rng)


def names(function: Function, rng: Random) -> Iterator[Change]:
    """A variable in place of another."""
    scope = sorted(_bound(function))
    called = {id(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in called:
            others = [name for name in scope if name != node.id]
            if node.id in scope and others:
                yield partial(setattr, node, "id", rng.choice(others))


def conditions(function: Function, rng: Random) -> Iterator[Change]:
    """The opposite of a condition."""
    for node in ast.walk(function):
        if isinstance(node, ast.If | ast.While | ast.IfExp):
            yield partial(setattr, node, "test", ast.UnaryOp(ast.Not(), node.test))


def calls(function: Function, rng: Random) -> Iterator[Change]:
    """A related function in place of one that is called."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            field = "id" if isinstance(node.func, ast.Name) else "attr"
            if (other := CALLS.get(getattr(node.func, field, ""))) is not None:
                yield partial(setattr, node.func, field, other)


# A constant and an operator are what most blind changes of formulas are; the rest comes as it comes.
KINDS = (*(constants, constants, operators, operators), *(deletions, copies, moves, names, conditions, calls))


def mutated(source: str, rng: Random) -> str:
    """The program with one to three random changes: always Python, never the same syntax tree.

    Args:
        source: a module whose functions are changed; names of functions and arguments stay.
        rng: all randomness.

    Raises:
        SyntaxError: the source is no Python.
        ValueError: it has no function that does anything.
    """
    before = ast.dump(ast.parse(source))
    for _ in range(TRIES):
        tree = ast.parse(source)
        for _ in range(rng.randint(1, 3)):
            _change(tree, rng)
        text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
        if _compiles(text) and ast.dump(ast.parse(text)) != before:
            return text
    raise ValueError(f"found nothing to change in {len(source)} characters of code; expected a function")


def _change(tree: ast.Module, rng: Random) -> None:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    # Long functions are changed as much more often as they are longer.
    weights = [sum(1 for _ in ast.walk(function)) for function in functions]
    for kind in rng.sample(KINDS, len(KINDS)):
        function = rng.choices(functions, weights)[0] if functions else None
        if function and (places := list(kind(function, rng))):
            rng.choice(places)()
            return


def _number(value: float, rng: Random) -> float:
    if type(value) is int:
        return rng.choice((value + 1, value - 1, 2 * value, value // 2, -value, rng.randint(0, 10)))
    return rng.choice((value * rng.uniform(0.5, 2.0), value * rng.uniform(0.9, 1.1), -value, rng.random()))


def _other(node: ast.AST, family: tuple[type[ast.AST], ...], rng: Random) -> ast.AST:
    return rng.choice([kind for kind in family if not isinstance(node, kind)])()


def _blocks(function: Function) -> Iterator[list[ast.stmt]]:
    """All lists of statements of a function, without those of functions inside it."""
    waiting: list[ast.AST] = [function]
    while waiting:
        node = waiting.pop()
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block:
                yield block
                waiting += [s for s in block if not isinstance(s, ast.FunctionDef | ast.ClassDef)]


def _statements(block: list[ast.stmt]) -> list[ast.stmt]:
    """Those that do something, without docstrings; all of them where none does."""
    return [s for s in block if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))] or block


def _take_out(block: list[ast.stmt], statement: ast.stmt) -> None:
    block.remove(statement)
    if not block:
        block.append(ast.Pass())


def _put_in(block: list[ast.stmt], statement: ast.stmt, rng: Random) -> None:
    block.insert(rng.randint(0, len(block)), copy.deepcopy(statement))


def _move(block: list[ast.stmt], statement: ast.stmt, rng: Random) -> None:
    _take_out(block, statement)
    _put_in(block, statement, rng)


def _bound(function: Function) -> set[str]:
    arguments = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    stored = (n for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    return arguments | {node.id for node in stored}


def _compiles(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            compile(text, "candidate", "exec")
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


# The server


@dataclass(frozen=True)
class Question:
    """What was asked: the part that is the same for all questions of a run, and the one that changes."""

    system: str
    prompt: str


def shown_program(text: str, entry: str) -> str:
    """The last Python program in a text that defines the entry point; empty where there is none."""
    defines = re.compile(rf"^def {entry}\b", re.MULTILINE)
    for _, code in reversed(_FENCE.findall(text)):
        if defines.search(code) and _compiles(code):
            return str(code)
    return ""


def entry_of(system: str) -> str:
    """The name of the function that is asked for, as a pattern; any name where the system prompt names none."""
    found = re.search(r"^def (\w+)\(", system, re.MULTILINE)
    return found[1] if found else r"\w+"


class NullServer:
    """Serves on 127.0.0.1 from its making until it is closed. Use it in a `with` statement.

    The answer depends on the seed, the prompt, and how often this prompt came before, not on the order in which
    different prompts come; only a prompt without a program gets a change of the one that was shown last.

    Args:
        seed: of all answers.
        port: 0 takes a free one.
    """

    def __init__(self, seed: int = 0, port: int = 0) -> None:
        self._seed, self._seen, self._lock = seed, Counter[str](), threading.Lock()
        self._latest = ""
        self._http = _Http(("127.0.0.1", port), _Handler)
        self._http.answer = self.answer
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    @property
    def url(self) -> str:
        """Base URL for OpenAI's SDK."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def answer(self, question: Question) -> str:
        """The changed program in a fence, and two lines of text, as a model is asked for."""
        digest = hashlib.sha256(f"{question.system}\0{question.prompt}".encode()).hexdigest()
        entry = entry_of(question.system)
        with self._lock:
            self._seen[digest] += 1
            rng = Random(f"{self._seed}/{digest}/{self._seen[digest]}")
            self._latest = shown_program(question.prompt, entry) or self._latest
            # At the very beginning there may be nothing but the empty function of the system prompt.
            program = self._latest or shown_program(question.system, entry)
        text = mutated(program, rng)
        return f"```python\n{text}```\nMechanism: a random change.\nExpected to fail: anywhere.\n"

    def close(self) -> None:
        """Ends the server."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> "NullServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _chat_question(body: Mapping[str, Any]) -> Question:
    texts = {message["role"]: message["content"] for message in body["messages"]}
    return Question(texts.get("system", ""), texts["user"])


def _responses_question(body: Mapping[str, Any]) -> Question:
    return Question(body.get("instructions", ""), body["input"])


def _chat_body(text: str, name: str, tokens: tuple[int, int]) -> Record:
    message = {"role": "assistant", "content": text, "refusal": None}
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    choice = {"index": 0, "finish_reason": "stop", "logprobs": None, "message": message}
    top = {"id": "null", "object": "chat.completion", "created": 0, "model": name}
    return {**top, "choices": [choice], "usage": usage}


def _responses_body(text: str, name: str, tokens: tuple[int, int]) -> Record:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    message = {
        "type": "message",
        "id": "message",
        "role": "assistant",
        "status": "completed",
        "content": content,
    }
    usage = {
        "input_tokens": tokens[0],
        "output_tokens": tokens[1],
        "total_tokens": sum(tokens),
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    top = {"id": "null", "object": "response", "created_at": 0, "model": name, "status": "completed"}
    return {**top, "error": None, "incomplete_details": None, "output": [message], "usage": usage}


_WAYS: dict[str, tuple[Callable[[Mapping[str, Any]], Question], Callable[..., Record]]] = {
    "/v1/chat/completions": (_chat_question, _chat_body),
    "/v1/responses": (_responses_question, _responses_body),
}


class _Http(ThreadingHTTPServer):
    daemon_threads = True  # a client may keep its connection open for ever
    answer: Callable[[Question], str]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet a response: headers and body in two would wait for the client's delayed acknowledgement.
    wbufsize = -1
    server: _Http

    def do_POST(self) -> None:
        """Answers a question."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path not in _WAYS:
            self._send(404, {"error": {"message": f"found no {self.path}; expected one of {list(_WAYS)}"}})
            return
        read, write = _WAYS[self.path]
        question = read(body)
        try:
            text = self.server.answer(question)
        except (ValueError, SyntaxError) as error:
            self._send(400, {"error": {"message": str(error)}})
            return
        words = len(question.system.split()) + len(question.prompt.split()), len(text.split())
        self._send(200, write(text, body["model"], words))

    def _send(self, status: int, body: Record) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def main() -> None:
    """Serves until it is interrupted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with NullServer(given.seed, given.port) as server:
        print(server.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
