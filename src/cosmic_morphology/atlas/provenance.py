"""Who wrote a derived column: the stage, its parameters, the code version and its inputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cosmic_morphology._version import __version__
from cosmic_morphology.safe_text import without_secrets


@dataclass(frozen=True, slots=True)
class ColumnProvenance:
    """What is written into the metadata of each derived column.

    Attributes
    ----------
    stage : str
        Name of the stage.
    parameters : mapping
        JSON-able parameters that change the result; when they change, all rows are stale.
    code : str
        Version of the stage's code; raise it when the same parameters give other values.
    inputs : str
        Fingerprint of what a whole-table stage has read (empty for row-wise stages).
    """

    stage: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    code: str = __version__
    inputs: str = ""

    @classmethod
    def from_metadata(cls, metadata: Mapping[bytes, bytes] | None) -> ColumnProvenance:
        """The stamp that a column has; the stage is empty where it has none."""
        found = {key.decode(): value.decode() for key, value in (metadata or {}).items()}
        return cls(
            found.get("stage", ""),
            json.loads(found.get("parameters", "{}")),
            found.get("code", ""),
            found.get("inputs", ""),
        )

    def metadata(self) -> dict[str, str]:
        """As Lance field metadata, without passwords: it is printed, exported and given on."""
        return {
            "stage": self.stage,
            "parameters": without_secrets(json.dumps(self.parameters, sort_keys=True, default=str)),
            "code": self.code,
            "inputs": self.inputs,
        }

    def same_code_and_parameters(self, metadata: Mapping[bytes, bytes] | None) -> bool:
        """Whether a column was written by this stage with these parameters and this code."""
        if not metadata:
            return False
        mine = self.metadata()
        return all(
            metadata.get(key.encode(), b"").decode() == mine[key]
            for key in ("stage", "parameters", "code")
        )

    def is_current(self, metadata: Mapping[bytes, bytes] | None) -> bool:
        """Whether a column was also computed from these very inputs."""
        return (
            self.same_code_and_parameters(metadata)
            and (metadata or {}).get(b"inputs", b"").decode() == self.inputs
        )


def content_hash(*parts: object) -> str:
    """Short hash of anything JSON-able, for :attr:`ColumnProvenance.inputs`.

    Examples
    --------
    >>> content_hash("a", 1) == content_hash("a", 1), content_hash("a", 1) == content_hash("a", 2)
    (True, False)
    """
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Fingerprint:
    """Hash of rows, whatever their order: for stamps of columns that were computed from them."""

    def __init__(self) -> None:
        self._sum = 0

    def add(self, rows: Iterable[object]) -> None:
        """Take in rows of numbers and texts that begin with an id."""
        self.add_digests(map(self.digest_of, rows))

    @staticmethod
    def digest_of(row: object) -> bytes:
        """The 16 bytes by which a row is known."""
        return hashlib.blake2b(repr(row).encode(), digest_size=16).digest()

    def add_digests(self, digests: Iterable[bytes]) -> None:
        """Take in rows by their digests, which others have made."""
        # Sums of quarters of 32 bits stay exact for four billion rows at a time.
        quarters = np.frombuffer(b"".join(digests), "<u4").reshape(-1, 4)
        for at, total in enumerate(quarters.sum(axis=0, dtype=np.uint64)):
            self._sum += int(total) << (32 * at)

    def __str__(self) -> str:
        return f"{self._sum % 2**128:032x}"
