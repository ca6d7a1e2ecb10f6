"""What holds for all tests: a slow machine fails none of them, and a failure can be repeated."""

import os

from hypothesis import settings

# With CI set, hypothesis takes the same examples each time; elsewhere it looks for new ones, and
# prints what makes a failing one again. Wall time is measured by no test.
if "CI" not in os.environ:
    settings.register_profile("ojak", deadline=None, print_blob=True)
    settings.load_profile("ojak")
