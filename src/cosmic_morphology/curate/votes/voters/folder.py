"""The folder voter: the label that a collector gave, and the names of the folders on the way."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import unquote

from cosmic_morphology.curate.text.negation import is_negated
from cosmic_morphology.curate.text.object_names import objects_in
from cosmic_morphology.curate.text.phrases import words_of_name
from cosmic_morphology.curate.votes.voters.base import Said, Vote
from cosmic_morphology.curate.votes.voters.rules import rule_votes
from cosmic_morphology.taxonomy import Taxonomy

FOLDER = "folder"
# Strangers' labels are right two times in three, the names of the folders that files came from
# nine times in ten (both measured on the tune half, docs/explanation/labels.md).
_GIVEN, _ON_THE_WAY = 0.66, 0.85


def folder_votes(said: Said, taxonomy: Taxonomy) -> list[Vote]:
    """A vote for the given label, else for what the last folder's name means."""
    given = said.given_label.strip()
    label = class_of_text(given, taxonomy)
    if label:
        return [Vote(FOLDER, label, _GIVEN, f"came labelled “{given}”")]
    folder = last_folder(said.page_url) or last_folder(said.image_url)
    label = class_of_text(folder, taxonomy)
    return [Vote(FOLDER, label, _ON_THE_WAY, f"in the folder “{folder}”")] if label else []


def class_of_text(text: str, taxonomy: Taxonomy) -> str:
    """Class that a short label means: its own name, a search word, an object or a phrase.

    A negated name (``not_galaxy``) means none.
    """
    words = words_of_name(text)
    named = {name: name for name in taxonomy.names_with_reject} | taxonomy.class_of_word
    own = named.get(text.strip().lower(), "")
    # "not_galaxy" may hold stars or charts: it says nothing of what they are.
    if own or is_negated(text):
        return own
    if words.lower() in named:
        return named[words.lower()]
    for found in objects_in(words):
        label = taxonomy.class_of_avm(found.kind)
        if label:
            return label
    votes = rule_votes(FOLDER, "name", words, taxonomy)
    return max(votes, key=lambda vote: vote.weight).label if votes else ""


def last_folder(address: str) -> str:
    """Name of the folder that a file path stands in; empty for a web address.

    The path of a page at an archive says how the site is built, not what the picture shows.
    """
    if address.lower().startswith(("http://", "https://")):
        return ""
    parts = PurePosixPath(unquote(address)).parts
    return parts[-2] if len(parts) > 1 else ""
