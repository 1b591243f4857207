"""The tables of the atlas: every column, its type, its meaning and the stage that owns it."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

import pyarrow as pa

SCHEMA_VERSION = 2
SCHEMA_KEY = b"cosmic_schema"

SPLITS = ("train", "val", "test")
"""What a split divides labelled images into; an image in none of them has ``none``."""

TABLES = ("images", "catalogue", "decisions", "ledger")

# Lance compares the keys of two inserts at the same moment, and lets one of them read again, only
# where the key is marked like this and cannot be null.
PRIMARY_KEY = b"lance-schema:unenforced-primary-key"

_TEXTS = pa.list_(pa.string())
_TIME = pa.timestamp("us", tz="UTC")

VOTE_TYPE = pa.list_(
    pa.struct(
        [
            ("voter", pa.string()),
            ("label", pa.string()),
            ("weight", pa.float32()),
            ("reason", pa.string()),
            ("people", pa.int32()),  # how many gave it; null for what no person said
        ]
    )
)

# A float64, so that a record that is read again is the same.
ANSWER_TYPE = pa.struct(
    [("answer", pa.string()), ("fraction", pa.float64()), ("people", pa.int32())]
)


def _key(name: str) -> pa.Field:
    return pa.field(name, pa.string(), nullable=False, metadata={PRIMARY_KEY: b"true"})


IMAGES = pa.schema(
    [
        _key("id"),
        ("sha256", pa.string()),
        ("media_type", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("n_frames", pa.int32()),
        ("phash", pa.list_(pa.uint8(), 8)),
        ("brightness", pa.float32()),
        ("contrast", pa.float32()),
        ("sharpness", pa.float32()),
        ("blankness", pa.float32()),
        ("colourfulness", pa.float32()),
        ("thumbnail", pa.binary()),
        ("image", pa.large_binary()),  # null where the thumbnail is the original
    ]
)

REPORTED_COLUMNS = pa.schema(
    [
        _key("id"),
        ("source", pa.string()),
        ("title", pa.string()),
        ("description", pa.string()),
        ("keywords", _TEXTS),
        ("credit", pa.string()),
        ("licence", pa.string()),
        ("created_at", pa.string()),
        ("page_url", pa.string()),
        ("image_url", pa.string()),
        ("queries", _TEXTS),
        ("given_label", pa.string()),
        ("answers", pa.list_(ANSWER_TYPE)),
        ("subjects", _TEXTS),
        ("names", _TEXTS),
        ("albums", _TEXTS),
        ("collection", pa.string()),
        ("lineage", _TEXTS),
        ("parameters", pa.string()),
        ("fetched_at", _TIME),
    ]
)

DECISIONS = pa.schema(
    [
        _key("decision"),
        ("id", pa.string()),
        ("verdict", pa.string()),
        ("label", pa.string()),
        ("who", pa.string()),
        ("at", _TIME),
        ("why", pa.string()),
    ]
)

LEDGER = pa.schema(
    [
        _key("url"),
        ("id", pa.string()),
        ("source", pa.string()),
        ("slice", pa.string()),
        ("state", pa.string()),
        ("attempts", pa.int32()),
        ("status_code", pa.int32()),
        ("error_kind", pa.string()),
        ("error", pa.string()),
        ("etag", pa.string()),
        ("last_modified", pa.string()),
        ("updated_at", _TIME),
        ("record", pa.string()),
    ]
)

KEYS = {"images": "id", "catalogue": "id", "decisions": "decision", "ledger": "url"}


@dataclass(frozen=True, slots=True)
class Column:
    """A derived column: of ``images`` where it is seen in the pixels, else of the catalogue."""

    name: str
    type: pa.DataType | None
    stage: str
    meaning: str
    table: str = "catalogue"


def _check(name: str, meaning: str) -> tuple[Column, ...]:
    return (
        Column(f"{name}_score", pa.float32(), name, f"{meaning}: in [0, 1], 1 = fine"),
        Column(f"{name}_flag", pa.bool_(), name, f"{meaning}: true = something is wrong"),
        Column(f"{name}_reason", pa.string(), name, f"{meaning}: why, in words"),
    )


DERIVED_COLUMNS: tuple[Column, ...] = (
    Column("votes", VOTE_TYPE, "votes", "who said what, how strongly, and why"),
    Column(
        "text_probabilities",
        pa.list_(pa.float32()),
        "votes",
        "of all classes, by the record's texts alone; empty where they are silent",
    ),
    Column(
        "label",
        pa.string(),
        "labels",
        "the class, or empty where the voters abstain or are not sure enough",
    ),
    Column("label_confidence", pa.float32(), "labels", "probability of the label, in [0, 1]"),
    Column(
        "label_kind", pa.string(), "labels", "checked (by a person), volunteers, computed, or none"
    ),
    *_check("relevance", "shows a celestial object of the taxonomy"),
    Column(
        "copies_found",
        pa.list_(pa.struct([("id", pa.string()), ("likeness", pa.float32())])),
        "duplicate",
        "images that the search found to be copies of it, with their likeness in [0, 1]",
    ),
    *_check("duplicate", "is the best copy of its image"),
    Column("duplicate_of", pa.string(), "duplicate", "id of the best copy, itself when it is"),
    *_check("mislabel", "agrees with its label"),
    Column("suggested_label", pa.string(), "mislabel", "what the label should be"),
    Column("group", pa.string(), "group", "images that no split may part"),
    Column("group_reason", pa.string(), "group", "what ties the group together"),
    Column("split", pa.string(), "split", "train, val, test, or none (left out)"),
    Column("split_reason", pa.string(), "split", "why it is left out; empty where it is not"),
    Column("fold", pa.int32(), "split", "fold of an image of train or val, from 0; or empty"),
)

FAMILIES: tuple[Column, ...] = (
    Column(
        "embedding_*",
        None,
        "embed",
        "what the frozen backbone of this name sees: half floats",
        table="images",
    ),
    Column(
        "levels_*",
        None,
        "embed",
        "what the middle stages of that backbone see, too: half floats",
        table="images",
    ),
    Column(
        "map_*",
        None,
        "map",
        "place on the map by this method, two numbers in [0, 1]",
        table="images",
    ),
    Column(
        "keypoints",
        pa.binary(),
        "duplicate",
        "local features, to search copies by",
        table="images",
    ),
    Column(
        "zero_shot",
        None,
        "zero_shot",
        "probabilities by a text-image model, by class",
        table="images",
    ),
    Column(
        "text_image",
        None,
        "phrases",
        "what a text-image model sees, to be found by a phrase: half floats",
        table="images",
    ),
    Column("run_*", None, "runs", "probabilities by a trained run that votes, by class"),
    Column("trained_on_by_*", pa.bool_(), "runs", "whether that run has learned from the group"),
    Column("prediction_*", pa.string(), "predict", "the class that the run of this name says"),
    Column("confidence_*", pa.float32(), "predict", "the probability of that class, in [0, 1]"),
    Column("probabilities_*", None, "predict", "of all classes of the run, in their order"),
)
"""Columns that some stages add, by name or by what their names begin with; ``None``: the type
depends on the number of classes or features."""

# Computed row by row from what is said alone: stale as soon as the record says something else.
DERIVED_FROM_REPORTED = ("votes", "text_probabilities")

DERIVED_BY_NAME = {column.name: column for column in DERIVED_COLUMNS}


def table_schema(name: str) -> pa.Schema:
    """The schema of one of :data:`TABLES` as it is created, with the schema version inside."""
    bare = {
        "images": IMAGES,
        "catalogue": REPORTED_COLUMNS,
        "decisions": DECISIONS,
        "ledger": LEDGER,
    }[name]
    return bare.with_metadata({SCHEMA_KEY: str(SCHEMA_VERSION).encode()})


def describe_column(name: str) -> Column | None:
    """What a derived column is, by its name; None for one that no stage of ours writes.

    Examples
    --------
    >>> describe_column("label").stage, describe_column("nothing")
    ('labels', None)
    """
    if name in DERIVED_BY_NAME:
        return DERIVED_BY_NAME[name]
    return next((each for each in FAMILIES if fnmatchcase(name, each.name)), None)


def table_of(name: str) -> str:
    """The table that a derived column stands in.

    Examples
    --------
    >>> table_of("embedding_resnet50"), table_of("label")
    ('images', 'catalogue')
    """
    column = describe_column(name)
    return column.table if column else "catalogue"


def derived_field(name: str, type_: pa.DataType | None = None) -> pa.Field:
    """The field of a derived column: a fixed one, or a ``embedding_…``/``prediction_…`` one.

    Examples
    --------
    >>> str(derived_field("label").type)
    'string'
    """
    if name in DERIVED_BY_NAME:
        return pa.field(name, DERIVED_BY_NAME[name].type)
    if type_ is None:
        msg = f"the column {name!r} is not in the schema and no type was given"
        raise KeyError(msg)
    return pa.field(name, type_)
