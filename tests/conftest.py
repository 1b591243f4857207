"""Images and atlases that tests make for themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from drawn_images import make_arrival
from hypothesis import HealthCheck, settings

from cosmic_morphology.atlas import Atlas, NewImage

# How long an example takes says how busy the machine is.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

SHARED = Path(__file__).parents[1].parent / "shared"


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Networks that tests export do not fill the cache of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def arrival() -> Callable[..., NewImage]:
    return make_arrival


@pytest.fixture
def atlas(tmp_path: Path) -> Atlas:
    return Atlas.create(tmp_path / "atlas")


@pytest.fixture
def filled(atlas: Atlas) -> Atlas:
    atlas.add([make_arrival(n, queries=("nasa:comet",)) for n in range(10)])
    return atlas


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the folder of real images is not beside this checkout")
    return SHARED
