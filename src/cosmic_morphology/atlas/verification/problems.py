"""One thing that does not add up, and what can be done about it."""

from __future__ import annotations

from dataclasses import dataclass

_NO_DAMAGE = ("record_without_image", "image_without_record", "tag_incomplete", "marker_missing")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that does not add up.

    Attributes
    ----------
    kind : str
        Of files: ``table_missing``, ``table_unreadable``, ``file_missing``, ``file_changed``,
        ``record_damaged``, ``marker_missing``, ``marker_damaged``. Of contents: ``schema``,
        ``duplicate_id``, ``bytes_changed``, ``image_without_record``,
        ``record_without_image``, ``verdict_on_unknown_id``, ``tag_incomplete``. An image without
        a record, or a record without an image, is what a killed run leaves: the next run of the
        same collect or import mends it.
    table : str
        The table concerned; empty for the atlas as a whole.
    what : str
        What does not add up.
    fragment : int or None
        The fragment of the table concerned.
    rows : int or None
        How many rows are concerned.
    todo : str
        What can be done.
    """

    kind: str
    table: str
    what: str
    fragment: int | None = None
    rows: int | None = None
    todo: str = ""

    @property
    def is_damage(self) -> bool:
        """Whether a rerun cannot mend it."""
        return self.kind not in _NO_DAMAGE

    def __str__(self) -> str:
        where = self.table or "atlas"
        if self.fragment is not None:
            where += f", fragment {self.fragment}"
        if self.rows is not None:
            where += f", {self.rows} rows"
        text = f"{self.kind}: {where}: {self.what}"
        return f"{text}. {self.todo}" if self.todo else text
