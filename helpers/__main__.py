"""`python -m helpers`: see helpers/cli.py."""

import sys

from helpers.cli import main

if __name__ == "__main__":
    sys.exit(main())
