"""Measuring every voter and check against checked labels; nothing here writes to the atlas."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.curate.columns import read_batches
from cosmic_morphology.curate.labels.doubtful import (
    DoubtfulRow,
    columns_of_models,
    doubtful_rows,
)
from cosmic_morphology.curate.review.tables import ids_like, read_table
from cosmic_morphology.curate.votes.cast import labels_of_voter
from cosmic_morphology.display import Tabular, facts_of
from cosmic_morphology.errors import InputError, UsageError
from cosmic_morphology.io_utils import CsvRows, whole_text
from cosmic_morphology.stats.bootstrap import bootstrap_ratio, group_numbers
from cosmic_morphology.suggest import suggest_names
from cosmic_morphology.taxonomy import Taxonomy

_RESAMPLES = 1000
SUBSETS = ("dev", "held-out")
"""The half of the checked labels to choose rules by, and the one to measure them on."""
_CHECKS = ("relevance", "mislabel")


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One measured number.

    Attributes
    ----------
    what, measure : str
        Who was measured (a voter, ``label``, a check), and what: precision, recall, coverage.
        ``who=class`` is one class only.
    value, low, high : float
        The number and its 95 % interval (bootstrap over groups).
    n : int
        Images that it was measured on.
    """

    what: str
    measure: str
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True, repr=False)
class AuditTable(Tabular):
    """All measured numbers, and how many lines of the truth had no image.

    Attributes
    ----------
    rows : tuple of AuditRow
        The numbers.
    n : int
        Images with a checked label.
    groups : int
        Groups among them; the intervals are over these.
    unknown : int
        Lines of the table whose image the atlas does not have.
    subset : str
        The half of the checked labels that it was measured on; empty: all of them.
    atlas_version : str
        What was measured.
    doubtful : tuple of DoubtfulRow
        Lines of the table that copies or several models contradict: to be looked at again.
    """

    rows: tuple[AuditRow, ...]
    n: int
    groups: int
    unknown: int
    subset: str = ""
    atlas_version: str = ""
    doubtful: tuple[DoubtfulRow, ...] = field(default=(), repr=False)

    def _shown_facts(self) -> Iterable[tuple[str, Any]]:
        return facts_of(self, without="rows")

    def _shown_rows(self) -> list[dict[str, Any]]:
        return [asdict(row) for row in self.rows]

    def get(self, what: str, measure: str) -> AuditRow:
        """One number of the table."""
        return next(row for row in self.rows if (row.what, row.measure) == (what, measure))

    def write_doubtful(self, path: Path) -> None:
        """The doubtful lines as CSV: id, label, rather, reason."""
        with whole_text(path) as file:
            out = CsvRows(file)
            out.write(("id", "label", "rather", "reason"))
            for row in self.doubtful:
                out.write((row.id, row.label, row.rather, row.reason))

    def write(self, path: Path) -> None:
        """As CSV, with the columns of the project's number tables."""
        with whole_text(path) as file:
            out = CsvRows(file)
            out.write(("what", "value", "low", "high", "n", "unit"))
            for row in self.rows:
                numbers = (f"{value:.4f}" for value in (row.value, row.low, row.high))
                out.write((f"{row.what} {row.measure}", *numbers, row.n, "share"))


def audit_labels(
    atlas: Atlas,
    truth_csv: Path,
    *,
    taxonomy: Taxonomy,
    columns: Mapping[str, str] | None = None,
    id_prefix: str = "",
    subset: str = "",
    seed: int = 0,
) -> AuditTable:
    r"""Precision, recall and coverage of every voter, of the label and of the checks.

    Parameters
    ----------
    atlas : Atlas
        Read only.
    truth_csv : Path
        ``id`` and ``label`` (or ``class``) of checked images, and optionally ``group``:
        images of one object, which the intervals keep together.
    taxonomy : Taxonomy
        The classes.
    columns : mapping, optional
        Our name to the table's name.
    id_prefix : str
        Put before each id that does not begin with it.
    subset : str
        ``dev`` or ``held-out``: half of the groups of the table, by a hash of their names, so that
        what was chosen on one half can be measured on the other. Empty: all of them.
    seed : int
        Of the bootstrap.

    Raises
    ------
    InputError
        The table is not usable, or none of its images is in the atlas.

    Examples
    --------
    >>> lines = ["id,label", "folder:sky/star/0.jpg,star", "folder:sky/star/1.jpg,comet"]
    >>> _ = Path("truth.csv").write_text("\n".join(lines))
    >>> audit_labels(atlas, Path("truth.csv"), taxonomy=taxonomy).get("label", "precision").value
    0.5
    """
    truth, groups = _truth(truth_csv, dict(columns or {}), id_prefix, taxonomy, subset)
    ids = ids_like(atlas, [*truth, *groups])
    truth, groups = (
        {ids.find(id_): said for id_, said in each.items()} for each in (truth, groups)
    )
    wanted = ["id", "votes", "label", "given_label", "group", "label_kind"]
    wanted += [f"{check}_{part}" for check in _CHECKS for part in ("score", "flag")]
    wanted += columns_of_models(atlas.columns())
    asked = pa.array(truth, pa.string())
    rows = [
        row
        for batch in read_batches(atlas, wanted)
        for row in batch.filter(pc.is_in(batch.column("id"), value_set=asked)).to_pylist()
    ]
    if not rows:
        raise InputError(
            "no image of this table is in the atlas",
            where=str(truth_csv),
            todo="Check the ids; --id-prefix puts something before each.",
        )
    rows.sort(key=lambda row: str(row["id"]))
    right = [truth[row["id"]] for row in rows]
    keys = [groups.get(row["id"]) or row["group"] or row["id"] for row in rows]
    measured = _Measured(keys, seed)
    _voters(measured, rows, right)
    _label(measured, rows, right)
    _checks(measured, rows, right, taxonomy)
    return AuditTable(
        tuple(measured.rows),
        len(rows),
        len(set(keys)),
        len(truth.keys() - {r["id"] for r in rows}),
        subset,
        str(atlas.version),
        tuple(doubtful_rows(rows, truth, taxonomy.names_with_reject)),
    )


class _Measured:
    def __init__(self, keys: Sequence[str], seed: int) -> None:
        self._groups, _ = group_numbers(keys)
        self._seed = seed
        self.rows: list[AuditRow] = []

    def ratio(
        self, what: str, measure: str, of: NDArray[np.bool_], among: NDArray[np.bool_]
    ) -> None:
        """Share of ``of`` among ``among``, with its interval; nothing where there are none."""
        if not among.any():
            return
        low, high = bootstrap_ratio(of, among, self._groups, n=_RESAMPLES, seed=self._seed)
        value = float((of & among).sum() / among.sum())
        self.rows.append(AuditRow(what, measure, value, low, high, int(among.sum())))


def _voters(measured: _Measured, rows: list[dict[str, Any]], right: list[str]) -> None:
    votes = [row["votes"] or [] for row in rows]
    ids = [row["id"] for row in rows]
    for voter in sorted({each["voter"] for cast in votes for each in cast}):
        said = np.array(labels_of_voter(votes, voter, ids=ids))
        _says(measured, voter, said, np.array(right))


def _label(measured: _Measured, rows: list[dict[str, Any]], right: list[str]) -> None:
    said = np.array([row["label"] or "" for row in rows])
    if (said != "").any():
        _says(measured, "label", said, np.array(right))


def _says(measured: _Measured, what: str, said: NDArray[np.str_], right: NDArray[np.str_]) -> None:
    everything = np.ones(len(said), dtype=bool)
    measured.ratio(what, "coverage", said != "", everything)
    measured.ratio(what, "precision", said == right, said != "")
    measured.ratio(what, "recall", said == right, everything)
    for name in sorted(set(right)):
        measured.ratio(f"{what}={name}", "coverage", said != "", right == name)
        measured.ratio(f"{what}={name}", "precision", said == right, said == name)
        measured.ratio(f"{what}={name}", "recall", said == right, right == name)


def _checks(
    measured: _Measured, rows: list[dict[str, Any]], right: list[str], taxonomy: Taxonomy
) -> None:
    truth = np.array(right)
    given = np.array([(row["given_label"] or "").lower() for row in rows])
    known = np.isin(given, taxonomy.names_with_reject)
    for check, wrong, among in (
        ("relevance", truth == taxonomy.reject, np.ones(len(rows), dtype=bool)),
        ("mislabel", given != truth, known),
    ):
        done = np.array([row[f"{check}_flag"] is not None for row in rows]) & among
        looked = np.array([row[f"{check}_score"] is not None for row in rows]) & done
        flagged = np.array([bool(row[f"{check}_flag"]) for row in rows]) & done
        if done.any():
            measured.ratio(check, "coverage", looked, np.ones(len(rows), dtype=bool))
            measured.ratio(check, "precision", wrong, flagged)
            # What it could not check it has not found.
            measured.ratio(check, "recall", flagged, wrong & done)


def _truth(
    path: Path, names: dict[str, str], id_prefix: str, taxonomy: Taxonomy, subset: str
) -> tuple[dict[str, str], dict[str, str]]:
    if subset and subset not in SUBSETS:
        raise UsageError(
            "there is no such subset", where=subset, todo=suggest_names(subset, SUBSETS)
        )
    # Without groups, images of one object would be in both subsets.
    needs, may = (("id", "label", "group"), ()) if subset else (("id", "label"), ("group",))
    labels: dict[str, str] = {}
    groups: dict[str, str] = {}
    for number, line in read_table(path, names, needs=needs, may=may):
        label = line["label"].lower()
        if label not in taxonomy.names_with_reject:
            raise InputError(
                f"the label {line['label']!r} is not a class",
                where=f"{path}, line {number}",
                todo=suggest_names(label, taxonomy.names_with_reject),
            )
        if subset and subset_of(line["group"] or line["id"]) != subset:
            continue
        id_ = line["id"] if line["id"].startswith(id_prefix) else id_prefix + line["id"]
        if labels.setdefault(id_, label) != label:
            raise InputError(
                f"{id_} is labelled both {labels[id_]} and {label}",
                where=f"{path}, line {number}",
                todo="Keep one of them.",
            )
        groups[id_] = line.get("group", "")
    return labels, groups


def subset_of(group: str) -> str:
    """The subset of a group, by a hash of its name in small letters."""
    name = group.strip().lower().encode()
    return SUBSETS[int(hashlib.sha256(name).hexdigest(), 16) % 2]
