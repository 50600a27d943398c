"""The same as `mtnlg prepare`: python pipelines/prepare.py [overrides]."""

import sys

from mtnlg.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["prepare", *sys.argv[1:]]))
