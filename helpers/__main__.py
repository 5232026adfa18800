"""`python -m helpers`, and `a2a`: see helpers/cli.py."""

import sys

from helpers import cores

cores.set_defaults()  # before torch is imported


def main(arguments: list[str] | None = None) -> int:
    """Hand the words of the command line to the tool that they name; return its exit status."""
    from helpers.cli import main as tools

    return tools(arguments)


if __name__ == "__main__":
    sys.exit(main())
