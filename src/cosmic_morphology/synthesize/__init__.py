"""Rendered sky images: seeded, parallel, with their whole truth.

``render_image`` makes one, ``render_images`` a stream of them. ``archive`` writes a folder that the
replica serves, ``into_atlas`` adds images to an atlas.
"""

from cosmic_morphology.extras import needs

with needs("Rendering"):
    from cosmic_morphology.synthesize.renderer import (
        RENDERED_CLASSES,
        Rendered,
        render_image,
        render_images,
    )

__all__ = ["RENDERED_CLASSES", "Rendered", "render_image", "render_images"]
