"""Configuration of the documentation site (``make docs``)."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import generate  # noqa: E402
from notebooks import stale_notebooks  # noqa: E402

from cosmic_morphology._version import __version__  # noqa: E402

project = "Cosmic Morphology"
author = "the Cosmic Morphology developers"
copyright = "the Cosmic Morphology developers"  # noqa: A001
release = version = __version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
# Notebooks are executed by ``make notebooks``; the site shows the outputs that are committed.
nb_execution_mode = "off"
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "**/.ipynb_checkpoints"]

autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_theme = "pydata_sphinx_theme"
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"whats-new": [], "glossary": []}
# Nothing comes from other hosts: no inventories, no fonts, no scripts.
html_show_sphinx = False


def setup(app: object) -> None:
    """Write the generated pages before Sphinx looks for its sources."""
    del app
    if stale := stale_notebooks():
        names = ", ".join(file.name for file in stale)
        msg = f"the outputs are older than the cells: {names}. Run `make notebooks`."
        raise SystemExit(msg)
    generate.write_all(HERE / "reference" / "generated")
