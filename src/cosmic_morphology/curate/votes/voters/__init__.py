"""Voters: each looks at what a source says and gives weighted opinions on the class."""

from cosmic_morphology.curate.votes.voters import (
    avm,
    folder,
    object_name,
    search_word,
    silence,
    text,
    title,
)
from cosmic_morphology.curate.votes.voters.base import COLUMNS, Said, Vote, Voter

VOTERS: dict[str, Voter] = {
    module.NAME: module.votes_of
    for module in (search_word, title, text, object_name, avm, folder, silence)
}
"""Every voter that looks at one row alone, by name."""

__all__ = ["COLUMNS", "VOTERS", "Said", "Vote", "Voter"]
