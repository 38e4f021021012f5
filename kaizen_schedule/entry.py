"""Where the console script begins.

A process that soon ends is spared the search for garbage: a tenth of its time otherwise. It has to
be said before anything else is loaded, and only where the process is this program's own.
"""

import atexit
import gc


def main() -> int:
    """Run the command line on the process's own words, and return its exit code."""
    gc.set_threshold(100_000)  # a usual run never holds so many objects more than at its start
    atexit.register(gc.freeze)  # what is left when it ends need not be looked through
    from .cli import main as run

    return run()
