#!/usr/bin/python3
"""Many stories of bookings (tests/stories/, whose language tests/lib/stories.py describes): who is
mailed, what the mails say, and what they leave in their readers' calendars.

    tests/stories.t told "STORIES='a seat' tests/stories.t" runs those whose name has these words
"""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import finish, ok, run_parts  # noqa: E402
from stories import tell_all  # noqa: E402

if os.access("/dev/shm", os.W_OK) and "TMPDIR" not in os.environ:  # no power is cut here
    tempfile.tempdir = "/dev/shm"


def told():
    wanted = os.environ.get("STORIES", "")
    count = tell_all(wanted)
    ok(wanted or count > 80, f"{count} stories")


run_parts((told,))
finish()
