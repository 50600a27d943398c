"""The same as `mtnlg train`: python pipelines/train.py [overrides]."""

import sys

from mtnlg.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
