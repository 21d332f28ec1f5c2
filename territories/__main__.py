"""`python -m territories` is the command `territories`."""

import sys

from territories.cli import main

if __name__ == "__main__":
    sys.exit(main())
