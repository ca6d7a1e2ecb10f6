"""`make models`: each configuration of each model, one line each; fails where one surprises."""

import sys

from tests.models.tlc import CannotRun, check, configurations, jar


def main() -> int:
    """Print one line a configuration and return 1 if any ended otherwise than expected."""
    try:
        tools = jar()
    except CannotRun as missing:
        print(missing, file=sys.stderr)  # noqa: T201 - a report
        return 1
    surprises = 0
    for configuration in configurations():
        found = check(configuration, tools)
        surprises += not found.as_expected
        word = "as expected" if found.as_expected else f"EXPECTED: {found.expected}"
        print(  # noqa: T201 - a report
            f"{configuration.stem:36} {found.outcome:36} {found.states:>8} states"
            f" {found.seconds:>5.1f} s   {word}"
        )
    return int(surprises > 0)


sys.exit(main())
