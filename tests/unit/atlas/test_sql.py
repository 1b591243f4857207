"""Filters of a person: columns of runs may be named as they stand."""

import pyarrow as pa
import pytest

from cosmic_morphology.atlas import ColumnProvenance
from cosmic_morphology.atlas.query import check_filter, count_by
from cosmic_morphology.atlas.sql import with_quoted_columns
from cosmic_morphology.errors import UsageError

NAMES = ["id", "label", "prediction_linear-probe", "prediction_linear-probe-2", "confidence_a"]


@pytest.mark.parametrize(
    ("where", "quoted"),
    [
        ("label = 'x'", "label = 'x'"),
        ("prediction_linear-probe = 'x'", "`prediction_linear-probe` = 'x'"),
        ("`prediction_linear-probe` = 'x'", "`prediction_linear-probe` = 'x'"),
        ("prediction_linear-probe-2 = 'x'", "`prediction_linear-probe-2` = 'x'"),
        ("label = 'prediction_linear-probe'", "label = 'prediction_linear-probe'"),
        ("label = 'it''s' OR prediction_linear-probe IS NULL",
         "label = 'it''s' OR `prediction_linear-probe` IS NULL"),
        ("(prediction_linear-probe)=label", "(`prediction_linear-probe`)=label"),
        ("prediction_linear-probes = 'x'", "prediction_linear-probes = 'x'"),
        ("confidence_a-1 > 0", "confidence_a-1 > 0"),
    ],
)  # fmt: skip
def test_names_with_a_hyphen_are_quoted_and_nothing_else(where, quoted):
    assert with_quoted_columns(where, NAMES) == quoted


def test_the_column_of_a_run_with_a_hyphen_is_filtered_by_its_name(filled):
    ids = filled.ids()
    table = pa.table({"id": ids, "prediction_linear-probe": ["star"] * 3 + ["comet"] * 7})
    filled.replace_columns(table, ColumnProvenance("predict"))
    where = "prediction_linear-probe = 'star' AND id IS NOT NULL"
    assert filled.ids(where) == filled.ids("`prediction_linear-probe` = 'star'")
    assert len(filled.ids(where)) == 3
    assert filled.count("catalogue", where) == 3
    assert filled.read(["id"], where=where).num_rows == 3
    assert count_by(filled, "prediction_linear-probe", where) == {"star": 3}
    check_filter(filled.table("catalogue"), where)
    with pytest.raises(UsageError):
        check_filter(filled.table("catalogue"), "prediction_linear-prob = 'star'")
