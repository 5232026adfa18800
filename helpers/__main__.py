"""`python -m helpers`: see helpers/cli.py."""

import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: its threads would spin


def main(arguments: list[str]) -> int:
    """Hand the words of the command line to the tool that they name; return its exit status."""
    from helpers.cli import main as tools

    return tools(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
