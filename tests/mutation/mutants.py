"""Small faults of a source file: those of mutmut, and drops and swaps that it does not make.

Left out is what no result on one machine can show: the words of a message, the device of a tensor,
the encoding of a file, the `strict` of a zip over what is of one length.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libcst as cst
import libcst.matchers as m
from mutmut.mutation.file_mutation import Mutation, MutationVisitor, get_ignored_lines
from mutmut.mutation.mutators import mutation_operators

MESSAGES = {"say", "warn", "warning", "info", "print"}
UNSEEN_ARGUMENTS = {"device", "strict", "encoding", "repr"}
CONVERSIONS = {"list", "tuple", "int", "float", "str", "bool", "iter", "Path", "dict", "frozenset"}
"""Calls that often change nothing but a type."""
PAIRS = (("any", "all"), ("min", "max"), ("floor", "ceil"))
OPPOSITES = {**dict(PAIRS), **{right: left for left, right in PAIRS}}

Faults = Iterator[cst.CSTNode]


def _drop(node: cst.CSTNode) -> Faults:
    """A statement that does nothing; a docstring does nothing already."""
    if not m.matches(node, m.Expr(m.SimpleString() | m.ConcatenatedString())):
        yield cst.Pass()


def _swap(node: cst.Name) -> Faults:
    if node.value in OPPOSITES:
        yield node.with_changes(value=OPPOSITES[node.value])


def _either_side(node: cst.BinaryOperation | cst.BooleanOperation) -> Faults:
    yield from (node.left, node.right)


def _always_or_never(node: cst.If | cst.CompIf) -> Faults:
    yield from (node.with_changes(test=cst.Name(value)) for value in ("True", "False"))


def _without_an_end(node: cst.Slice) -> Faults:
    ends = [end for end in ("lower", "upper") if getattr(node, end) is not None]
    yield from (node.with_changes(**{end: None}) for end in ends)


def _argument_alone(node: cst.Call) -> Faults:
    is_plain = len(node.args) == 1 and not node.args[0].star and node.args[0].keyword is None
    if is_plain and not (isinstance(node.func, cst.Name) and node.func.value in CONVERSIONS):
        yield node.args[0].value


def _without_an_element(node: cst.Tuple | cst.List | cst.Set | cst.Dict) -> Faults:
    for index in range(len(node.elements)):
        kept = [*node.elements[:index], *node.elements[index + 1 :]]
        if len(kept) > 1 or isinstance(node, cst.Dict | cst.List):
            yield node.with_changes(elements=kept)


OPERATORS: Sequence[tuple[type, Callable[[Any], Any]]] = (
    *mutation_operators,
    *((kind, _drop) for kind in (cst.Raise, cst.Return, cst.Continue, cst.Expr)),
    *((kind, _either_side) for kind in (cst.BinaryOperation, cst.BooleanOperation)),
    *((kind, _always_or_never) for kind in (cst.If, cst.CompIf)),
    *((kind, _without_an_element) for kind in (cst.Tuple, cst.List, cst.Set, cst.Dict)),
    *((cst.Name, _swap), (cst.Slice, _without_an_end), (cst.Call, _argument_alone)),
)


@dataclass(frozen=True)
class Fault:
    """One change of one file."""

    path: Path
    code: str
    """The whole file, changed."""
    lines: range
    """Of the statement that it changes."""

    def diff(self, root: Path) -> str:
        before, after = self.path.read_text(encoding="utf-8").splitlines(), self.code.splitlines()
        changes = [*difflib.unified_diff(before, after, lineterm="", n=0)][2:]
        return "\n".join([str(self.path.relative_to(root)), *changes])


def draw(paths: Sequence[Path], *, count: int, seed: int) -> tuple[list[Fault], int]:
    """The first faults in the order of a hash of the seed and of what they change, so that an edit
    elsewhere draws the same ones; and how many were left out.
    """
    modules = {path: cst.MetadataWrapper(cst.parse_module(path.read_bytes())) for path in paths}
    ordered: list[tuple[str, Path, Mutation]] = []
    num_left_out = 0
    for path, wrapper in modules.items():
        visitor = MutationVisitor(OPERATORS, get_ignored_lines(str(path), "", wrapper))
        wrapper.visit(visitor)
        unseen = _unseen(wrapper.module)
        repeats: Counter[tuple[str, str]] = Counter()
        for mutation in visitor.mutations:
            nodes = (mutation.original_node, mutation.mutated_node)
            if id(nodes[0]) in unseen or _differs_unseen(*nodes):
                num_left_out += 1
                continue
            before, after = (wrapper.module.code_for_node(node) for node in nodes)
            repeats[before, after] += 1
            change = json.dumps([seed, path.name, before, after, repeats[before, after]])
            ordered.append((hashlib.sha256(change.encode()).hexdigest(), path, mutation))
    faults: list[Fault] = []
    for _, path, mutation in sorted(ordered, key=lambda entry: entry[0]):
        fault = _apply(path, modules[path].module, mutation) if len(faults) < count else None
        faults += [] if fault is None else [fault]
    return faults, num_left_out


def _unseen(module: cst.Module) -> set[int]:
    """Ids of the nodes of messages, and of what only type checkers read."""
    is_message = m.MatchIfTrue(MESSAGES.__contains__)
    said = m.Name(is_message) | m.Attribute(attr=m.Name(is_message))
    sentence = m.SimpleString(m.MatchIfTrue(lambda text: text.count(" ") > 1))
    typing = m.If(test=m.Name("TYPE_CHECKING"))
    arguments = m.Arg(keyword=m.Name(m.MatchIfTrue(UNSEEN_ARGUMENTS.__contains__)))
    found = m.findall(module, m.Raise() | m.Call(func=said) | typing)
    nodes = [child for node in found for child in node.children]
    exported = m.Assign(targets=[m.AssignTarget(m.Name("__all__"))])
    nodes += m.findall(module, sentence | typing | arguments | exported)
    asserts = m.findall(module, m.Assert())
    nodes += [node.msg for node in asserts if isinstance(node, cst.Assert) and node.msg]
    ids: set[int] = set()
    while nodes:
        ids.add(id(node := nodes.pop()))
        nodes += node.children
    return ids


def _differs_unseen(before: cst.CSTNode, after: cst.CSTNode) -> bool:
    """Whether a call differs in an unseen argument alone."""
    if not isinstance(before, cst.Call) or not isinstance(after, cst.Call):
        return False
    kept = {id(argument) for argument in after.args}
    changed = [argument.keyword for argument in before.args if id(argument) not in kept]
    return bool(changed) and all(name and name.value in UNSEEN_ARGUMENTS for name in changed)


def _apply(path: Path, module: cst.Module, mutation: Mutation) -> Fault | None:
    """None where Python reads the same, or nothing."""
    changed = module.deep_replace(mutation.original_node, mutation.mutated_node)  # type: ignore[arg-type]
    before, after = module.code, changed.code  # type: ignore[union-attr]
    tree = ast.parse(before)
    try:
        compile(after, str(path), "exec")
        if ast.dump(tree) == ast.dump(ast.parse(after)):
            return None
    except SyntaxError:
        return None
    lines = zip(before.splitlines(), after.splitlines(), strict=False)
    first = next((number for number, (old, new) in enumerate(lines, 1) if old != new), 1)
    spans = [
        range(node.lineno, node.body[0].lineno if hasattr(node, "body") else node.end_lineno + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.end_lineno is not None
    ]
    around = [span for span in spans if first in span]
    return Fault(path, after, min(around, key=len, default=range(first, first + 1)))
