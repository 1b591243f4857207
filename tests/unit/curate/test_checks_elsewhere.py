"""Labels and checks are the same, cell by cell, wherever votes are gone through."""

from __future__ import annotations

from curated_work import columns_of, make_catalogue
from engine_work import OneProcess

from cosmic_morphology.curate import check_mislabels, check_relevance, label, vote
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import load_taxonomy

HOW = {"taxonomy": load_taxonomy(), "settings": CurateSettings()}


def test_labels_and_checks_of_other_processes_are_those_of_this_one(tmp_path):
    found = {}
    for name, engine in (("here", None), ("elsewhere", OneProcess())):
        atlas = make_catalogue(tmp_path / name)
        vote(atlas, **HOW)
        for stage in (label, check_relevance, check_mislabels):
            assert stage(atlas, **HOW, engine=engine).changed
        found[name] = columns_of(atlas)
    assert found["here"] == found["elsewhere"]
    # The other engine finds the columns of the first up to date.
    for stage in (label, check_relevance, check_mislabels):
        assert not stage(atlas, **HOW).changed
    rows = {row["id"]: row for row in found["here"]}
    assert sum(row["mislabel_flag"] for row in rows.values()) > 5
    assert sum(row["relevance_flag"] for row in rows.values()) > 5
    assert rows["made:0011"]["label_kind"] == "checked"
