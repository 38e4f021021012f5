"""``python -m kaizen_schedule``: the command line."""

import sys

# Python puts the working folder first; what a checkout calls typing.py must not be run.
if not sys.flags.safe_path:
    del sys.path[0]

from .entry import main

if __name__ == "__main__":
    sys.exit(main())
