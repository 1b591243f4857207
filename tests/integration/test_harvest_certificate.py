"""The certificate is exact where one word has more hits than the archive shows."""

from __future__ import annotations

import asyncio

import pytest
from harvest_tools import TAXONOMY

from cosmic_morphology.collect import CountChanged, SkippedRecord, SourceRequest
from cosmic_morphology.collect.harvest.completeness import CompletenessCounter
from cosmic_morphology.collect.http.client import Client
from cosmic_morphology.collect.http.url_policy import UrlPolicy
from cosmic_morphology.collect.sources.nasa.source import Nasa
from cosmic_morphology.replica import ArchiveCatalogue, Replica
from cosmic_morphology.settings import CollectJob, CollectSettings


async def account(root):
    """Read every record of one word; no image is fetched."""
    source, tally = (
        Nasa(SourceRequest(CollectJob(type="nasa", root=root, queries=("galaxy",)), TAXONOMY)),
        CompletenessCounter("nasa"),
    )
    async with Client(CollectSettings(), UrlPolicy(source.hosts, root)) as client:
        async for part in source.slices(client):
            tally.open(part)
            async for found in source.records(client, part):
                if isinstance(found, CountChanged):
                    tally.recount(part, found.announced)
                else:
                    tally.count(part, found.source_id)
                    assert not isinstance(found, SkippedRecord) or found.source_id
    return tally


@pytest.mark.parametrize("heavy_year", [None, pytest.param(2015, marks=pytest.mark.long)])
def test_a_word_with_26858_hits_is_read_to_the_last_record(heavy_year):
    archive = ArchiveCatalogue.numbered(26_858, side_px=32, heavy_year=heavy_year, heavy_share=0.7)
    with Replica(archive, process=True) as replica:
        tally = asyncio.run(account(replica.nasa_url))
    reports = tally.reports()
    assert tally.unique == 26_858
    assert all(report.is_complete for report in reports)
    assert {report.total for report in reports} == {26_858}
    assert sum(report.announced for report in reports) == 26_858
    assert sum(report.unique for report in reports) == 26_858
    assert reports[-1].name == "galaxy/undated"
    assert any("/2015/" in report.name for report in reports) == (heavy_year is not None)
