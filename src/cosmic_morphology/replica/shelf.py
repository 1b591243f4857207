"""What the modules of all archives share: one set of holdings, searched, pictured, recorded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cosmic_morphology.replica.holdings import Holdings
from cosmic_morphology.replica.pictures import Pictures
from cosmic_morphology.replica.quirks import Quirks
from cosmic_morphology.replica.recorded import Recorded
from cosmic_morphology.replica.search import Index


@dataclass(frozen=True)
class Shelf:
    """The holdings and everything that is derived from them."""

    holdings: Holdings
    index: Index
    pictures: Pictures
    quirks: Quirks
    recorded: Recorded

    @classmethod
    def of(cls, holdings: Holdings, quirks: Quirks, recorded: Path | None) -> Shelf:
        """Prepare holdings for serving: every text is read once."""
        return cls(
            holdings, Index(holdings), Pictures(holdings, quirks), quirks, Recorded(recorded)
        )
