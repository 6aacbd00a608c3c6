"""Workflow code is deterministic: no clock, chance, file or process, and nothing that one run leaves to another.

The worker runs workflows without the SDK's sandbox (docs/decisions/0014-determinism-is-checked-in-tests.md). Here all
code is read that workflows run, whatever path a test takes; forbidden is what the SDK's own sandbox forbids.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import pytest
from temporalio.worker.workflow_sandbox import SandboxRestrictions
from temporalio.worker.workflow_sandbox._restrictions import RestrictionContext

ROOT = Path(__file__).parents[2]
_FORBIDDEN = SandboxRestrictions.invalid_module_members_default
_MUTATORS = {*dir(list), *dir(dict), *dir(set)} - {*dir(tuple), *dir(frozenset), *dir(MappingProxyType)}
_RUNNING = RestrictionContext()
_RUNNING.is_runtime = True

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def slips(source: str) -> list[str]:
    """What would make a run differ from its replay, with the line it is in."""
    tree = ast.parse(source)
    imported = {name: target for target, name in _imports(tree)}
    return sorted({f"{line}: {what}" for line, what in (*_outside(tree, imported), *_left_behind(tree, imported))})


def _outside(tree: ast.Module, imported: dict[str, str]) -> Iterator[tuple[int, str]]:
    """Names of what the world answers differently each time."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            first, *rest = _dotted(node).split(".")
            path = [*imported.get(first, f"__builtins__.{first}").split("."), *rest]
            used = [path, [*path, "__call__"]] if len(path) > 1 else []
            if any(_FORBIDDEN.match_access(_RUNNING, *each, include_use=True) for each in used):
                yield node.lineno, _dotted(node)


def _left_behind(tree: ast.Module, imported: dict[str, str]) -> Iterator[tuple[int, str]]:
    """What functions change in a module or a class: the next run would find it changed, a replay would not."""
    shared = imported.keys() | {"cls"} | {name for statement in tree.body for name in _bound(statement)}
    shared -= {name for name, target in imported.items() if target == "temporalio.workflow"}  # its update() is none
    for function in ast.walk(tree):
        if not isinstance(function, Function):
            continue
        own = {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)} - {"cls"}
        theirs = shared - own - {name for node in ast.walk(function) if node is not function for name in _bound(node)}
        for node in ast.walk(function):
            if isinstance(node, ast.Global):
                yield node.lineno, f"global {', '.join(node.names)}"
            elif isinstance(node, ast.expr) and (changed := _changed(node)).split(".")[0] in theirs:
                yield node.lineno, f"changes {changed}"


def _changed(node: ast.expr) -> str:
    """The name of what ``node`` changes in place; "" if it changes nothing."""
    if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
        return _dotted(node.value)
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Name) and node.func.id in ("next", "setattr") and node.args:
        return _dotted(node.args[0])
    if isinstance(node.func, ast.Attribute) and node.func.attr in _MUTATORS:
        return _dotted(node.func.value)
    return ""


def _bound(node: ast.AST) -> Iterator[str]:
    """Names that ``node`` itself gives a value."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        yield from (
            name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        )


def _dotted(node: ast.AST) -> str:
    """``a.b`` of ``a.b``, ``a.b[0]`` and ``a.b().c``; "" of what begins with no name."""
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            inner = _dotted(node.value)
            return f"{inner}.{node.attr}" if inner else ""
        case ast.Subscript():
            return _dotted(node.value)
    return ""


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """What is imported, and the name it has here."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.name, alias.asname) if alias.asname else (alias.name.split(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom):
            assert node.module
            for alias in node.names:
                yield f"{node.module}.{alias.name}", alias.asname or alias.name


def _run_by_workflows() -> dict[str, str]:
    """Source by module: all of ``workflows/``, and what it imports of the domain; not activities, which it names."""
    sources = {}
    for path in (*ROOT.glob("workflows/*.py"), *ROOT.glob("billing/**/*.py")):
        sources[".".join(path.relative_to(ROOT).with_suffix("").parts)] = path.read_text()
    found: set[str] = set()
    waiting = {name for name in sources if name.startswith("workflows.")}
    while waiting:
        found |= waiting
        targets = [target for name in waiting for target, _ in _imports(ast.parse(sources[name]))]
        modules = {each for target in targets for each in (target, target.rpartition(".")[0])}
        waiting = (modules & sources.keys()) - found
    return {name: sources[name] for name in sorted(found)}


MODULES = _run_by_workflows()


def test_all_that_workflows_run_is_read() -> None:
    assert {"workflows.monthly_billing", "workflows.value_loop", "workflows.options"} <= MODULES.keys()
    assert {
        "billing.invoices.month",
        "billing.invoices.review",
        "billing.customers.schedule",
        "billing.money",
        "billing.collections.dunning",
    } <= MODULES.keys()


@pytest.mark.parametrize("module", MODULES)
def test_workflow_code_is_deterministic(module: str) -> None:
    assert slips(MODULES[module]) == []


@pytest.mark.parametrize(
    "line",
    [
        "def f(): return datetime.now(UTC)",
        "def f(): return dt.datetime.utcnow()",
        "class Late(Model): at: datetime = Field(default_factory=datetime.now)",
        "def f(): return time.monotonic() + 1",
        "def f(): return random.choice([1, 2])",
        "def f(): return draw(1, 6)",
        "def f(): return uuid4().hex",
        "def f(): return os.environ['TZ']",
        "def f(): return open('sheet.csv')",
        "async def f(): await asyncio.wait([])",
    ],
)
def test_what_the_world_answers_differently_is_found(line: str) -> None:
    head = (
        "import asyncio, os, random, time\nimport datetime as dt\nfrom datetime import UTC, datetime\n"
        "from random import randint as draw\nfrom uuid import uuid4\n"
    )
    assert len(slips(head + line)) == 1
    assert (
        slips(f"{head}from temporalio import workflow\nasync def f(): await asyncio.sleep(workflow.random().random())")
        == []
    )


@pytest.mark.parametrize(
    "line",
    [
        "def f(): global count; count = 1",
        "def f(name): SEEN.append(name)",
        "def f(name): TABLE[name] = 1",
        "def f(name): TABLE['names'].update(name)",
        "def f(name): del TABLE[name]",
        "def f(): return next(NUMBERS)",
        "def f(month): Month.count += 1",
        "class Late:\n    @classmethod\n    def f(cls): cls.seen.add(1)",
        "def f(): options.RETRY = None",
    ],
)
def test_what_one_run_leaves_to_another_is_found(line: str) -> None:
    head = (
        "from itertools import count\nfrom workflows import options\n"
        "SEEN, TABLE, NUMBERS = [], {}, count()\nclass Month: count = 0\n"
    )
    assert len(slips(head + line)) == 1
    assert (
        slips(f"{head}def f(SEEN, names):\n    SEEN.append(1)\n    found = {{}}\n    found[names] = TABLE[names]") == []
    )
