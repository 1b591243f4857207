"""``cosmic status``: what is stored, pending, gone or refused, and which columns are filled."""

from __future__ import annotations

from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    open_atlas,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import say
from cosmic_morphology.io_utils import jsonable


def command(
    atlas: AtlasOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show the state of every URL by source, and how many images have what."""
    opened = open_atlas(settings_for(config, atlas=atlas))
    from cosmic_morphology.collect import status

    found = status(opened)
    if as_json:
        show(found, as_json=True)
        return
    show({k: v for k, v in jsonable(found).items() if k != "slices"}, as_json=False)
    for each in found.slices:
        reasons = ", ".join(f"{number} {why}" for why, number in jsonable(each.reasons).items())
        say(
            f"{each.source} {each.query or each.name}: "
            f"{'no count' if each.announced is None else each.announced} announced, "
            f"{each.unique} seen, {each.stored} stored"
            + (f"; {reasons}" if reasons else "")
            + (f"; {each.unexplained} UNEXPLAINED" if each.unexplained else "")
        )
