"""``cosmic status``: what is stored, pending, gone or refused, and what is stale."""

from __future__ import annotations

from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    open_atlas,
    settings_for,
    show,
)

NAME = "status"


def command(
    atlas: AtlasOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """The state of every URL by source, and the counts of every belief."""
    from cosmic_morphology.collect import status

    show(status(open_atlas(settings_for(config, atlas=atlas))), as_json=as_json)
