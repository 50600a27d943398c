"""The same as `mtnlg benchmark`: python pipelines/benchmark.py [options]."""

import sys

from mtnlg.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["benchmark", *sys.argv[1:]]))
