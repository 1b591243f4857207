"""Files of others are what they were, and every file of ours comes from this server."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files

import pytest
from served_sky import Served, labelled_atlas

STATIC = files("cosmic_morphology.serve") / "static"
LISTED = re.findall(
    r"^\| `([^`]+)` .*`([0-9a-f]{64})` \|$", (STATIC / "vendor/README.md").read_text(), re.MULTILINE
)


@pytest.mark.parametrize(("name", "digest"), LISTED)
def test_scripts_of_others_are_those_that_were_looked_at(name, digest):
    assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == digest


def test_every_file_of_others_is_listed_with_its_licence():
    there = {
        str(file.relative_to(STATIC / "vendor"))
        for file in (STATIC / "vendor").rglob("*")
        if file.suffix in (".js", ".css")
    }
    assert there == {name for name, _ in LISTED}
    assert (STATIC / "vendor/htmx.LICENSE.txt").is_file()
    assert (STATIC / "vendor/swagger-ui/LICENSE.txt").is_file()


def test_pages_ask_no_other_host(tmp_path):
    served = Served(labelled_atlas(tmp_path / "atlas", 3), tmp_path)
    for path in ("/", "/gallery", "/review", "/classify", "/map", "/runs", "/conflicts", "/docs"):
        html = served.reader.get(path, headers={"accept": "text/html"}).text
        for address in re.findall(r'(?:src|href)="([^"]+)"', html):
            assert address.startswith(("/", "#")), (path, address)
            if address.startswith("/static/"):
                assert served.reader.get(address).status_code == 200, address


def test_metrics_count_by_route_and_not_by_address(tmp_path):
    served = Served(labelled_atlas(tmp_path / "atlas", 3), tmp_path)
    for number in range(5):
        served.reader.get(f"/image/nobody{number}")
    text = served.reader.get("/api/v1/metrics").text
    assert 'cosmic_requests_total{page="/image/{id_:path}",status="404"} 5.0' in text
    assert "nobody" not in text
