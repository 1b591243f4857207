"""Files of a zip archive, read in place: nothing is ever unpacked to the disk."""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from cosmic_morphology.collect.sources.folder.storage import (
    HIDDEN,
    LINK_OUT,
    NOT_REGULAR,
    UnlistedFiles,
    is_clutter,
    looks_like_a_folder,
)
from cosmic_morphology.errors import ImageError, InputError
from cosmic_morphology.imaging import RejectionKind

# Images hardly compress: an archive that unpacks to this much more holds something else.
MAX_UNPACKING_RATIO = 200
FREE_UNPACKED_BYTES = 1_000_000_000
_UNIX = 3
_ENCRYPTED = 0x1
_MAX_TARGET_BYTES = 4096
# What zipfile and its decompressors raise for bytes that are not as they should be: bz2 raises
# OSError, lzma its own error, and a dictionary of four gigabytes a MemoryError.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error),
    *(OSError, ValueError, LookupError, OverflowError, MemoryError),
)
_UNSUPPORTED = (RuntimeError, NotImplementedError)


class ZipStore:
    """The regular files of a zip archive.

    Parameters
    ----------
    path : Path
        The archive.

    Raises
    ------
    InputError
        It is no zip file, damaged as a whole, or built to explode.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.left_out = UnlistedFiles()
        try:
            if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for
                raise zipfile.BadZipFile(NOT_REGULAR)
            self._zip = zipfile.ZipFile(path)
        except (*_DAMAGE, *_UNSUPPORTED) as error:
            raise InputError(
                f"this is neither a folder nor a whole zip file ({error})",
                where=str(path),
                todo="Give a folder, or download the zip again.",
            ) from error
        self._members = self._listed()
        self.names = sorted(self._members)

    def read(self, name: str, at_most: int) -> bytes:
        """Bytes of one file, no more than ``at_most`` of them.

        Raises
        ------
        ImageError
            ``corrupt`` (damaged inside the archive) or ``unsupported`` (encrypted, or packed in
            a way that Python cannot read).
        """
        return self._read(self._members[name], name, at_most)

    def _read(self, member: zipfile.ZipInfo, name: str, at_most: int) -> bytes:
        if member.flag_bits & _ENCRYPTED:
            raise ImageError(
                RejectionKind.UNSUPPORTED, "it is encrypted", where=name, todo="Unpack it yourself."
            )
        try:
            with self._zip.open(member) as file:
                return file.read(at_most)
        except _UNSUPPORTED as error:
            raise ImageError(
                RejectionKind.UNSUPPORTED, str(error), where=name, todo="Unpack it yourself."
            ) from error
        except _DAMAGE as error:
            why = str(error) or type(error).__name__
            what = f"it is damaged inside the zip ({why})"
            raise ImageError(
                RejectionKind.CORRUPT, what, where=name, todo="Pack the zip file again."
            ) from error

    def _listed(self) -> dict[str, zipfile.ZipInfo]:
        members: dict[str, zipfile.ZipInfo] = {}
        counts = self.left_out.counts
        for member in self._zip.infolist():
            name = member.filename.replace("\\", "/")
            if name.endswith("/"):  # a folder
                continue
            parts = PurePosixPath(name).parts
            if not parts or name.startswith("/") or ".." in parts or ":" in parts[0]:
                counts["path outside the archive"] += 1
            elif any(is_clutter(part) for part in parts):
                counts[HIDDEN] += 1
            elif _kind(member) == stat.S_IFLNK:
                self._note_link(member, name)
            elif _kind(member) not in {0, stat.S_IFREG}:
                counts[NOT_REGULAR] += 1
            elif name in members:
                counts["listed twice"] += 1
            else:
                members[name] = member
        unpacked = sum(member.file_size for member in members.values())
        allowed = max(FREE_UNPACKED_BYTES, MAX_UNPACKING_RATIO * self.path.stat().st_size)
        if unpacked > allowed:
            raise InputError(
                f"this zip unpacks to {unpacked:,} bytes, far more than images do",
                where=str(self.path),
                todo="Unpack it yourself if you trust it, and import the folder.",
            )
        return members

    def _note_link(self, member: zipfile.ZipInfo, name: str) -> None:
        """A link in a zip is never followed: what it means depends on where it is unpacked."""
        self.left_out.counts[LINK_OUT] += 1
        try:
            target = self._read(member, name, _MAX_TARGET_BYTES).decode("utf-8", "replace")
        except ImageError as error:
            target = f"({error.what})"
        self.left_out.links[name] = target
        if looks_like_a_folder(target):
            self.left_out.lost.append(name)


def _kind(member: zipfile.ZipInfo) -> int:
    """Kind of file that a Unix program noted; 0 where none did."""
    return stat.S_IFMT(member.external_attr >> 16) if member.create_system == _UNIX else 0
