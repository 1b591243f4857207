"""What Lance, Arrow and the file system raise, as errors in one line that name the table."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from cosmic_morphology.errors import (
    AtlasDamagedError,
    AtlasError,
    AtlasFullError,
    AtlasNotFoundError,
    AtlasPlaceError,
    AtlasStoreError,
    CosmicError,
)
from cosmic_morphology.safe_text import without_secrets

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_SIGNS = (
    "no space left",
    "disk quota",
    "quotaexceeded",
    "enospc",
    "os error 28",
    "insufficientstorage",
    "507 insufficient storage",
    "storagefull",
)
_A_FILE = "a file stands where a folder is expected"
_NO_ADDRESS = "this kind of address is not known"
# The wrong place was given: no run of the same command can mend it.
_NO_PLACE = (_A_FILE, _NO_ADDRESS)
_CONFLICT = (
    "too many concurrent writers",
    "commit conflict",
    "retryable commit",
    "incompatible transaction",
)
# Signs in the texts of object stores and of the operating system, as the Rust library quotes them.
_BUSY = (
    "503 service unavailable",
    "502 bad gateway",
    "504 gateway timeout",
    "500 internal server error",
    "429 too many requests",
    "slowdown",
    "internalerror",
)
_AGAIN = "Then run the same command again: it resumes where it stopped."
_STORE = (
    (
        ("failed to get aws credentials", "credentialsnotloaded", "no credentials"),
        "there are no credentials for the store",
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give them in `storage_options`.",
    ),
    (
        ("expiredtoken", "tokenrefreshrequired", "token has expired", "token is expired"),
        "the credentials have expired",
        f"Get new ones. {_AGAIN}",
    ),
    (
        ("requesttimetooskewed",),
        "the clock of this machine differs from that of the store",
        f"Set the clock. {_AGAIN}",
    ),
    (
        (
            "failed to resolve region",
            "permanentredirect",
            "301 moved",
            "authorizationheadermalformed",
            "incorrectly configured region",
        ),
        "the bucket is not in this region, or its region is not known",
        "Give `aws_region`, and `endpoint` unless it is Amazon's, in `storage_options`.",
    ),
    (
        ("nosuchbucket", "bucket does not exist"),
        "there is no such bucket",
        "Make the bucket, or give another --atlas.",
    ),
    (
        (
            "accessdenied",
            "403 forbidden",
            "401 unauthorized",
            "invalidaccesskeyid",
            "signaturedoesnotmatch",
            "permissiondenied",
        ),
        "the store refuses the access",
        "See whether the keys in `storage_options` are right and may read and write here.",
    ),
    (
        ("permission denied", "os error 13", "read-only file system", "os error 30"),
        "this place may not be read or written",
        "See who may read and write there, or give another --atlas.",
    ),
    (
        ("not a directory", "os error 20", "file exists"),
        _A_FILE,
        "Give another --atlas.",
    ),
    (
        (
            "error sending request",
            "connection refused",
            "connection reset",
            "dns error",
            "timed out",
            "error trying to connect",
            *_BUSY,
        ),
        "the store cannot be reached or does not answer",
        "See whether its address is right and the network is there; then run the same again.",
    ),
    (
        _CONFLICT,
        "other processes write here all the time, and this write did not get its turn",
        "Run the same command again.",
    ),
    (
        ("no object store provider found", "unknown scheme", "url scheme"),
        _NO_ADDRESS,
        "Give a folder, or an address such as s3://bucket/sky.",
    ),
)
# The filter or the columns that somebody gave: the caller's error, not the table's.
_ASKED_WRONGLY = "Invalid user input"
_SHORT = 160


@contextmanager
def translate_errors(uri: str, table: str = "", *, user_filter: object = None) -> Iterator[None]:
    """Turn every error of reading or writing a table into one line.

    Parameters
    ----------
    uri : str
        The atlas; user names and passwords in it are left out of the message.
    table : str
        The table that the block reads or writes, if it is one.
    user_filter : object, optional
        A filter that somebody wrote, if there is one: what Lance says of it goes through.

    Raises
    ------
    AtlasFullError
        The disk or the quota is full; the last commit stands.
    AtlasStoreError
        The store cannot be reached, refuses the access, or has no such bucket.
    AtlasDamagedError
        Anything else: what is stored cannot be read.
    """
    try:
        yield
    except CosmicError:
        raise
    except (OSError, ValueError, RuntimeError) as error:
        if user_filter and _ASKED_WRONGLY in str(error):
            # Lance raises it as one or the other, by what was asked.
            raise ValueError(str(error)) from error
        raise translated(error, uri, table) from error
    except BaseException as error:
        # Lance's decoders panic on some damaged bytes; that type cannot be imported.
        if type(error).__name__ != "PanicException":
            raise
        raise translated(error, uri, table) from error


def translated(error: BaseException, uri: str, table: str = "") -> AtlasError:
    """The error of this project that says what another library's error means."""
    text = str(error).lower()
    where = without_secrets(uri)
    if getattr(error, "errno", None) in _FULL or any(sign in text for sign in _FULL_SIGNS):
        return full_disk(uri)
    for signs, what, todo in _STORE:
        if any(sign in text for sign in signs):
            kind = AtlasPlaceError if what in _NO_PLACE else AtlasStoreError
            return kind(what, where=where, todo=todo)
    named = f"the table {table!r}" if table else "the atlas"
    return AtlasDamagedError(
        f"{named} cannot be read ({short(error)})",
        where=where,
        todo="`cosmic atlas verify` says what is damaged and what can be done.",
    )


def full_disk(uri: str) -> AtlasFullError:
    """The error of a disk or a quota that is full."""
    what = "store" if "://" in uri else "disk"
    return AtlasFullError(
        f"the {what} is full; everything up to the last commit is kept",
        where=without_secrets(uri),
        todo="Make room and run the same command again: it resumes where it stopped.",
    )


def is_conflict(error: BaseException) -> bool:
    """Whether another writer was faster, so that the same change can be tried again."""
    text = str(error).lower()
    return not isinstance(error, CosmicError) and any(sign in text for sign in _CONFLICT)


def is_busy(error: BaseException) -> bool:
    """Whether an object store answers, and says that it cannot right now."""
    text = str(error).lower()
    return any(sign in text for sign in _BUSY)


def is_missing(error: BaseException) -> bool:
    """Whether an error says that an object or a table is not there (but its bucket is)."""
    text = str(error).lower()
    if "nosuchbucket" in text:
        return False
    return isinstance(error, FileNotFoundError | AtlasNotFoundError) or (
        "not found" in text or "no such file" in text
    )


def short(error: BaseException) -> str:
    """The first line of a message, without XML, addresses and places in the library's source."""
    text = re.sub(r", /[^ ]*\.rs:\d+:\d+.*", "", str(error), flags=re.DOTALL)
    text = re.sub(r"<[^>]*>.*", "", text, flags=re.DOTALL)
    text = re.sub(r"\s+", " ", without_secrets(text)).strip(" .:")
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
