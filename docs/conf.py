"""How Sphinx builds these pages: `make docs`."""

import mtnlg

project = "mtnlg"
author = "the authors of mtnlg"
version = release = mtnlg.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["colon_fence", "fieldlist"]
myst_heading_anchors = 3
highlight_language = "none"
html_theme = "furo"
html_title = f"mtnlg {release}"
html_show_copyright = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"
default_role = "code"
