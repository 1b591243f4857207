"""A catalogue of simulated volunteers on the replica's galaxies, in the format of Galaxy Zoo 1.

How often a volunteer sees the true shape falls with size and brightness, and what is not resolved
looks smooth: so it was found in Galaxy Zoo 1 (Bamford et al. 2009, MNRAS 393, 1324) and 2 (Willett
et al. 2013, MNRAS 435, 2835). The numbers below were chosen before any model was trained on them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cosmic_morphology.io_utils import write_csv
from cosmic_morphology.replica.archives.cutouts import covered
from cosmic_morphology.replica.archives.galaxies import SHAPES, ReplicaGalaxy, galaxy_at

ANSWERS = (*SHAPES, "star-or-dont-know")
HEADER = (
    *("OBJID", "RA", "DEC", "NVOTE", "P_EL", "P_CW", "P_ACW", "P_EDGE", "P_DK", "P_MG", "P_CS"),
    *("P_EL_DEBIASED", "P_CS_DEBIASED", "SPIRAL", "ELLIPTICAL", "UNCERTAIN"),
)
_FIRST_ID = 587_722_980_000_000_000
_USUAL_VOTES, _LEAST_VOTES = 38, 20
# Where nothing is resolved: mostly smooth, sometimes nobody can tell, the rest is guessed.
_UNRESOLVED = {"elliptical": 0.66, "star-or-dont-know": 0.14}


@dataclass(frozen=True)
class VotedGalaxy:
    """A galaxy of the catalogue: its identifier, what is truly there, and what was voted."""

    identifier: str
    galaxy: ReplicaGalaxy
    fractions: dict[str, float]
    people: int


def chances_of(galaxy: ReplicaGalaxy) -> dict[str, float]:
    """The chance of each answer of a volunteer who looks at a galaxy; they sum to one.

    Examples
    --------
    >>> from dataclasses import replace
    >>> near = replace(galaxy_at(180.0, 40.0), shape="edge-on", radius_arcsec=9.0, magnitude=14.5)
    >>> far = replace(near, radius_arcsec=2.0, magnitude=17.5)
    >>> chances_of(near)["edge-on"] > 0.9 > 0.5 > chances_of(far)["edge-on"]
    True
    """
    clear = 1.6 * math.log2(galaxy.radius_arcsec / 4) + 0.9 * (16.9 - galaxy.magnitude) + 1.0
    seen = 1 / (1 + math.exp(-clear))
    rest = (1 - sum(_UNRESOLVED.values())) / (len(ANSWERS) - len(_UNRESOLVED))
    unresolved = {answer: _UNRESOLVED.get(answer, rest) for answer in ANSWERS}
    return {
        answer: seen * (answer == galaxy.shape) + (1 - seen) * unresolved[answer]
        for answer in ANSWERS
    }


def write_galaxy_zoo(path: Path, n: int, *, seed: int) -> list[VotedGalaxy]:
    """Write a catalogue of ``n`` galaxies that both surveys of the replica cover.

    Parameters
    ----------
    path : Path
        A CSV, in the format of Galaxy Zoo 1's Table 2: identifiers of 18 digits, hours and degrees
        with minutes and seconds, fractions of votes.
    n : int
        Galaxies.
    seed : int
        Of positions and votes.

    Returns
    -------
    list of VotedGalaxy
        The truth behind each row, which the catalogue does not tell.
    """
    rng = np.random.default_rng([seed, 1])
    found: list[VotedGalaxy] = []
    rows = []
    while len(found) < n:
        ra, dec = _written(rng.uniform(120, 240) / 15, 2), _written(rng.uniform(1, 60), 1)
        ra_deg, dec_deg = 15 * _read(ra), _read(dec)
        if not all(covered(survey, ra_deg, dec_deg) for survey in ("legacysurvey", "skyserver")):
            continue
        # As an address gives it, with six digits.
        galaxy = galaxy_at(round(ra_deg, 6), round(dec_deg, 6))
        people = max(_LEAST_VOTES, int(rng.poisson(_USUAL_VOTES)))
        chances = chances_of(galaxy)
        votes = rng.multinomial(people, [*chances.values()])
        said = {answer: float(count) / people for answer, count in zip(chances, votes, strict=True)}
        identifier = str(_FIRST_ID + 7 * len(found) + seed * 1_000_003)
        found.append(VotedGalaxy(identifier, galaxy, said, people))
        rows.append(_row(identifier, ra, dec, people, said))
    write_csv(path, HEADER, (dict(zip(HEADER, row, strict=True)) for row in rows))
    return found


def _row(
    identifier: str, ra: str, dec: str, people: int, said: dict[str, float]
) -> list[str | int | float]:
    smooth, right, left = (said[each] for each in ANSWERS[:3])
    edge, merger, unknown = (said[each] for each in ANSWERS[3:])
    spiral = right + left + edge
    shares = [smooth, right, left, edge, unknown, merger, spiral, smooth, spiral]
    flags = [int(spiral >= 0.8), int(smooth >= 0.8), int(max(spiral, smooth) < 0.8)]
    return [identifier, ra, dec, people, *(round(each, 3) for each in shares), *flags]


def _written(value: float, digits: int) -> str:
    """Hours or degrees as ``12:34:56.78``."""
    total = round(value * 3600, digits)
    minutes, seconds = divmod(total, 60)
    whole, minutes = divmod(int(minutes), 60)
    return f"{whole:02d}:{minutes:02d}:{seconds:0{3 + digits}.{digits}f}"


def _read(text: str) -> float:
    whole, minutes, seconds = text.split(":")
    return int(whole) + int(minutes) / 60 + float(seconds) / 3600
