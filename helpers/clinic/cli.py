"""The command `audio-clinic`, which is `python -m helpers clinic`."""

import argparse
import sys
from pathlib import Path

from helpers.clinic import report
from helpers.clinic.record import KINDS, SEVERITIES
from helpers.clinic.targets import USAGE

PASSES, FAILS, MISTAKE, STOPPED = 0, 1, 2, 130
ABOUT = """\
Examine a denoiser, a separator, an echo canceler or a stream: some sixty ways in which such a
system loses, changes or invents sound. Nothing is downloaded, and nothing is sent."""
EXAMPLES = f"""\
{USAGE}

examples:
  audio-clinic mypackage.enhance:denoise --html report.html
  audio-clinic 'mydenoiser --input {{in}} --output {{out}}' --rate 48000
  audio-clinic separator.onnx --kind separator --only length level
  audio-clinic --list

exit status: 0 passed, 1 something failed, 2 something to mend on your side, 130 stopped"""


def main(arguments=None, prog="audio-clinic"):
    """Examine a target and report.

    Parameters
    ----------
    arguments : list of str, optional
        What stands after the command; None takes the program's own.
    prog : str
        What the help calls the command.

    Returns
    -------
    int
        The exit status: 0 passed, 1 failed, 2 a mistake of the user's, 130 stopped.

    Examples
    --------
    >>> main(["no target", "--only", "length"])
    2
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    parser = _parser(prog)
    options = parser.parse_args(arguments)
    try:
        if options.list:
            return _list(options)
        if not options.target:
            parser.error("name a TARGET, or --list")
        return _examine(options)
    except BrokenPipeError:  # audio-clinic --list | head
        sys.stdout = None
        return PASSES
    except (ValueError, OSError, ImportError) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return MISTAKE
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return STOPPED


def _parser(prog):
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description=ABOUT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("target", nargs="?", metavar="TARGET", help="what to examine: see below")
    add("--kind", choices=KINDS, help="what it is; without it what is known of it, or a denoiser")
    add("--rate", type=int, metavar="HZ", help="the rate to examine it at (16000; separators 8000)")
    add("--only", nargs="+", metavar="NAME", help="these examinations or themes alone")
    add("--list", action="store_true", help="show all examinations, and what a good system does")
    add("--random", action="store_true", help="its weights are random: leave out what needs them")
    add("--budget", type=float, default=45, metavar="S", help="seconds an examination may take")
    add("--html", type=Path, metavar="FILE", help="write a page with sounds and pictures")
    add("--json", type=Path, metavar="FILE", help="write all results as JSON; - is the screen")
    add("--junit", type=Path, metavar="FILE", help="write JUnit's XML, for a build server")
    least = "the least severity whose failure makes the exit status 1 (low)"
    add("--fail-on", choices=SEVERITIES, default="low", help=least)
    return parser


def _list(options):
    """Print all examinations, theme by theme."""
    from helpers.clinic.run import choose

    theme = ""
    for each in choose(options.only):
        if options.kind and options.kind not in each.kinds:
            continue
        if each.theme != theme:
            theme = each.theme
            print(f"\n{theme}")
        print(f"  {each.name:<16} {each.severity:<7} a good system {each.good}")
    return PASSES


def _examine(options):
    """Examine, print, and write what was asked for."""
    from helpers import clinic

    if options.rate is not None and not 4000 <= options.rate <= 192000:
        raise ValueError(f"--rate is in Hz, from 4000 to 192000, not {options.rate}")
    for path in filter(None, (options.html, options.json, options.junit)):
        if str(path) != "-" and not path.absolute().parent.is_dir():
            raise ValueError(f"there is no folder {str(path.parent)!r} to write {path.name} to")
    clinic.run.choose(options.only)  # a wrong name is said before anything is loaded
    system = clinic.find(options.target, options.kind, options.rate, not options.random)
    screen = sys.stderr if str(options.json) == "-" else sys.stdout
    words = ", ".join(filter(None, [system.kind, f"{system.rate} Hz", system.version]))
    print(f"{system.name}: {words}\n", file=screen, flush=True)

    def tell(result):
        if result.status != report.SKIPPED or options.only:
            print(report.line(result), file=screen, flush=True)

    results = clinic.examine(system, only=options.only, budget=options.budget, tell=tell)
    print(f"\n{report.summary(results)}", file=screen)
    _write(options, system, results)
    worst = report.worst(results)
    failed = worst and SEVERITIES.index(worst) >= SEVERITIES.index(options.fail_on)
    return FAILS if failed else PASSES


def _write(options, system, results):
    """Write the files that were asked for."""
    if options.json:
        text = report.as_json(system, results)
        if str(options.json) == "-":
            print(text, end="")
        else:
            options.json.write_text(text, encoding="utf-8")
    if options.junit:
        options.junit.write_text(report.as_junit(system, results), encoding="utf-8")
    if options.html:
        from helpers.clinic.page import page

        title = f"What the clinic found: {system.name}"
        options.html.write_text(page([(system, results)], title), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
