"""Writes the page of all settings; `make configuration` calls it."""

import sys
from pathlib import Path

from mtnlg.cli.settings_help import settings_page

if __name__ == "__main__":
    Path(sys.argv[1]).write_text(settings_page(), encoding="utf-8")
