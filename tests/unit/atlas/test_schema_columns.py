"""The schema lists every column that the stages of curation write."""

from __future__ import annotations

import pyarrow as pa

from cosmic_morphology.atlas import ColumnProvenance
from cosmic_morphology.atlas.schema import DERIVED_COLUMNS, describe_column, table_schema
from cosmic_morphology.curate import (
    check_mislabels,
    check_relevance,
    find_duplicates,
    group_images,
    label,
    split_images,
    vote,
)
from cosmic_morphology.settings import CurateSettings, SplitSettings
from cosmic_morphology.taxonomy import load_taxonomy


def test_every_column_of_a_curated_atlas_is_listed_with_its_type(filled):
    taxonomy, settings = load_taxonomy(), CurateSettings()
    find_duplicates(filled, settings=settings)
    vote(filled, taxonomy=taxonomy, settings=settings)
    group_images(filled, settings=settings)
    for stage in (label, check_relevance, check_mislabels):
        stage(filled, taxonomy=taxonomy, settings=settings)
    split_images(filled, settings=SplitSettings(folds=2), seed=1)
    schema = filled.table("catalogue").schema
    said = set(table_schema("catalogue").names)
    for name in set(schema.names) - said:
        told = describe_column(name)
        assert told is not None, name
        assert told.type in (None, schema.field(name).type)
    assert {column.name for column in DERIVED_COLUMNS} == set(schema.names) - said


def test_a_strangers_column_is_not_listed(filled):
    ids = filled.ids()
    filled.replace_columns(pa.table({"id": ids, "mine": ids}), ColumnProvenance("mine"))
    assert describe_column("mine") is None
