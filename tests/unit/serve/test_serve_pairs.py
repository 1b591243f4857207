"""Two images side by side: said to be one or not, by those who may write."""

from __future__ import annotations

import numpy as np
import pytest
from served_sky import Served, labelled_atlas

from cosmic_morphology.atlas import ColumnProvenance
from cosmic_morphology.curate import pairs_said
from cosmic_morphology.curate.duplicates.columns import Copies, decide_copies, write_found
from cosmic_morphology.curate.duplicates.seen import read_seen

AS_PERSON = {"accept": "text/html"}


@pytest.fixture
def served(tmp_path) -> Served:
    atlas = labelled_atlas(tmp_path / "atlas", 6)
    found = Copies(np.array([[0, 1]]), np.array([0.9], np.float32), 1)
    write_found(atlas, read_seen(atlas), found, ColumnProvenance("duplicate"))
    decide_copies(atlas)
    return Served(atlas, tmp_path)


@pytest.mark.parametrize("path", ["/image/{}", "/conflicts"])
def test_copies_stand_side_by_side_and_can_be_judged_by_those_who_may(served, path):
    one, other, *_ = sorted(served.atlas.ids())
    page = served.writer.get(path.format(one), headers=AS_PERSON).text
    assert "not the same" in page
    assert "<dt>duplicate of</dt><dd>" + one not in page
    assert {f'data-pair="{each}"' in page for each in (one, other)} == {True, False}
    assert "not the same" not in served.reader.get(path.format(one), headers=AS_PERSON).text


def test_a_word_on_two_images_is_stored_and_shown_on_both(served):
    one, other, *_ = sorted(served.atlas.ids())
    said = {"id": one, "other": other, "verdict": "different"}
    assert served.reader.post("/api/v1/decisions/pair", json=said).status_code == 401
    assert pairs_said(served.atlas).apart == ()
    assert served.writer.post("/api/v1/decisions/pair", json=said).json() == {"stored": 1}
    assert pairs_said(served.atlas).apart == ((one, other),)
    for id_ in (one, other):
        assert "ann: different" in served.reader.get(f"/image/{id_}", headers=AS_PERSON).text
        page = served.writer.get(f"/image/{id_}", headers=AS_PERSON).text
        assert 'data-given="different ' in page
    served.writer.post("/api/v1/decisions/pair", json=said | {"verdict": "withdraw pair"})
    assert pairs_said(served.atlas).apart == ()
    for wrong in ({"other": "nobody"}, {"other": one}, {"verdict": "equal"}):
        answer = served.writer.post("/api/v1/decisions/pair", json=said | wrong)
        assert answer.status_code in {400, 404, 422}
