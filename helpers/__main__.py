"""`python -m helpers`, and `a2a`: see helpers/cli.py, and for `clinic` helpers/clinic/cli.py."""

import sys

from helpers import cores

cores.set_defaults()  # before torch is imported


def main(arguments: list[str] | None = None) -> int:
    """Hand the words of the command line to the tool that they name; return its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["clinic"]:  # it has options of its own
        from helpers.clinic.cli import main as clinic

        return clinic(arguments[1:], prog="python -m helpers clinic")
    from helpers.cli import main as tools

    return tools(arguments)


if __name__ == "__main__":
    sys.exit(main())
