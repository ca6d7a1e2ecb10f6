"""What holds for all tests: a slow machine fails none of them, and a failure can be repeated."""

import os
import signal

from hypothesis import settings

# With CI set, hypothesis takes the same examples each time; elsewhere it looks for new ones, and
# prints what makes a failing one again. Wall time is measured by no test.
if "CI" not in os.environ:
    settings.register_profile("ojak", deadline=None, print_blob=True)
    settings.load_profile("ojak")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So it is where a shell started us in the background: then our children, whose Ctrl-C is
    # tested, would ignore it as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)
