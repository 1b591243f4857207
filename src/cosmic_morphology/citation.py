"""How this program is cited: the one place that says it, for ``cosmic cite``, reports and cards.

``CITATION.cff`` at the root of the repository is written from here, and a test holds them together.
"""

from __future__ import annotations

from datetime import date

from cosmic_morphology._version import __version__

TITLE = "Cosmic Morphology: from public archives of sky images to honest classifiers"
AUTHORS = "the Cosmic Morphology developers"
LICENCE = "BSD-3-Clause"
DATED = date(2026, 11, 22)
KEYWORDS = ("astronomy", "image classification", "data curation", "label noise")
# Whoever uses images of an archive owes its credit lines, too: this program only fetched them.
ARCHIVES_TOO = "Credit the archives whose images you used, too: `cosmic atlas credits` lists them."


def as_text() -> str:
    """One sentence for a list of references.

    Examples
    --------
    >>> as_text().startswith("The Cosmic Morphology developers (2026). Cosmic Morphology: ")
    True
    """
    return (
        f"{AUTHORS[0].upper()}{AUTHORS[1:]} ({DATED.year}). {TITLE}. Version {__version__}. "
        f"Software, {LICENCE} licence."
    )


def as_bibtex() -> str:
    """An entry for BibTeX; the double braces keep the authors one name, and the title's capitals.

    Examples
    --------
    >>> as_bibtex().splitlines()[0]
    '@misc{cosmic_morphology,'
    """
    fields = {
        "author": f"{{{AUTHORS}}}",
        "title": f"{{{TITLE}}}",
        "year": str(DATED.year),
        "note": f"Software, version {__version__}, {LICENCE} licence",
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
    return "\n".join(["@misc{cosmic_morphology,", *lines, "}"])


def as_cff() -> str:
    """The Citation File Format, 1.2.0, which forges and Zenodo read (citation-file-format.org).

    Examples
    --------
    >>> as_cff().splitlines()[0]
    'cff-version: 1.2.0'
    """
    message = "If you use this software, please cite it, and the archives whose images you used"
    lines = [
        "cff-version: 1.2.0",
        f'message: "{message} (`cosmic atlas credits`)."',
        f'title: "{TITLE}"',
        "type: software",
        f"version: {__version__}",
        f"date-released: {DATED.isoformat()}",
        f"license: {LICENCE}",
        "authors:",
        f'  - name: "{AUTHORS}"',
        "keywords:",
        *(f"  - {each}" for each in KEYWORDS),
    ]
    return "\n".join(lines) + "\n"
