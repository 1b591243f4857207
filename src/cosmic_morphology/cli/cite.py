"""``cosmic cite``: how to cite this program."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from cosmic_morphology.citation import ARCHIVES_TOO, as_bibtex, as_cff, as_text
from cosmic_morphology.cli.common import JsonOption, show
from cosmic_morphology.cli.printing import say


class Form(StrEnum):
    """How the citation is written."""

    text = "text"
    bibtex = "bibtex"
    cff = "cff"


def command(
    form: Annotated[
        Form | None,
        typer.Option(
            "--format", help="Print this form alone, for a file.", show_default="text and bibtex"
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print how to cite this program: as a sentence, for BibTeX, or as CITATION.cff."""
    forms = {
        Form.text: as_text(),
        Form.bibtex: as_bibtex(),
        Form.cff: as_cff().rstrip("\n"),
    }
    if as_json:
        show({each.value: text for each, text in forms.items()}, as_json=True)
        return
    shown = [forms[form]] if form else [forms[Form.text], "", forms[Form.bibtex], ""]
    for text in shown:
        for line in text.splitlines() or [""]:
            say(line)
    if form is None:
        say(ARCHIVES_TOO)
