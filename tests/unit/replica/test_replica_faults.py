"""Faults on demand: each kind looks as it does at a real archive, and comes out the same."""

import subprocess
import sys
import time
from email.utils import parsedate_to_datetime
from types import SimpleNamespace

import httpx2
import pytest

from cosmic_morphology.errors import CosmicError, InputError
from cosmic_morphology.replica import ArchiveCatalogue, Faults, Replica
from cosmic_morphology.replica.quirks import Quirks

IMAGE = "/nasa-assets/image/{0}/{0}~medium.jpg"


@pytest.fixture(scope="module")
def holdings():
    return ArchiveCatalogue.numbered(120, side_px=32)


@pytest.fixture(scope="module")
def replica(holdings):
    with Replica(holdings, quirks=Quirks.none()) as running:
        yield running


@pytest.fixture(scope="module")
def urls(replica, holdings):
    return [replica.url + IMAGE.format(record.nasa_id) for record in holdings.records]


@pytest.fixture
def client(replica):
    with httpx2.Client(timeout=1800) as running:
        yield running
    replica.set_faults(Faults())


IMPATIENT = httpx2.Timeout(1800, read=0.1)


def outcome(client, url):
    """One word for what came back."""
    try:
        answer = client.get(url)
    except httpx2.RemoteProtocolError:
        return "cut"
    if answer.status_code == 200 and answer.content[:2] != b"\xff\xd8":
        return "wrong_type"
    return str(answer.status_code)


def test_without_faults_every_image_comes(client, urls):
    assert {outcome(client, url) for url in urls} == {"200"}


@pytest.mark.parametrize("kind", ["429", "403", "500", "cut", "wrong_type"])
def test_a_fault_at_rate_one_strikes_every_request(client, replica, urls, kind):
    replica.set_faults(Faults(**{f"rate_{kind}": 1.0}))
    assert {outcome(client, url) for url in urls[:10]} == {kind}


@pytest.mark.parametrize("kind", ["429", "403", "500", "cut", "wrong_type"])
def test_a_single_request_can_ask_for_its_fault(replica, urls, kind):
    with httpx2.Client(headers={"X-Replica-Fault": kind}) as asking:
        assert outcome(asking, urls[0]) == kind
    with httpx2.Client() as other:
        assert outcome(other, urls[0]) == "200"


def test_all_kinds_together_come_at_their_rates_and_the_same_every_time(client, replica, urls):
    faults = Faults(
        rate_429=0.1, rate_403=0.1, rate_500=0.1, rate_cut=0.1, rate_wrong_type=0.1, seed=3
    )
    replica.set_faults(faults)
    first = [outcome(client, url) for url in urls]
    replica.set_faults(faults)
    assert [outcome(client, url) for url in urls] == first
    for kind in ("429", "403", "500", "cut", "wrong_type"):
        assert 3 <= first.count(kind) <= 24
    replica.set_faults(Faults(rate_500=0.5, seed=4))
    assert [outcome(client, url) for url in urls] != first


def test_whoever_tries_again_gets_everything(client, replica, urls):
    replica.set_faults(Faults(rate_429=0.4, rate_cut=0.4, rate_wrong_type=0.2, first_n_only=2))
    for _ in range(2):
        assert "200" not in {outcome(client, url) for url in urls}
    assert {outcome(client, url) for url in urls} == {"200"}


def test_what_is_gone_or_refused_for_ever_stays_so(client, replica, urls):
    replica.set_faults(Faults(rate_gone=0.3, rate_refused=0.3))
    first = [outcome(client, url) for url in urls]
    assert set(first) == {"200", "404", "403"}
    assert [outcome(client, url) for url in urls] == first


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        (Faults(rate_429=1), None),
        (Faults(rate_429=1, retry_after_s=0), "0"),
        (Faults(rate_429=1, retry_after_s=1.2), "2"),
    ],
)
def test_retry_after_is_said_only_where_asked_for(client, replica, urls, faults, said):
    replica.set_faults(faults)
    assert client.get(urls[0]).headers.get("retry-after") == said


def test_retry_after_can_be_a_date(client, replica, urls):
    replica.set_faults(Faults(rate_429=1, retry_after_s=100, retry_after_as_date=True))
    before = time.time()
    said = parsedate_to_datetime(client.get(urls[0]).headers["retry-after"]).timestamp()
    assert before + 98 < said < time.time() + 102


def test_half_of_the_wrong_pages_lie_about_their_type(client, replica, urls):
    replica.set_faults(Faults(rate_wrong_type=1))
    said = [client.get(url).headers["content-type"] for url in urls]
    assert 30 < said.count("image/jpeg") < 90
    assert 30 < sum(kind.startswith("text/html") for kind in said) < 90


def test_latency_holds_every_answer_back(client, replica, urls):
    replica.set_faults(Faults(latency_s=0.2))
    begun = time.monotonic()
    assert outcome(client, urls[0]) == "200"
    assert time.monotonic() - begun >= 0.2


def test_a_timeout_outlasts_an_impatient_client(replica, client, urls):
    replica.set_faults(Faults(rate_timeout=1, timeout_s=0.5))
    with httpx2.Client(timeout=IMPATIENT) as impatient, pytest.raises(httpx2.ReadTimeout):
        impatient.get(urls[0])
    assert client.get(urls[0]).status_code == 504


def test_a_placeholder_is_one_image_for_many_urls(client, replica, urls):
    replica.set_faults(Faults(rate_placeholder=0.5))
    bodies = [client.get(url).content for url in urls]
    most = max(set(bodies), key=bodies.count)
    assert bodies.count(most) > 30
    assert len(set(bodies)) > 30


def test_an_unknown_schema_is_valid_json_without_a_collection(client, replica):
    replica.set_faults(Faults(schema_changed=True))
    answer = client.get(f"{replica.nasa_url}/search", params={"q": "galaxy"})
    assert answer.status_code == 200
    assert "collection" not in answer.json()


def test_faults_can_be_kept_to_one_part_of_the_archive(client, replica, urls):
    replica.set_faults(Faults(rate_500=1, only="/nasa-assets"))
    assert client.get(f"{replica.nasa_url}/search", params={"q": "galaxy"}).status_code == 200
    assert outcome(client, urls[0]) == "500"


def test_more_than_the_limit_in_a_second_is_refused(client, replica, urls, monkeypatch):
    monkeypatch.setattr("cosmic_morphology.replica.faults.time", SimpleNamespace(monotonic=int))
    replica.set_faults(Faults(limit_per_s=5))
    found = [outcome(client, url) for url in urls[:8]]
    assert found[:5] == ["200"] * 5
    assert found[5:] == ["429"] * 3


def test_the_log_knows_every_request_its_time_and_its_answer(client, replica, urls):
    replica.forget_requests()
    replica.set_faults(Faults(rate_gone=1, only="/nasa-assets"))
    client.get(urls[0])
    client.get(f"{replica.nasa_url}/search", params={"q": "galaxy"})
    seen = list(replica.requests)
    assert [(s.method, s.path, s.query, s.status) for s in seen] == [
        ("GET", urls[0].removeprefix(replica.url), "", 404),
        ("GET", "/nasa/search", "q=galaxy", 200),
    ]
    assert seen[0].time_s < seen[1].time_s
    assert replica.requests.count("/nasa-assets", status=404) == 1
    assert replica.requests.by_path("/nasa/") == {"/nasa/search?q=galaxy": 1}
    near = seen[1].time_s - seen[0].time_s < 1
    assert replica.requests.most_in_a_second() == (2 if near else 1)


def test_faults_that_make_no_sense_are_refused(replica):
    with pytest.raises(InputError, match="add up to 1"):
        Faults(rate_429=0.7, rate_500=0.7)
    with pytest.raises(InputError, match="no such fault"):
        Faults.from_json({"rate_418": 1})
    answer = httpx2.put(f"{replica.url}/__faults__", json={"rate_418": 1})
    assert answer.status_code == 400
    with pytest.raises(CosmicError, match="no such fault"):
        replica._call("PUT", "/__faults__", {"rate_418": 1})


def test_a_replica_stops_at_once_though_answers_are_held_back(holdings):
    with Replica(holdings, faults=Faults(rate_timeout=1, timeout_s=100_000)) as running:
        url = running.url + IMAGE.format(holdings.records[0].nasa_id)
        with httpx2.Client(timeout=IMPATIENT) as impatient, pytest.raises(httpx2.ReadTimeout):
            impatient.get(url)


def test_serving_in_the_foreground_says_its_address_and_ends_on_interrupt():
    code = (
        "from cosmic_morphology.replica import ArchiveCatalogue, build_app\n"
        "from cosmic_morphology.replica.server import serve\n"
        "app = build_app(ArchiveCatalogue.numbered(3, side_px=32))\n"
        "serve(app, host='127.0.0.1', port=0, started=lambda url: print(url, flush=True))\n"
        "print('ended')\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as own:
        url = own.stdout.readline().strip()
        found = httpx2.get(f"{url}/nasa/search", params={"q": "galaxy"}).json()
        own.send_signal(2)
        rest, _ = own.communicate(timeout=1800)
    assert found["collection"]["metadata"]["total_hits"] == 3
    assert rest.strip() == "ended"
    assert own.returncode == 0
