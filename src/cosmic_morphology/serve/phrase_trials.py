"""Changes of phrases that are tried on the records of an atlas, and saved as a copy."""

from __future__ import annotations

import json
import re
import shlex
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cosmic_morphology.atlas.storage.store import is_local
from cosmic_morphology.curate import (
    PhraseChange,
    PhraseEffects,
    changed_text,
    effects_of,
    sample_texts,
)
from cosmic_morphology.errors import AtlasError, UsageError
from cosmic_morphology.io_utils import write_text
from cosmic_morphology.serve.served_atlas import ServedAtlas
from cosmic_morphology.taxonomy import shipped_taxonomies, taxonomy_text

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_ENDING = ".taxonomy.toml"
_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class SavedCopy:
    """A taxonomy that was saved.

    Attributes
    ----------
    path : str
        Its file.
    setting : str
        The line of ``cosmic.toml`` that uses it.
    command : str
        What computes the labels by it once, without that line.
    """

    path: str
    setting: str
    command: str


class PhraseTrials:
    """Counts what changes of phrases would change, one after the other.

    Parameters
    ----------
    sky : ServedAtlas
        Whose records are looked at. Its taxonomy stays as it is until the server starts again.
    """

    def __init__(self, sky: ServedAtlas) -> None:
        self._sky = sky
        self._counting = threading.Lock()

    def counted(self, changes: Sequence[PhraseChange]) -> PhraseEffects:
        """What the changes would change.

        Raises
        ------
        TaxonomyError
            The changed taxonomy would not be valid.
        AtlasError
            Others count for so long that this one's turn does not come.
        """
        sky = self._sky
        with sky.reading() as atlas:
            sample = sky.remembered(
                atlas, ("texts",), lambda: sample_texts(atlas), table="catalogue"
            )
        # Each takes a processor for seconds, and the pages need one, too.
        if not self._counting.acquire(timeout=_WAIT_S):
            raise AtlasError(
                "others are trying phrases, too", where="classes", todo="Try again in a moment."
            )
        try:
            return effects_of(sample, sky.taxonomy, changes, settings=sky.settings.curate)
        finally:
            self._counting.release()

    def save(self, changes: Sequence[PhraseChange], name: str) -> SavedCopy:
        """Write a copy of the taxonomy with the changes, beside the atlas.

        Where the atlas is in an object store, it comes into the folder of runs.

        Raises
        ------
        UsageError
            The name is none, or another taxonomy has it.
        TaxonomyError
            The changed taxonomy would not be valid.
        """
        if not _NAME.fullmatch(name) or name in shipped_taxonomies():
            raise UsageError(
                f"{name[:60]!r} cannot be the name of a copy",
                where="classes",
                todo="Take small letters, figures, - and _, and no name of a shipped taxonomy.",
            )
        settings = self._sky.settings
        text = changed_text(taxonomy_text(settings.taxonomy), self._sky.taxonomy, changes)
        beside = Path(settings.atlas).resolve().parent
        place = (beside if is_local(settings.atlas) else settings.out.resolve()) / (name + _ENDING)
        with self._counting:
            if place.exists() and place.read_text("utf-8") != text:
                raise UsageError(
                    "another taxonomy has this name", where=str(place), todo="Give another name."
                )
            write_text(place, text)
        return SavedCopy(
            str(place),
            f"taxonomy = {json.dumps(str(place), ensure_ascii=False)}",
            f"COSMIC_TAXONOMY={shlex.quote(str(place))} cosmic curate "
            f"--atlas {shlex.quote(settings.atlas)}",
        )
