#!/usr/bin/python3
"""Death and failure at every step of a drain that delivers to a Maildir, also with two senders and
on a file system that cannot rename without replacing; and each allocation that fails.

See tests/lib/faults.py. Here no death and no fault may repeat a mail: a Maildir is looked at
before a second attempt.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from bookspool import finish, match  # noqa: E402
from fault_steps import alloc_steps, death_steps, fault_steps, spread, with_env  # noqa: E402
from faults import (Trial, allocations_of, calls_of_a_drain, drain_dies, drain_fails,  # noqa: E402
                    need_shims, prepare, series)

TWO = {"BOOKSPOOL_CONNECTIONS": "2"}
NO_RENAMEAT2 = {"SHIM_WITHOUT": "renameat2"}


def maildir(name, steps, work):
    series(name, steps, work, "maildir")


need_shims()
with Trial() as world:
    calls = calls_of_a_drain(world)
    two = calls_of_a_drain(world, TWO)
    links = calls_of_a_drain(world, NO_RENAMEAT2)
    places = allocations_of(world, prepare, world.drain)

# What comes before the first step in the Maildir is the same as with SMTP.
begun = calls[:calls.index("mkdirat")]
calls = calls[len(begun):]
match(str(calls), "renameat2.*fsync", "the shim sees how a drain delivers to a Maildir")
maildir("a drain that dies at each step in a Maildir", death_steps(calls, begun), drain_dies)
maildir("a drain with a fault at each step in a Maildir", spread(fault_steps(calls, before=begun)),
        drain_fails)

begun = two[:two.index("fork")]
two = two[len(begun):]
maildir("two senders that die at each step", with_env(death_steps(two, begun), TWO), drain_dies)
maildir("two senders with a fault where they start and end",
        with_env(fault_steps(two, ("fork", "waitpid")), TWO), drain_fails)

maildir("a drain that dies before a link",
        with_env(death_steps(links, only="linkat"), NO_RENAMEAT2), drain_dies)
maildir("a drain with a link that fails", with_env(fault_steps(links, ("linkat",)), NO_RENAMEAT2),
        drain_fails)

maildir("a drain without memory at each step", alloc_steps(places), drain_fails)
finish()
