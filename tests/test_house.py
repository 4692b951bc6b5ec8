"""The house rules no linter knows.  Each failure says what to do."""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from dashboard.benchmark.measures import MEASURES
from dashboard.jobs.kinds import KINDS
from dashboard.nav import PAGES
from dashboard.outcomes import DECIDED
from dashboard.seeding.sources import SOURCES
from db.distance import Distance
from db.indexes import METHODS

ROOT = Path(__file__).resolve().parents[1]
PAGE_LINES = 120
MODULE_LINES = 300
FUNCTION_LINES = 60
NOT_IMPORTED = {"pytest"}
"""In requirements.in for `make test` after a plain ``pip install -r requirements.txt``."""

Lines = Iterator[int]


def python_files(*folders: str) -> list[str]:
    return sorted(
        path.relative_to(ROOT).as_posix() for folder in folders for path in (ROOT / folder).rglob("*.py")
    )


APPLICATION = python_files("dashboard", "db", "pages", "migrations")
OUTSIDE_DB = python_files("dashboard", "pages")


def tree_of(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text(), file)


# What each rule looks for: from a syntax tree, the lines that break it.


def composed_sql(tree: ast.Module) -> Lines:
    """Statements built by f-string, %, + or .format() where one is made or sent."""
    takes_sql = {"text", "DDL", "SQL", "execute", "executemany", "exec_driver_sql", "copy_expert", "mogrify"}
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[first, *_]) if (
                name in takes_sql and _is_composed(first)
            ):
                yield node.lineno


def _is_composed(node: ast.expr) -> bool:
    match node:
        case ast.JoinedStr(values=values):
            return any(isinstance(value, ast.FormattedValue) for value in values)
        case ast.BinOp(left=left, op=ast.Mod() | ast.Add()):
            return isinstance(left, ast.JoinedStr | ast.Constant) or _is_composed(left)
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str()), attr="format")):
            return True
    return False


def driver_or_text(tree: ast.Module) -> Lines:
    """Imports that lead to SQL written by hand: the driver, and SQLAlchemy's text()."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names) if any(_top(alias.name) == "psycopg2" for alias in names):
                yield node.lineno
            case ast.ImportFrom(module=str(module)) if _top(module) == "psycopg2":
                yield node.lineno
            case ast.ImportFrom(module=str(module), names=names) if _top(module) == "sqlalchemy":
                if any(alias.name == "text" for alias in names):
                    yield node.lineno
            case ast.Attribute(value=ast.Name(id="sqlalchemy" | "sa"), attr="text"):
                yield node.lineno


def engine_made(tree: ast.Module) -> Lines:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id="create_engine") | ast.Attribute(attr="create_engine"):
                yield node.lineno


def streamlit_memory(tree: ast.Module) -> Lines:
    """Streamlit's caches and session."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) if name.startswith("cache_") or name == "session_state":
                yield node.lineno
            case ast.ImportFrom(module=str(module), names=names) if _top(module) == "streamlit":
                if any(a.name.startswith("cache_") or a.name == "session_state" for a in names):
                    yield node.lineno


def unsafe_html(tree: ast.Module) -> Lines:
    for node in ast.walk(tree):
        match node:
            case ast.keyword(arg="unsafe_allow_html"):
                yield node.value.lineno
            case ast.Attribute(value=ast.Name(id="st"), attr="html"):
                yield node.lineno


def environment_read(tree: ast.Module) -> Lines:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "getenv"):
                yield node.lineno


def _top(module: str) -> str:
    return module.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Rule:
    look_for: Callable[[ast.Module], Lines]
    files: list[str]
    remedy: str
    exempt: str = ""


RULES = [
    # The timed loop alone sends vectors as text of its own making: binding them would be measured too.
    Rule(composed_sql, APPLICATION, "bind values, and compose names with SQLAlchemy Core", "db/timing.py"),
    Rule(driver_or_text, OUTSIDE_DB, "ask a function under db/, the only place that speaks SQL"),
    Rule(engine_made, APPLICATION, "take a db.engine.Database, the one door", "db/engine.py"),
    Rule(streamlit_memory, OUTSIDE_DB, "add a function to dashboard/ui/state.py", "dashboard/ui/state.py"),
    Rule(unsafe_html, OUTSIDE_DB, "let the theme and the elements carry the look"),
    Rule(environment_read, APPLICATION, "add a field to Settings", "dashboard/settings.py"),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.look_for.__name__)
def test_nobody_breaks_the_rule(rule: Rule) -> None:
    assert rule.files
    assert not rule.exempt or list(rule.look_for(tree_of(rule.exempt))), "The exemption is no longer needed."
    broken = [
        f"{file}:{line}"
        for file in rule.files
        if file != rule.exempt
        for line in rule.look_for(tree_of(file))
    ]
    assert not broken, f"{rule.look_for.__name__} at {', '.join(broken)}: {rule.remedy}."


@pytest.mark.parametrize(
    ("look_for", "guilty"),
    [
        (composed_sql, "connection.execute(f'DROP TABLE {name}')"),
        (composed_sql, "text('SELECT %s' % name)"),
        (composed_sql, "cursor.execute('SELECT ' + name + ' FROM t')"),
        (composed_sql, "sqlalchemy.text('SELECT {}'.format(name))"),
        (driver_or_text, "import psycopg2.extras"),
        (driver_or_text, "from psycopg2 import sql"),
        (driver_or_text, "from sqlalchemy import Connection, text"),
        (driver_or_text, "sqlalchemy.text('SELECT 1')"),
        (engine_made, "from sqlalchemy import create_engine\nengine = create_engine(url)"),
        (streamlit_memory, "@st.cache_data\ndef rows(): ..."),
        (streamlit_memory, "st.session_state.k = 10"),
        (streamlit_memory, "from streamlit import cache_resource"),
        (unsafe_html, "st.markdown(title, unsafe_allow_html=True)"),
        (unsafe_html, "st.html('<b>')"),
        (environment_read, "os.environ['DATABASE_URL']"),
    ],
)
def test_a_rule_sees_what_breaks_it(look_for: Callable[[ast.Module], Lines], guilty: str) -> None:
    assert list(look_for(ast.parse(guilty)))


@pytest.mark.parametrize(
    ("look_for", "innocent"),
    [
        (composed_sql, "connection.execute(select(table.c.id))"),
        (composed_sql, "cursor.execute(sql.SQL('COPY {} FROM STDIN').format(sql.Identifier(name)))"),
        (composed_sql, "text('SELECT a' ' FROM t')"),
        (driver_or_text, "st.text(title)"),
        (driver_or_text, "from sqlalchemy import Connection"),
        (streamlit_memory, "from functools import cache"),
    ],
)
def test_a_rule_lets_the_rest_pass(look_for: Callable[[ast.Module], Lines], innocent: str) -> None:
    assert not list(look_for(ast.parse(innocent)))


def test_every_page_is_in_the_navigation_and_every_entry_has_its_page() -> None:
    files = {path.name for path in (ROOT / "pages").glob("*.py")}
    entries = [page.file for page in PAGES]
    assert len(entries) == len(set(entries))
    assert files == set(entries), "A page is one file in pages/ and one line in dashboard.nav.PAGES."


@pytest.mark.parametrize("file", APPLICATION)
def test_a_file_can_be_read_in_one_sitting(file: str) -> None:
    lines = len((ROOT / file).read_text().splitlines())
    bound = PAGE_LINES if file.startswith("pages/") else MODULE_LINES
    assert lines <= bound, (
        f"{file} has {lines} lines, over {bound}: it does two things; give the second a module."
    )


@pytest.mark.parametrize("file", APPLICATION)
def test_a_function_fits_on_a_screen(file: str) -> None:
    long = [
        f"{node.name} ({length} lines)"
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES
    ]
    assert not long, f"{file}: {', '.join(long)}: over {FUNCTION_LINES}; name its steps."


def third_party_imports(files: list[str]) -> set[str]:
    own = {"dashboard", "db", "migrations", "pages", "tests"}
    modules = {_top(name) for file in files for name in _imported(tree_of(file))}
    return modules - own - sys.stdlib_module_names


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module


def required(file: str) -> set[str]:
    return set(re.findall(r"^[a-z][\w-]*", (ROOT / file).read_text(), flags=re.MULTILINE))


def distributions_of(modules: set[str]) -> set[str]:
    installed = packages_distributions()
    return {re.sub(r"[-_.]+", "-", name).lower() for module in modules for name in installed[module]}


def test_requirements_name_what_the_application_imports_and_nothing_else() -> None:
    imported = distributions_of(third_party_imports(APPLICATION))
    assert imported, "no import was found at all"
    assert imported == required("requirements.in") - NOT_IMPORTED, (
        "Add the package to requirements.in (or take it out), run make lock, and say why in "
        "docs/adr/0005-dependencies.md."
    )


def test_requirements_name_what_the_tests_import() -> None:
    imported = distributions_of(third_party_imports(python_files("tests")))
    missing = imported - required("requirements.in") - required("requirements-dev.in")
    assert not missing, f"Add {', '.join(sorted(missing))} to requirements-dev.in and run make lock."


DOCUMENTS = ["README.md", "CONTRIBUTING.md"] + [
    path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").rglob("*.md"))
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_a_document_names_exists(document: str) -> None:
    words = re.findall(r"[\w./-]+/[\w.-]+\.(?:py|md|toml|png)\b", (ROOT / document).read_text())
    lost = [
        word for word in words if not any((ROOT / base / word).exists() for base in ("", "docs", "docs/adr"))
    ]
    assert not lost, f"{document} names {', '.join(lost)}: moved, or never written?"


WORDS = (
    [(f"Distance.{distance.name}", distance.label) for distance in Distance]
    + [(f"METHODS {key}", key) for key in METHODS]
    + [(f"SOURCES {key}", key) for key in SOURCES]
    + [(f"KINDS {kind.key}", kind.label) for kind in KINDS]
    + [(f"MEASURES {measure.key}", measure.label) for measure in MEASURES]
    + [(f"PAGES {page.file}", page.title) for page in PAGES]
    + [(f"DECIDED {key}", key) for key in DECIDED]
)


@pytest.mark.parametrize("word", [word for _, word in WORDS], ids=[entry for entry, _ in WORDS])
def test_every_registered_word_is_in_the_glossary(word: str) -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text()
    assert f"**{word}**" in glossary, f"Define **{word}** in docs/glossary.md."
