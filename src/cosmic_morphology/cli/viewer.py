"""Shows pictures of the atlas to a person at a terminal."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import typer

from cosmic_morphology.cli.printing import tell

if TYPE_CHECKING:
    from cosmic_morphology.atlas import Atlas
    from cosmic_morphology.curate import QueueItem
    from cosmic_morphology.taxonomy import Taxonomy


class Viewer:
    """Opens each picture with the system's own viewer, from a folder that is gone afterwards."""

    def __init__(self, atlas: Atlas, taxonomy: Taxonomy) -> None:
        self._atlas = atlas
        self._taxonomy = taxonomy
        self._folder = Path(tempfile.mkdtemp(prefix="cosmic-review-"))

    def __enter__(self) -> Self:
        from cosmic_morphology.curate import keys_of

        keys = "  ".join(f"{key} {name}" for key, name in keys_of(self._taxonomy).items())
        tell(f"{keys}  k keep  d drop  s skip  u back  q quit")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def show(self, item: QueueItem) -> None:
        """Open the picture and say what is believed of it."""
        picture = self._atlas.pictures([item.id], ["thumbnail"]).column(0)[0].as_py()
        file = self._folder / "picture.jpg"
        file.write_bytes(picture)
        typer.launch(str(file))
        believed = item.label or "(open)"
        hint = f", perhaps {item.suggested}" if item.suggested else ""
        tell(f"{item.title}  [{item.id}]: {believed}{hint}  ({item.reason})")
