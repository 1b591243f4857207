"""A small table in an object store is read once; what is written is hashed before it is sent."""

from __future__ import annotations

import gc
import pickle

import pyarrow as pa
import pytest
from drawn_images import make_arrival

from cosmic_morphology.atlas import Atlas, ColumnProvenance, verify_atlas
from cosmic_morphology.atlas.query import take
from cosmic_morphology.atlas.storage import commit, local_copy

pytest.importorskip("moto", reason="the S3 server of the tests is not installed")

from s3_tools import s3_server

IMAGES = 6


@pytest.fixture(scope="module")
def store():
    with s3_server() as made:
        yield made


@pytest.fixture
def sky(store, request):
    server, options = store
    atlas = Atlas.create(f"s3://sky/{request.node.name[:40]}", storage_options=options)
    atlas.add([make_arrival(n) for n in range(IMAGES)])
    return server, options, atlas


def labelled(atlas, label, **parameters):
    ids = atlas.ids()
    rows = pa.table({"id": ids, "label": [label] * len(ids)})
    atlas.replace_columns(rows, ColumnProvenance("labels", parameters))


def asked(server, method="GET", part="/data/"):
    return [path for used, path in server.requests if used == method and part in path]


def labels(atlas):
    return set(atlas.read(["label"]).column("label").to_pylist())


def test_a_file_is_read_once_and_what_others_write_is_seen(sky):
    server, options, atlas = sky
    reader = Atlas.open(atlas.uri, storage_options=options)
    server.begin()
    for _ in range(3):
        assert len(reader.ids()) == reader.count("catalogue", "source = 'nasa'") == IMAGES
        assert take(reader, reader.ids()[:2], ["id", "thumbnail"]).num_rows == 2
    assert len(asked(server)) == len(set(asked(server))) == 2  # a file of each table
    labelled(atlas, "comet")
    atlas.add([make_arrival(IMAGES)])
    commit.delete(atlas.table("catalogue"), f"id = '{atlas.ids()[0]}'")
    server.begin()
    for _ in range(2):
        assert labels(reader) == {"comet", None}
        assert len(reader.ids()) == IMAGES
    files = asked(server)
    assert len(files) == len(set(files)) == 3  # the label, and the new row in two tables


def test_what_a_stage_writes_is_neither_read_back_nor_fetched(sky):
    server, _, atlas = sky
    with atlas.held():
        atlas.ids()
        server.begin()
        labelled(atlas, "comet")
        assert labels(atlas) == {"comet"}
        assert (len(asked(server, "PUT")), asked(server)) == (1, [])
        assert asked(server, part="_transactions") == []
        assert len(asked(server, part="_versions")) == 1  # its bytes are Lance's own
        # A listing, the values, Lance's two files, one of these back, and the hashes.
        assert len(server.requests) == 6
        server.begin()
        labelled(atlas, "galaxy")  # in the same place: the values, then the stamp
        assert (len(asked(server, "PUT")), asked(server)) == (1, [])
        assert len(server.requests) == 11
    assert labels(atlas) == {"galaxy"}
    result = verify_atlas(atlas)
    assert (result.problems, result.not_checked) == ((), ())


def test_a_hash_is_of_what_was_written_not_of_what_the_store_has_made_of_it(sky):
    server, _, atlas = sky
    labelled(atlas, "comet")
    (path,) = (f.path for f in atlas.table("catalogue").get_fragments()[0].data_files()[1:])
    key = f"{atlas.uri.removeprefix('s3://sky/')}/catalogue.lance/data/{path}"
    data = server.client.get_object(Bucket="sky", Key=key)["Body"].read()
    server.client.put_object(Bucket="sky", Key=key, Body=data[:99] + b"?" + data[100:])
    (problem,) = (each for each in verify_atlas(atlas).problems if each.kind == "file_changed")
    assert path in problem.what


def test_a_large_table_is_read_and_written_in_the_store(sky, monkeypatch):
    server, options, atlas = sky
    monkeypatch.setattr(local_copy, "MOST_BYTES", 0)
    far = Atlas.open(atlas.uri, storage_options=options)
    labelled(far, "comet")
    server.begin()
    assert (labels(far), labels(far)) == ({"comet"}, {"comet"})
    assert len(asked(server)) > len(set(asked(server)))
    labelled(far, "galaxy", again=True)
    assert labels(atlas) == {"galaxy"}
    result = verify_atlas(far)
    assert (result.problems, result.not_checked) == ((), ())


def test_a_copy_goes_with_its_table_and_stays_in_its_process(sky):
    _, _, atlas = sky
    ids = atlas.ids()
    copied = atlas.table("catalogue").copy
    folder = copied.path("")
    assert folder.is_dir()
    there = pickle.loads(pickle.dumps(copied))
    assert there.path("") != folder
    del there
    again = Atlas.open(atlas.uri, storage_options=atlas.store.storage_options)
    assert again.ids() == ids
    other = again.table("catalogue").copy.path("")
    del again
    gc.collect()
    assert folder.is_dir()
    assert not other.exists()
