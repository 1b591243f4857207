"""Where column work runs: in this process, in processes of this machine, or on a Ray cluster.

The unit is a piece of a fragment: whoever gets it reads it from the store by itself, computes, and
hands back a written column file, or the few values of it. One process, the driver, commits. What is
done is what has a value, so that a run that was killed goes on where it stopped.
"""

from cosmic_morphology.engine.apply import ApplyResult, apply
from cosmic_morphology.engine.calls import Call, run_calls
from cosmic_morphology.engine.engine import Engine
from cosmic_morphology.engine.gather import gather
from cosmic_morphology.engine.plan import address_everywhere
from cosmic_morphology.engine.threads import threads_here
from cosmic_morphology.engine.work import ColumnFunction, ColumnWork

__all__ = [
    "ApplyResult",
    "Call",
    "ColumnFunction",
    "ColumnWork",
    "Engine",
    "address_everywhere",
    "apply",
    "gather",
    "run_calls",
    "threads_here",
]
