"""What comes from outside is printed as text: nothing steers a terminal, nothing secret shows."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cosmic_morphology
from cosmic_morphology import safe_text
from cosmic_morphology.cli import printing

SOURCE = Path(cosmic_morphology.__file__).parent
ROOT = SOURCE.parents[1]
ANY_TEXT = st.text(st.characters(exclude_categories=()))
BAD = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


@given(ANY_TEXT)
def test_a_safe_text_holds_nothing_that_steers_a_terminal(text):
    safe = safe_text.safe_text(text)
    assert not any(unicodedata.category(each) in BAD for each in safe)
    safe.encode("utf-8")


@given(st.recursive(ANY_TEXT | st.floats() | st.none() | st.booleans(), st.lists))
def test_json_is_safe_to_print_and_parses_to_the_same(value):
    line = safe_text.safe_json(value)
    line.encode("utf-8")
    assert not any(unicodedata.category(each) in BAD for each in line)
    finite = json.loads(
        json.dumps(value)
        .replace("NaN", "null")
        .replace("-Infinity", "null")
        .replace("Infinity", "null")
    )
    if not re.search(r"@|=|NaN|Infinity", json.dumps(value)):
        assert json.loads(line) == finite


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1+1"],  # noqa: RUF001
)
def test_cells_that_a_spreadsheet_would_run_become_text(text):
    cell = safe_text.csv_cell(text)
    assert cell == f"'{text}"
    assert next(csv.reader(io.StringIO(f'"{cell}"'), strict=False))[0].startswith("'")


@pytest.mark.parametrize("value", ["-0.5", "+3", "-1e-9", -0.5, 7, None, "nebula", "NGC 6543"])
def test_numbers_and_plain_texts_stay_as_they_are(value):
    assert safe_text.csv_cell(value) == value


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("s3://AKIA:hunter22@bucket/atlas", "s3://***@bucket/atlas"),
        ("https://anna:pa%40ss@host/x.jpg?a=1", "https://***@host/x.jpg?a=1"),
        ("https://h/x?X-Amz-Signature=abcdef&w=3", "https://h/x?X-Amz-Signature=***&w=3"),
        ("https://h/x?api_key=abcdef", "https://h/x?api_key=***"),
        ("aws_secret_access_key=abcdef", "aws_secret_access_key=***"),
        ("write to anna@host.org", "write to anna@host.org"),
        ("https://h/a@b/x.jpg", "https://h/a@b/x.jpg"),
        ("label = 'comet'", "label = 'comet'"),
    ],
)
def test_passwords_in_addresses_are_not_printed(text, kept):
    assert safe_text.without_secrets(text) == kept


def test_storage_options_are_not_printed(monkeypatch):
    monkeypatch.setattr(safe_text, "_secrets", set())
    safe_text.hide({"secret_access_key": "tops3cret", "region": "eu-west-1", "allow_http": "true"})
    assert safe_text.safe_text("key tops3cret in eu-west-1: true") == "key *** in eu-west-1: true"
    assert json.loads(safe_text.safe_json({"a": ["x tops3cret"]})) == {"a": ["x ***"]}


def test_markup_in_a_text_is_shown_as_it_is(capsys):
    from rich.table import Table

    table = Table(title="[bold]t[/nix]")
    table.add_column("[red]c")
    table.add_row("x[/bold] :smile: \x1b[31m\u202e")
    screen = printing.console()
    screen.print(table)
    screen.print("[/bold] [red]id")
    shown = capsys.readouterr().out
    for each in ("[/nix]", "[red]c", "x[/bold] :smile: \\x1b[31m\\u202e", "[/bold] [red]id"):
        assert each in shown


# Pipes between our own processes, and the place where printing is made safe.
MAY_PRINT = {"cli/printing.py", "imaging/workers/decode_worker.py", "replica/__main__.py"}


@pytest.mark.parametrize(
    "file", sorted(SOURCE.rglob("*.py")), ids=lambda f: str(f.relative_to(SOURCE))
)
def test_nothing_is_printed_past_the_one_safe_place(file):
    name = str(file.relative_to(SOURCE))
    if name in MAY_PRINT:
        return
    bare = {"print", "pprint", "Console"}
    dotted = {"echo", "secho", "get_console", "print_exc", "print_exception"}
    streams = {"stdout.write", "stderr.write", "stdout.buffer", "stderr.buffer", "rich.print"}
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            last = called.rpartition(".")[2]
            own_csv = called in ("csv.writer", "csv.DictWriter") and name != "io_utils.py"
            assert not own_csv, f"{name}:{node.lineno}: CsvRows writes all our CSV"
            assert called not in bare, f"{name}:{node.lineno}: {called}"
            assert last not in dotted, f"{name}:{node.lineno}: {called}"
            assert not any(each in called for each in streams), f"{name}:{node.lineno}: {called}"


def test_how_to_install_is_said_in_one_place():
    named = re.compile(r"pip install|cosmic-morphology\[")
    found = {
        str(file.relative_to(SOURCE))
        for file in SOURCE.rglob("*.py")
        if named.search(file.read_text("utf-8"))
    }
    assert found == {"extras.py"}
