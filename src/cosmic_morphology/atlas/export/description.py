"""What is known of an export when it has been written: what its card and its Croissant file say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cosmic_morphology.atlas.export.counts import DataFile, ExportCounts
from cosmic_morphology.atlas.export.rows import RowSelection
from cosmic_morphology.atlas.schema import SPLITS
from cosmic_morphology.citation import as_text


@dataclass(frozen=True, slots=True)
class LeakageWords:
    """What a leakage check of the split said.

    Attributes
    ----------
    leaks : int
        Things that two splits share.
    grouped_by : str
        What the groups keep together.
    compared, not_compared : tuple of str
        What was looked for and what was not, in words.
    is_current : bool
        Whether the check was made of the images and splits as they are now.
    """

    leaks: int
    grouped_by: str = ""
    compared: tuple[str, ...] = ()
    not_compared: tuple[str, ...] = ()
    is_current: bool = True


@dataclass(frozen=True, slots=True)
class Description:
    """All that a card and a Croissant file say of an export.

    Attributes
    ----------
    name : str
        Of the data set.
    format_ : str
        ``imagefolder``, ``csv``, ``parquet``, ``webdataset`` or ``hf``.
    files : sequence of DataFile
        What it consists of, without the card.
    counts : ExportCounts
        What was written.
    classes : sequence of str
        Its classes; a class's number is its place here.
    left_out : mapping of str to int
        Images of the atlas that were not written, by reason.
    wanted : RowSelection
        What was asked for.
    original : bool
        Whether the images are those of the source, or JPEG thumbnails.
    credits_file, croissant_file : str
        Files beside the data: all credits, and the Croissant description.
    version : str
        Versions of the atlas's tables.
    date : datetime
        Of the last change in the atlas.
    software : str
        Version of this program.
    leakage : LeakageWords, optional
        Without it the card says that nothing is proven.
    """

    name: str
    format_: str
    files: Sequence[DataFile]
    counts: ExportCounts
    classes: Sequence[str]
    left_out: Mapping[str, int]
    wanted: RowSelection
    original: bool
    credits_file: str
    croissant_file: str
    version: str
    date: datetime
    software: str
    leakage: LeakageWords | None = None
    splits: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        found = self.counts.of_splits()
        ordered = [each for each in (*SPLITS, *found) if each in found]
        object.__setattr__(self, "splits", tuple(dict.fromkeys(ordered)))

    @property
    def is_single(self) -> bool:
        """Whether the data are one file for all splits."""
        return len(self.files) == 1 and not self.files[0].split

    def sentence(self) -> str:
        """What the data set is, in one sentence."""
        images = "" if self.format_ != "csv" else " (a table without the images)"
        return (
            f"{images_words(self.counts.images)} of the sky in {len(self.classes)} classes "
            f"({', '.join(self.classes) or 'none yet'}), with the origin, credit and licence of "
            f"each, and with who gave its label{images}."
        )

    def citation(self) -> str:
        """How to cite the data set."""
        return (
            f"{self.name}, version {self.version}, {self.date:%Y}: images of the archives that are "
            f"credited in {self.credits_file}. Made with: {as_text()}"
        )


def images_words(number: int) -> str:
    """A number of images, in words."""
    return "1 image" if number == 1 else f"{number:,} images"
