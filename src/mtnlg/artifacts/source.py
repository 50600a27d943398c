"""The code that makes an artifact, as one hash: a function, and the modules that it runs.

Imports are followed within a package, those inside functions too. Comments, docstrings and layout
do not count; the data file beside a module (`world.yaml`, `world.py`) does. A process reads each
file once: a file that is edited meanwhile has another hash in the next process, and this one
refuses to import it.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from functools import cache, partial
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import resolve_name
from pathlib import Path
from typing import Any, NamedTuple

from mtnlg.errors import ArtifactError
from mtnlg.plugins import UsedRow
from mtnlg.records.files import read_json, write_json

OUR_PACKAGE = __name__.partition(".")[0]
WITHOUT_EFFECT = {
    f"{OUR_PACKAGE}.{name}"
    for name in (
        *("artifacts.source", "artifacts.store", "errors", "plugins"),
        *("process.progress", "process.signals", "config.foreign_names"),
    )
}
"""Modules that put nothing into an artifact: they say where it is, why it fails, how far it is."""
CHOICES = {
    f"{OUR_PACKAGE}.{name}"
    for name in (
        *("config", "experiment.compose", "experiment.naming"),
        "evaluation.metrics.registry",
    )
}
"""Modules that list what runs choose from. Each run counts only what it uses of them, so that a new
setting of another stage, or a new metric, changes no key.
"""
DATA_ENDING = ".yaml"
HASH_LENGTH = 16
"""Hexadecimal digits of a hash: 64 bits."""
FACTS_FILE = "source_facts.json"
MAX_FACTS = 4_000
"""Entries of the facts file; a process that would write more keeps only those it added."""


@dataclass(frozen=True)
class Code:
    """What runs to make an artifact."""

    function: Callable[..., object]
    """The function of a stage, which imports what it needs."""
    packages: tuple[str, ...] = ()
    """Installed packages whose release can change a result."""
    rows: tuple[UsedRow, ...] = ()
    """Rows of tables that the stage uses."""

    def digest(self, cache_folder: Path) -> str:
        """One hash of all this code; the folder keeps what was parsed for later processes."""
        _load_facts(cache_folder / FACTS_FILE)
        facts, reached = _function_facts(self.function), self._reached()
        _save_facts(cache_folder / FACTS_FILE)
        lines = [facts.digest, *(f"{name} {reached[name].digest}" for name in sorted(reached))]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:HASH_LENGTH]

    @property
    def modules(self) -> list[str]:
        """The names of all modules that it runs."""
        return sorted(self._reached())

    @property
    def plugins(self) -> list[str]:
        """Name and release of each other package that has rows in it."""
        return sorted({row.package for row in self.rows if row.package is not None})

    def load(self) -> None:
        """Import all modules; raises ArtifactError where a file changed since it was hashed."""
        new = [name for name in self.modules if name not in sys.modules]
        for name in new:
            importlib.import_module(name)
        paths = (path for name in new if (path := _path_of(name)))
        require_unchanged({file: _text(file) for path in paths for file in _files(path)})

    def _reached(self) -> dict[str, _Facts]:
        modules = frozenset[str]().union(*(_modules_of(row) for row in self.rows))
        return _closure(_function_facts(self.function).imports, modules)


class _Import(NamedTuple):
    """One name that a module imports."""

    module: str
    """With dots before it where it is relative."""
    name: str | None
    """None: the module itself."""
    bound_to: str


class _Facts(NamedTuple):
    """What counts of a module, or of a function and the definitions beside it that it names."""

    digest: str
    imports: tuple[_Import, ...]


def require_unchanged(texts: Mapping[Path, bytes]) -> None:
    """Raise ArtifactError if one of these files has another text by now."""
    for path, text in texts.items():
        if path.read_bytes() != text:
            raise ArtifactError(
                f"{path}: was changed while this run works; "
                "the same command starts with the new code"
            )


def _modules_of(used: UsedRow) -> set[str]:
    """The modules of its package that define the functions of a row."""
    package = _package_of(used.module or OUR_PACKAGE)

    def homes(part: object) -> set[str]:
        if is_dataclass(part) and not isinstance(part, type):
            parts = [getattr(part, field.name) for field in fields(part)]
        elif isinstance(part, partial):
            parts = [part.func, *part.args, *part.keywords.values()]
        else:
            home = str(getattr(part, "__module__", "")) if callable(part) else ""
            return {home} if _package_of(home) == package else set()
        return set[str]().union(*map(homes, parts))

    return homes(used.row) | ({used.module} if used.module else set())


@cache
def _closure(imports: tuple[_Import, ...], modules: frozenset[str]) -> dict[str, _Facts]:
    """Name -> facts of all modules that these lead to in our package and those of the modules."""
    packages = {OUR_PACKAGE, *map(_package_of, modules)}
    reached: dict[str, _Facts] = {}
    waiting = [*modules, *_targets(imports, OUR_PACKAGE, packages)]
    while waiting:
        name = waiting.pop()
        path = _path_of(name)
        if path is None or name in reached or name in WITHOUT_EFFECT | CHOICES:
            continue
        reached[name] = _facts(path)
        importer = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting += _targets(reached[name].imports, importer, packages)
    return reached


def _targets(imports: Iterable[_Import], importer: str, packages: set[str]) -> Iterator[str]:
    for item in imports:
        module = resolve_name(item.module, importer)
        if _package_of(module) in packages:
            yield _defining_module(module, item.name)


def _defining_module(module: str, name: str | None) -> str:
    """Where a name imported from a module is defined: a package may only pass it on."""
    path = _path_of(module)
    if name is None or path is None:
        return module
    if path.name == "__init__.py":
        for item in _facts(path).imports:
            if item.bound_to == name:
                return _defining_module(resolve_name(item.module, module), item.name)
    submodule = f"{module}.{name}"
    return module if _path_of(submodule) is None else submodule


def _package_of(module: str) -> str:
    return module.partition(".")[0]


def _path_of(module: str) -> Path | None:
    """The Python file of a module whose package is imported; None where there is none."""
    spec = _spec(module)
    is_source = spec is not None and spec.origin is not None and spec.origin.endswith(".py")
    return Path(str(spec.origin)) if spec is not None and is_source else None


@cache
def _spec(module: str) -> ModuleSpec | None:
    """Where a module lies; it is not imported for that."""
    package = module.rpartition(".")[0]
    if not package:
        return getattr(sys.modules.get(module), "__spec__", None)
    parent = _spec(package)
    if parent is None or parent.submodule_search_locations is None:
        return None
    return PathFinder.find_spec(module, parent.submodule_search_locations)


_texts: dict[Path, bytes] = {}


def _text(path: Path) -> bytes:
    """The text of a file as it was when this process first asked for it."""
    if path not in _texts:
        _texts[path] = path.read_bytes()
    return _texts[path]


def _files(path: Path) -> list[Path]:
    """The file of a module, and its data file where it has one."""
    data = path.with_suffix(DATA_ENDING)
    return [path, data] if data.is_file() else [path]


@cache
def _function_facts(function: Callable[..., object]) -> _Facts:
    path = _path_of(function.__module__)
    assert path is not None, f"{function} is in no file"
    return _facts(path, function.__qualname__)


def _definitions(name: str, body: list[ast.stmt]) -> list[ast.stmt]:
    """The definitions of a module that a name leads to, and the imports that bind those names."""
    defined = {bound: statement for statement in body for bound in _bound_names(statement)}
    names, waiting = set[str](), [name]
    while waiting:
        name = waiting.pop()
        if name in defined and name not in names:
            names.add(name)
            walk = ast.walk(defined[name])
            waiting += [node.id for node in walk if isinstance(node, ast.Name)]
    kept: list[ast.stmt] = []
    for statement in body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            statement.names = [item for item in statement.names if _bound_to(item) in names]
            kept += [statement] if statement.names else []
        elif names.intersection(_bound_names(statement)):
            kept.append(statement)
    return kept


def _bound_names(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return [_bound_to(item) for item in statement.names]
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
    return [node.id for node in names if isinstance(node.ctx, ast.Store)]


def _bound_to(item: ast.alias) -> str:
    return item.asname or item.name.partition(".")[0]


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[_Import]:
    if isinstance(node, ast.Import):
        return (_Import(item.name, None, _bound_to(item)) for item in node.names)
    module = "." * node.level + (node.module or "")
    return (_Import(module, item.name, _bound_to(item)) for item in node.names)


def _normalized(node: object, imports: list[_Import]) -> str:
    """A syntax tree as text, equal in each release of Python, without lone strings (docstrings);
    its imports are added to the list.
    """
    if isinstance(node, list):
        items = [_normalized(item, imports) for item in node if not _is_lone_text(item)]
        return f"[{','.join(items)}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    if isinstance(node, ast.Import | ast.ImportFrom):
        imports += _imported(node)
    parts = []
    for name in node._fields:  # ast.iter_fields takes twice the time
        value = getattr(node, name, None)
        if value is not None and value != []:
            parts.append(f"{name}={_normalized(value, imports)}")
    return f"{type(node).__name__}({','.join(parts)})"


def _is_lone_text(node: object) -> bool:
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


_known: dict[str, _Facts] = {}
"""By the digest of a text and the name of a function, if of one: no edit makes them untrue."""
_new: set[str] = set()
"""The keys that this process added."""


@cache
def _facts(path: Path, function: str = "") -> _Facts:
    """The facts of a module, or of one of its functions."""
    texts = [_text(file) for file in _files(path)]
    key = f"{hashlib.sha256(b''.join(texts)).hexdigest()} {function}"
    if key not in _known:
        code, *data = texts
        body = ast.parse(code).body
        if function:
            body = _definitions(function, body)
        imports: list[_Import] = []
        content = _normalized(body, imports).encode() + b"".join(data)
        digest = hashlib.sha256(content).hexdigest()
        _known[key] = _Facts(digest, tuple(imports))
        _new.add(key)
    return _known[key]


@cache
def _load_facts(file: Path) -> None:
    """Take over what earlier processes parsed with this same version of this module."""
    with suppress(ArtifactError, ValueError, KeyError, TypeError):
        document: Any = read_json(file, is_sealed=True)
        if document["made_by"] == _version():
            for key, (digest, imports) in document["facts"].items():
                _known[key] = _Facts(digest, tuple(_Import(*item) for item in imports))


def _save_facts(file: Path) -> None:
    if not _new:
        return
    facts = _known if len(_known) < MAX_FACTS else {key: _known[key] for key in _new}
    with suppress(OSError):  # it only saves time
        write_json(file, {"made_by": _version(), "facts": facts}, is_sealed=True)
        _new.clear()


def _version() -> str:
    return hashlib.sha256(_text(Path(__file__))).hexdigest()
