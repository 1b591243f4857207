"""Every source that is built in has all that one needs; a new one is tested by being there."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from cosmic_morphology.collect import SourceRequest, find_source
from cosmic_morphology.collect.http.url_policy import UrlPolicy
from cosmic_morphology.collect.sources import BUILT_IN
from cosmic_morphology.collect.sources.base import Source, declared_rates
from cosmic_morphology.settings import CollectJob
from cosmic_morphology.taxonomy import load_taxonomy

PAGE = (Path(__file__).parents[3] / "docs/howto/collect.md").read_text("utf-8")


@pytest.fixture(params=sorted(BUILT_IN))
def source(request, tmp_path) -> Source:
    (tmp_path / "positions.csv").write_text("ra,dec\n10.7,41.3\n", "utf-8")
    options = {"cutouts": {"table": str(tmp_path / "positions.csv")}}
    job = CollectJob(type=request.param, options=options.get(request.param, {}))
    wanted = SourceRequest(job, load_taxonomy(), contact="tests@example.org")
    return find_source(wanted)


def test_it_is_a_source_under_the_name_that_it_is_asked_for_by(source):
    assert isinstance(source, Source)
    assert source.name in BUILT_IN
    assert source.queries


def test_it_declares_how_often_its_own_hosts_may_be_asked(source):
    allowed = UrlPolicy(source.hosts)
    rates = declared_rates(source)
    assert rates
    for host, rate in rates.items():
        assert rate > 0
        allowed.normalise(f"https://{host}/")  # raises for a host of nobody's


def test_a_replica_stands_in_for_it(source):
    assert find_spec(f"cosmic_morphology.replica.archives.{source.name}")


def test_the_page_of_the_sources_has_a_part_on_it(source):
    assert re.search(rf"^## {source.name}$", PAGE, re.MULTILINE)
