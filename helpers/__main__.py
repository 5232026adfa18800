"""`python -m helpers`: see helpers/cli.py."""

import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: its threads would spin

from helpers.cli import main

if __name__ == "__main__":
    sys.exit(main())
