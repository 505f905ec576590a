"""The file `history` of the drain, by src/report/history.h: a month of counters made up.

    write(world.state_dir, samples)     # samples: sample(at, events=..., ...), at in ms
"""

import os
import struct

import counters

MAGIC = b"bookspool-hist1\n"
FINE, COARSE = (5 * 60 * 1000, 300), (60 * 60 * 1000, 32 * 24)
KINDS = counters.ROOMS["KIND"]
FORM = f"<5q{KINDS}q2q{counters.BOUNDS + 1}q3q"


def sample(at, since, accepted=0, duplicate=0, refused=0, kinds=None, sent=0, given_up=0, mailed=(), waiting=0,
           aside=0, oldest=0):
    kind = [0] * KINDS
    for name, number in (kinds or {}).items():
        kind[counters.WORDS["KIND"].index(name)] = number
    mailed = [*mailed, *[0] * (counters.BOUNDS + 1 - len(mailed))]
    return struct.pack(FORM, at, since, accepted, duplicate, refused, *kind, sent, given_up, *mailed, waiting,
                       aside, oldest)


def write(state_dir, samples):
    """Each into both rings, as the drain does at the end of a run."""
    size = struct.calcsize(FORM)
    rings = [bytearray(size * slots) for _, slots in (FINE, COARSE)]
    for one in samples:
        at = struct.unpack_from("<q", one)[0]
        for ring, (length, slots) in zip(rings, (FINE, COARSE)):
            slot = at // length % slots
            ring[slot * size:(slot + 1) * size] = one
    with open(os.path.join(state_dir, "history"), "wb") as file:
        file.write(MAGIC + b"".join(rings))
