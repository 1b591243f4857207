"""The classes, search words, text rules and AVM codes; nothing is wired to six classes."""

from cosmic_morphology.taxonomy.files import (
    load_taxonomy,
    shipped_taxonomies,
    taxonomy_of,
    taxonomy_text,
)
from cosmic_morphology.taxonomy.model import Taxonomy
from cosmic_morphology.taxonomy.parts import Phrase, Question, Rule, SkyClass, TextField

__all__ = [
    "Phrase",
    "Question",
    "Rule",
    "SkyClass",
    "Taxonomy",
    "TextField",
    "load_taxonomy",
    "shipped_taxonomies",
    "taxonomy_of",
    "taxonomy_text",
]
