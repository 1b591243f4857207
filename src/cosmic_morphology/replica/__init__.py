"""A local stand-in for the public archives, served over HTTP, faithful to their faults.

For the demo, for tests and for classrooms: a collector that works here meets the same page
caps, odd links, missing fields and refusals as at the real archive, without a network and
without burdening anybody.
"""

from __future__ import annotations

from cosmic_morphology.extras import needs

with needs("The replica"):
    from cosmic_morphology.replica.app import build_app
    from cosmic_morphology.replica.catalogue import ArchiveCatalogue
    from cosmic_morphology.replica.faults import Faults
    from cosmic_morphology.replica.server import Replica

__all__ = ["ArchiveCatalogue", "Faults", "Replica", "build_app"]
