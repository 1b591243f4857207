"""What an import did, and whether it counts as done."""

from __future__ import annotations

from dataclasses import dataclass, field

from cosmic_morphology.collect.sources.folder.source import Folder
from cosmic_morphology.display import Shown


@dataclass(frozen=True, repr=False)
class ImportResult(Shown):
    """What an import did; ``found`` is the sum of stored, already there and refused.

    Every file of the folder is an image of ``found``, counted in ``skipped``, or the table.

    Attributes
    ----------
    found : int
        Records in the folder or table.
    stored : int
        Images that are new in the atlas.
    already_there : int
        Images that an earlier import had stored, byte by byte the same.
    refreshed : int
        Of those, records whose texts or labels have changed and were updated.
    refused : dict of str to int
        Images that cannot be used, by kind (``cosmic_morphology.imaging``; ``missing``: the
        table names a file that is not there; ``unreadable``: the system refuses to read it;
        ``changed``: the atlas has other bytes under this name, and keeps them with their label).
        The ledger lists each with its reason.
    skipped : dict of str to int
        Files that were left out, by reason.
    labels_from : str
        Which column of which table, or which level of the folders, gave the labels.
    links : dict of str to str
        The first links that were not followed, and their targets.
    changed : tuple of str
        The first ids whose files have changed.
    shortfall : str
        Why this import does not count as done; empty when it does.
    """

    found: int
    stored: int
    already_there: int
    refreshed: int
    refused: dict[str, int]
    skipped: dict[str, int]
    labels_from: str = ""
    links: dict[str, str] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    shortfall: str = ""


def shortfall(taken: int, found: int, folder: Folder) -> str:
    """Why an import does not count as done, in words."""
    if not taken:
        return f"nothing was taken in: none of {found} images can be used"
    if folder.table and 2 * taken < found:
        return f"{taken} of the {found} images that {folder.table} names were taken in"
    lost = folder.lost
    if lost:
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        target = folder.store.left_out.links.get(lost[0])
        if target is None:
            return f"the folder {lost[0]!r}{more} cannot be read"
        return f"{lost[0]!r}{more} is a link out of the folder, to {target!r}; see --follow-links"
    return ""
