"""The same as `mtnlg evaluate`: python pipelines/evaluate.py [overrides]."""

import sys

from mtnlg.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
