"""File names of SpaceNet: which of its files are variants of one original.

The data set (Kaggle) was made from about 1,616 originals, each written with about eight
augmented or upscaled variants; classifiers split at random over the files see the same image on
both sides. The names say where each file comes from::

    <class>_page_<p>_image_<n>[_<0-4>|_aug<k>][_...].jpg
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

# The digits after ``image_`` are read to their end, and only as the image's number: in
# ``comet_page_1_image_3.jpg`` the 3 is no variant, and image 1 is not the beginning of image 12.
_NAME = re.compile(r"(?P<origin>.+?_page_[0-9]+_image_[0-9]+)(?=[^0-9A-Za-z]|$)")


def origin_of(path: str) -> str:
    """Key of the original that a file was made from.

    Parameters
    ----------
    path : str
        Path or name of the file.

    Returns
    -------
    str
        Such as ``spacenet:galaxy_page_3_image_12``; empty for a name of another pattern.
    """
    match = _NAME.match(PurePosixPath(path).name)
    return f"spacenet:{match['origin']}" if match else ""
