"""Whether what a stage reads has changed, by the files of its columns or by their values."""

from __future__ import annotations

from collections.abc import Sequence

from cosmic_morphology.atlas.interface.reading import AtlasReader
from cosmic_morphology.atlas.provenance import Fingerprint, content_hash
from cosmic_morphology.atlas.schema import DECISIONS, table_of
from cosmic_morphology.atlas.storage.column_versions import column_versions

_DIGEST_ROWS = 4096


class StageInputs(AtlasReader):
    """What of an :class:`~cosmic_morphology.Atlas` a stage reads, as hashes."""

    def digest(self, columns: Sequence[str], *, verdicts: bool = False) -> str:
        """Hash of what a stage would read: the images, columns, and people's verdicts if asked.

        Embeddings count by their stamp and the number of rows filled, not by their values.

        Examples
        --------
        >>> before = atlas.digest(["label"])
        >>> before == atlas.digest(["label"]), before == atlas.digest(["title"])
        (True, False)
        """
        heavy = [name for name in columns if name.startswith(("embedding_", "levels_"))]
        light = [name for name in columns if name not in heavy and name != "id"]
        heavy_state = [
            (
                name,
                sorted(self.provenance_of(name).items()),
                self.count_filled(name),
            )
            for name in heavy
            if name in self.columns()
        ]
        by_table = self._read_by_stage(light, verdicts=verdicts)
        return content_hash(heavy_state, *(self._content(*each) for each in by_table.items()))

    def column_versions(self, columns: Sequence[str], *, verdicts: bool = False) -> str:
        """Hash of the files that hold what a stage would read; no row is looked at.

        Where it is as before, :meth:`digest` is, too. Merging of small files changes it.

        Examples
        --------
        >>> before = atlas.column_versions(["label"])
        >>> before == atlas.column_versions(["label"]), before == atlas.column_versions(["title"])
        (True, False)
        """
        return content_hash(
            [(name, sorted(self.provenance_of(name).items())) for name in columns],
            [
                (name, column_versions(self.table(name), own))
                for name, own in self._read_by_stage(columns, verdicts=verdicts).items()
            ],
        )

    def _read_by_stage(self, columns: Sequence[str], *, verdicts: bool) -> dict[str, list[str]]:
        """Columns that a stage reads, by table."""
        read: dict[str, list[str]] = {"catalogue": ["id"], "images": ["id", "sha256"]}
        for name in columns:
            if name not in read[table_of(name)]:
                read[table_of(name)].append(name)
        return read | ({"decisions": DECISIONS.names} if verdicts else {})

    def _content(self, name: str, columns: list[str]) -> tuple[list[str], str]:
        """Columns, and a hash of their values, read a batch at a time."""
        table, hashed = self.table(name), Fingerprint()
        there = [each for each in columns if each in table.schema.names]
        for batch in table.to_batches(there, _DIGEST_ROWS):
            # A column that nobody has written yet counts like an empty one.
            nothing = [None] * batch.num_rows
            values = (
                batch.column(each).to_pylist() if each in there else nothing for each in columns
            )
            hashed.add(zip(*values, strict=True))
        return columns, str(hashed)
