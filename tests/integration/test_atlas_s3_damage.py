"""Creation, damage and refusals of an atlas in an object store."""

from __future__ import annotations

import pytest
from drawn_images import make_arrival

from cosmic_morphology import errors
from cosmic_morphology.atlas import TABLES, Atlas, verify_atlas

pytest.importorskip("moto", reason="the S3 server of the tests is not installed")

from s3_tools import s3_server


@pytest.fixture(scope="module")
def store():
    with s3_server() as made:
        yield made


def keys(server, place: str) -> set[str]:
    listed = server.client.list_objects_v2(Bucket="sky", Prefix=place)
    return {each["Key"].removeprefix(f"{place}/") for each in listed.get("Contents", ())}


def without_manifest(found: set[str]) -> set[str]:
    return {
        name
        for name in TABLES
        if any(key.startswith(f"{name}.lance/") for key in found)
        and not any(key.startswith(f"{name}.lance/_versions/") for key in found)
    }


def stopped_creations(store, method: str) -> set[str]:
    """Stop a creation at each request of a kind in turn; tables that were met half made."""
    server, options = store
    met: set[str] = set()
    number = 0
    while True:
        number += 1
        place = f"stopped-{method}-{number}"
        seen = 0

        def refuses(_number: int, used: str, path: str) -> bool:
            # From the n-th request of this kind on: a process that is gone asks for nothing more.
            nonlocal seen
            seen += used == method and place in path  # noqa: B023 - used within this turn
            return seen >= number and place in path  # noqa: B023

        server.begin(refuses)
        try:
            Atlas.create(f"s3://sky/{place}", storage_options=options)
        except errors.AtlasStoreError:
            server.begin()
        else:
            server.begin()
            return met
        met |= without_manifest(keys(server, place))
        atlas = Atlas.create(f"s3://sky/{place}", storage_options=options)
        assert atlas.add([make_arrival(1)]) == 1
        found = verify_atlas(atlas)
        assert (found.problems, found.not_checked) == ((), ())


def test_a_creation_that_stopped_at_any_write_is_finished_by_the_same_command(store):
    assert stopped_creations(store, "PUT") == set(TABLES)


@pytest.mark.long
def test_a_creation_that_stopped_at_any_read_is_finished_by_the_same_command(store):
    stopped_creations(store, "GET")


def test_damage_of_objects_is_found_and_named(store):
    server, options = store
    place = "s3://sky/damaged"
    atlas = Atlas.create(place, storage_options=options)
    atlas.add([make_arrival(n) for n in range(3)])
    assert verify_atlas(place, storage_options=options).is_sound
    data = next(each for each in keys(server, "damaged") if "images.lance/data/" in each)
    body = server.client.get_object(Bucket="sky", Key=f"damaged/{data}")["Body"].read()
    flipped = bytes([*body[:9], body[9] ^ 1, *body[10:]])
    server.client.put_object(Bucket="sky", Key=f"damaged/{data}", Body=flipped)
    gone = next(each for each in keys(server, "damaged") if "catalogue.lance/data/" in each)
    server.client.delete_object(Bucket="sky", Key=f"damaged/{gone}")
    found = verify_atlas(place, storage_options=options)
    assert {(each.kind, each.table, each.fragment, each.rows) for each in found.problems} == {
        ("file_changed", "images", 0, 3),
        ("file_missing", "catalogue", 0, 3),
    }
    with pytest.raises(errors.AtlasDamagedError, match="'catalogue' cannot be read"):
        Atlas.open(place, storage_options=options).read()
