"""Who gets in, who may write, and what is refused before a page is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from served_sky import HOST, Served, labelled_atlas

from cosmic_morphology.atlas import all_decisions
from cosmic_morphology.errors import InputError, UsageError
from cosmic_morphology.serve import serve
from cosmic_morphology.serve.access.reviewers import (
    Reviewer,
    Reviewers,
    TooManyTriesError,
    read_reviewers,
)
from cosmic_morphology.settings import ServeSettings, Settings


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Served:
    place = tmp_path_factory.mktemp("served")
    return Served(labelled_atlas(place / "atlas"), place)


def verdict(served, label="star"):
    return [{"id": served.atlas.ids()[0], "verdict": "label", "label": label}]


def test_everybody_on_this_machine_may_look_and_nobody_may_write_without_a_token(served):
    assert served.reader.get("/gallery").status_code == 200
    before = len(all_decisions(served.atlas))
    answer = served.reader.post("/api/v1/decisions", json=verdict(served))
    assert answer.status_code == 401
    assert "token" in answer.json()["error"]
    assert len(all_decisions(served.atlas)) == before


def test_a_token_gives_its_name_to_the_verdict(served):
    assert served.writer.post("/api/v1/decisions", json=verdict(served)).json() == {"stored": 1}
    assert all_decisions(served.atlas)[-1].who == "ann"


def test_a_link_becomes_a_cookie_that_scripts_and_other_sites_do_not_get(served):
    browser = served.browser()
    answer = browser.get(f"/gallery?label=comet&token={served.token}")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/gallery?label=comet"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    written = browser.post("/api/v1/decisions", json=verdict(served), headers={"origin": HOST})
    assert written.status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", None, "http://127.0.0.1:1"])
def test_pages_of_other_sites_write_nothing_with_our_cookie(served, origin):
    browser = served.browser()
    browser.get(f"/?token={served.token}")
    headers = {"origin": origin} if origin else {}
    answer = browser.post("/api/v1/decisions", json=verdict(served), headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8620", "", "127.0.0.1.evil.example"]
)
def test_another_name_for_our_address_is_refused(served, host):
    answer = served.reader.get("/gallery", headers={"host": host})
    assert answer.status_code == 421


def test_wrong_and_old_tokens_are_told_and_guessing_is_stopped():
    clock = [0.0]
    found = Reviewers(now=lambda: clock[0])
    found.add("the right token....", Reviewer("ann"))
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    found.add("an old token.......", Reviewer("bob", yesterday))
    assert found.of("the right token....", "a") == Reviewer("ann")
    assert found.of("an old token.......", "a") is None
    for _ in range(19):
        assert found.of("guess", "a") is None
    with pytest.raises(TooManyTriesError):
        found.of("the right token....", "a")
    assert found.of("the right token....", "another client")
    clock[0] = 61.0
    assert found.of("the right token....", "a")


def test_guessing_over_http_ends_in_429(tmp_path):
    served = Served(labelled_atlas(tmp_path / "atlas", 3), tmp_path)
    codes = [
        served.reader.get("/api/v1/health", headers={"authorization": f"Bearer no{n}"}).status_code
        for n in range(25)
    ]
    assert set(codes[:20]) == {401}
    assert set(codes[20:]) == {429}


def test_bodies_that_are_too_large_are_refused_while_they_come(tmp_path):
    served = Served(labelled_atlas(tmp_path / "atlas", 3), tmp_path, max_upload_mb=0.01)
    answer = served.writer.post("/api/v1/decisions", content=b" " * 20_000)
    assert answer.status_code == 413

    def in_pieces():
        for _ in range(20):
            yield b" " * 1000

    answer = served.writer.post("/api/v1/decisions", content=in_pieces())
    assert answer.status_code == 413


def test_too_many_requests_of_one_client_are_refused(tmp_path):
    served = Served(labelled_atlas(tmp_path / "atlas", 3), tmp_path, requests_per_minute=5)
    codes = [served.reader.get("/api/v1/health").status_code for _ in range(7)]
    assert codes == [200] * 5 + [429] * 2


@pytest.mark.parametrize("path", ["/", "/gallery", "/review", "/api/v1/health", "/nowhere"])
def test_every_answer_says_what_a_browser_may_do_with_it(served, path):
    headers = served.reader.get(path, headers={"accept": "text/html"}).headers
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


def test_files_of_reviewers(tmp_path):
    file = tmp_path / "tokens.toml"
    file.write_text(
        'ann = "sixteen letters or more"\n'
        'bob = {token = "another one of that kind", until = 2999-01-31}\n'
    )
    found = {person.name: person.until for _, person in read_reviewers(file)}
    assert found["ann"] is None
    assert found["bob"].year == 2999
    for wrong in ('ann = "short"', "ann = 5", "ann = {until = 2027-01-01}", "ann =", "\x00"):
        file.write_text(wrong)
        with pytest.raises(InputError):
            list(read_reviewers(file))
    with pytest.raises(InputError):
        list(read_reviewers(tmp_path / "none.toml"))


def test_a_network_is_not_served_without_anybody_being_named(tmp_path):
    settings = Settings(atlas=str(tmp_path), serve=ServeSettings(host="0.0.0.0"))
    with pytest.raises(UsageError, match="nobody is named"):
        serve(settings, tell=print)
