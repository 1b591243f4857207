"""Rendered sky pictures: seeded, parallel, with their whole truth.

``render`` makes one, ``render_many`` a stream of them. ``archive`` writes a folder that the
replica serves, ``into_atlas`` adds pictures to an atlas.
"""

from cosmic_morphology.extras import needs

with needs("Rendering"):
    from cosmic_morphology.synthesize.many import render_many
    from cosmic_morphology.synthesize.rendering import RENDERED_CLASSES, Rendered, render

__all__ = ["RENDERED_CLASSES", "Rendered", "render", "render_many"]
