"""Killed anywhere, the same command ends with the atlas of an undisturbed run."""

from __future__ import annotations

import pytest
from kill_tools import run_rounds

from cosmic_morphology.replica import ArchiveCatalogue, Replica


@pytest.mark.parametrize("kills", [4, pytest.param(50, marks=pytest.mark.long)])
def test_every_verb_killed_at_random_calls_ends_as_if_undisturbed(tmp_path, kills):
    with Replica(ArchiveCatalogue.numbered(12, side_px=32)) as replica:
        rounds = run_rounds(tmp_path, kills, replica.nasa_url)
    assert [each for each in rounds if not each.is_same or each.problems] == []
