"""The same as `mtnlg generate`: python pipelines/generate.py [overrides]."""

import sys

from mtnlg.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["generate", *sys.argv[1:]]))
