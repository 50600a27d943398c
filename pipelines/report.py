"""The same as `mtnlg report`: python pipelines/report.py [overrides]."""

import sys

from mtnlg.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["report", *sys.argv[1:]]))
