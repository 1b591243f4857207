"""One harvest in a process of its own, to be killed by a test: ATLAS ROOT [QUERY …]."""

import sys

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.collect import collect
from cosmic_morphology.settings import CollectJob, CollectSettings
from cosmic_morphology.taxonomy import load_taxonomy

if __name__ == "__main__":
    place, root, *queries = sys.argv[1:]
    collect(
        Atlas.create(place),
        CollectJob(root=root, queries=tuple(queries) or ("galaxy",)),
        CollectSettings(
            batch_rows=20,
            decode_threads=1,
            concurrency=4,
            backoff_s=0.01,
            throttle_pause_s=0.05,
        ),
        load_taxonomy(),
    )
