"""What a power cut may leave of the files that programs wrote.

    log = Recording(world)                 # the disk as it lies, then what programs do to it
    world.run("bookspool-drain", env=log.env)
    log.close()
    disk = Disk(log.baseline)
    for record in log.records:
        disk.apply(record)
        for tree in states(disk, chance, most):    # {path: (bytes, mode, mtime)}
            ...

The rules follow fsync(2), syncfs(2) and rename(2), and what Pillai et al. found that file systems
differ in ("All File Systems Are Not Created Equal", OSDI 2014). They are weaker than what ext4
(data=ordered), XFS and Btrfs each keep: the first two, for one, make names durable in the order in
which they were made; Btrfs may not.

  data    A successful fsync or fdatasync of a file makes its bytes, its length and its marks
          durable, but not its name, for which fsync(2) asks for a sync of the directory. Until then
          each write may be on the disk, or not, or its first half alone, or zeros of its length,
          in any combination.
  names   A successful fsync of a directory makes durable what was done to its names. Until then
          each such operation may be on the disk or not, in any combination, whatever their order.
  rename  is one step in a directory. Between two there are three rules. ONE_STEP: both names change
          on the disk, or none, as in one transaction of the journals of ext4 and XFS.
          NEW_NAME_FIRST: the new name may be there alone, so that the file has both names, as on
          Btrfs after a sync of the new directory; the old name never goes without it. TWO_STEPS:
          directories are independent, as on ext2; a name may be gone from the one and not be in
          the other.
  syncfs  makes everything durable that was done before below spool/: state/ may be another file
          system.
  marks   (mode, mtime) may be on the disk or not, apart from data and names.
  errors  After a sync that failed, the bytes concerned may never reach the disk, and no later sync
          says so (Linux may call the pages clean): they stay undecided for good.

A directory is durable with its own entry, as a file is; mode and mtime of directories are left out,
and so are torn sectors and bytes that change after they were durable.
"""

import itertools
import math
import os
import struct

from bookspool import BIN

RECORDER = os.path.join(BIN, "tests/record.so")
HEAD = 16  # of struct log in tests/faults/record.c
LOG_SIZE = 16 << 20
SCRATCH = "spool/tmp"  # names there mean nothing to any program but to the sweep
ONE_STEP, NEW_NAME_FIRST, TWO_STEPS = RULES = "one step", "the new name first", "two steps"


# ---- recording ----


class Record:
    """One line of the log, and the bytes of a write."""

    def __init__(self, words, data=b""):
        self.what, self.pid, self.words, self.data = words[0], int(words[1]), words[2:], data

    def __repr__(self):
        return " ".join([self.what, *self.words])


class Recording:
    """The spool and state directories of a world as they lie, and all that is done from here on by
    programs that get `env`."""

    def __init__(self, world):
        self.world, self.path = world, world.path("recording")
        self.baseline = Baseline(world.dir, ("spool", "state"))
        with open(self.path, "wb") as file:
            file.truncate(LOG_SIZE)
        self.env = {"LD_PRELOAD": RECORDER, "RECORD_LOG": self.path, "RECORD_ROOT": world.dir}
        self.records = []

    def with_shim(self, env, kills):
        """The shim comes before the recorder where it kills, so that no lock is held by the dead;
        else after it, so that the failures that it makes are recorded."""
        both = [env["LD_PRELOAD"], RECORDER]
        return {**self.env, **env, "LD_PRELOAD": " ".join(both if kills else both[::-1])}

    def mark(self, *words):
        """Puts a promise that a program made otherwise than by a socket into the order."""
        with open(self.path, "r+b") as file:
            file.seek(8)
            used = struct.unpack("=Q", file.read(8))[0]
            line = " ".join(["mark", "0", *words]).encode() + b"\n"
            file.seek(HEAD + used)
            file.write(line)
            file.seek(8)
            file.write(struct.pack("=Q", used + len(line)))

    def close(self):
        with open(self.path, "rb") as file:
            used = struct.unpack("=Q", file.read(HEAD)[8:])[0]
            data = file.read(used)
        os.unlink(self.path)
        at = 0
        while at < len(data):
            end = data.index(b"\n", at)
            words = data[at:end].decode().split(" ")
            length = int(words[-1]) if words[0] in ("write", "said") else 0
            self.records.append(Record(words, data[end + 1:end + 1 + length]))
            at = end + 1 + length


def promises_nothing(name):
    """Figures, and what SQLite makes anew."""
    return name == "counters" or name.endswith("-shm")


class Baseline:
    """What lies there, all of it durable: (path, inode, bytes or None, mode, mtime)."""

    def __init__(self, top, names):
        self.entries = []
        for name in names:
            self._add(top, name)
            for folder, folders, files in os.walk(os.path.join(top, name)):
                for entry in sorted(folders) + sorted(files):
                    if not promises_nothing(entry):
                        self._add(top, os.path.relpath(os.path.join(folder, entry), top))

    def _add(self, top, path):
        full = os.path.join(top, path)
        st = os.stat(full)
        data = None
        if not os.path.isdir(full):
            with open(full, "rb") as file:
                data = file.read()
        self.entries.append((path, st.st_ino, data, st.st_mode & 0o7777, st.st_mtime_ns))


# ---- the disk ----


class Inode:
    """`pending` are writes that may be missing: (offset, bytes), or (length, None): a new size."""

    def __init__(self, data=b"", mode=None, mtime=None, folder=None):
        self.data, self.pending, self.lost = data or b"", [], False
        self.mode, self.mtime = mode, mtime
        self.mode_now, self.mtime_now = mode, mtime
        self.folder = folder  # the path of a directory

    def write(self, offset, data):
        self.pending.append((offset, data))

    def sync(self):
        if not self.lost:
            self.data, self.pending = content(self.data, self.pending), []
        self.mode, self.mtime = self.mode_now, self.mtime_now

    def lose(self):
        """A sync has failed: what is pending stays so, and whatever is written over it."""
        self.lost = self.lost or bool(self.pending)


def content(data, writes):
    if not writes:
        return data
    data = bytearray(data)
    for offset, new in writes:
        if new is None:
            del data[offset:]
            data.extend(bytes(offset - len(data)))
        else:
            data.extend(bytes(max(0, offset - len(data))))
            data[offset:offset + len(new)] = new
    return bytes(data)


class Disk:
    """Durable and pending at one position of a recording.

    `names` holds durable entries as {(folder, name): (number, inode or None)}; `steps` what is not
    yet durable, in order: (number, {(folder, name): inode or None}). The numbers keep an older step
    that becomes durable late from undoing a younger one. Two steps of one number are the new and the
    old name of a rename."""

    def __init__(self, baseline, rename=ONE_STEP):
        self.rename, self.number = rename, 0
        self.names, self.now, self.steps, self.inodes = {}, {}, [], {}
        self.spooled = set()  # every inode that ever was in the spool, for syncfs
        for path, ino, data, mode, mtime in baseline.entries:
            inode = Inode(data, mode, mtime, path if data is None else None)
            self._know(str(ino), inode, path)
            self.names[os.path.split(path)] = (0, inode)
            self.now[os.path.split(path)] = inode

    def _know(self, ino, inode, path):
        self.inodes[ino] = inode
        if in_spool(path):
            self.spooled.add(inode)

    # ---- names ----

    def _step(self, change):
        self.number += 1
        self.now.update(change)
        across = len({folder for folder, _ in change}) > 1
        apart = across and self.rename != ONE_STEP
        parts = [{e: inode} for e, inode in change.items()] if apart else [change]
        self.steps += [(self.number, part) for part in parts]

    def _entry(self, folder, name):
        """None where the directory is not one of ours."""
        known = self.inodes.get(folder)
        return (known.folder, name) if known and known.folder else None

    def _make(self, folder, name, ino, directory=False):
        entry = self._entry(folder, name)
        if not entry or promises_nothing(name):
            self.inodes.pop(ino, None)
        elif self.now.get(entry) is None:
            path = os.path.join(*entry)
            self._know(ino, Inode(folder=path if directory else None), path)
            self._step({entry: self.inodes[ino]})

    def _move(self, words, keep):
        old, new = self._entry(*words[:2]), self._entry(*words[2:])
        inode = self.now.get(old)
        if inode and new:
            self._step({new: inode} if keep else {new: inode, old: None})

    def hidden(self, record):
        """Does it only change what lies in tmp/?"""
        inode = self.inodes.get(record.words[0]) if record.words else None
        if record.what == "create":
            return bool(inode) and inode.folder == SCRATCH
        return record.what in ("start", "write", "size") and (
            not inode or os.path.dirname(self.name_of(inode)) == SCRATCH)

    def name_of(self, inode):
        """Where it can be seen just now."""
        return next((os.path.join(*entry) for entry, i in self.now.items() if i is inode), "?")

    # ---- records ----

    def apply(self, record, ignore_sync=False):
        what, words = record.what, record.words
        if what == "create":
            self._make(*words)
        elif what == "mkdir":
            self._make(*words, directory=True)
        elif what in ("rename", "link"):
            self._move(words, what == "link")
        elif what == "unlink" and self.now.get(self._entry(*words)):
            self._step({self._entry(*words): None})
        elif what == "syncfs" and not ignore_sync:
            self._sync_all(words[0] == "0")
        elif words and words[0] in self.inodes:
            self._apply_to(self.inodes[words[0]], record, ignore_sync)

    def _apply_to(self, inode, record, ignore_sync):
        what, words = record.what, record.words
        if what == "write":
            inode.mtime_now = int(words[1])
            inode.write(int(words[2]), record.data)
        elif what == "size":
            inode.write(int(words[1]), None)
        elif what == "mode":
            inode.mode_now = int(words[1], 8)
        elif what == "time":
            inode.mtime_now = int(words[1])
        elif what == "sync" and not ignore_sync:
            if words[1] != "0":
                inode.lose()
            elif inode.folder:
                self._settle(lambda part: any(folder == inode.folder for folder, _ in part))
            else:
                inode.sync()

    def without(self, missing):
        """These places in `steps`, and those that cannot be there without them."""
        if self.rename != NEW_NAME_FIRST:
            return set(missing)
        return {i for i, (number, _) in enumerate(self.steps)
                if i in missing or (i - 1 in missing and self.steps[i - 1][0] == number)}

    def _settle(self, wanted):
        rest, whole = [], set()  # numbers of renames whose new name goes with the old one
        if self.rename == NEW_NAME_FIRST:
            whole = {number for number, part in self.steps if wanted(part) and None in part.values()}
        for number, part in self.steps:
            if wanted(part) or number in whole:
                set_names(self.names, number, part)
            else:
                rest.append((number, part))
        self.steps = rest

    def _sync_all(self, well):
        for inode in self.spooled:
            if well:
                inode.sync()
            else:
                inode.lose()
        if well:
            self._settle(lambda part: any(in_spool(folder) for folder, _ in part))

    def durable(self, folder, name):
        """The inode of a durable name, or None."""
        return self.names.get((folder, name), (0, None))[1]


def in_spool(folder):
    return folder.split("/")[0] == "spool"


def set_names(names, number, part):
    for entry, inode in part.items():
        if names.get(entry, (0, None))[0] <= number:
            names[entry] = (number, inode)


# ---- what may be left ----

SAME_FOR_ALL = "all", "nothing", "zeros", "half", "half, then zeros"
ALL, NOTHING, ZEROS, HALF, HALF_ZEROS = SAME_FOR_ALL


def written(writes, which):
    """What has reached the disk of these pending writes: see variants."""
    if which == ALL or not writes:
        return writes
    if which == ZEROS:
        return [(at, new and bytes(len(new))) for at, new in writes]
    if which in (HALF, HALF_ZEROS):
        at, new = writes[-1]
        if new is not None:
            half = new[:len(new) // 2]
            new = half + (bytes(len(new) - len(half)) if which == HALF_ZEROS else b"")
        return writes[:-1] + [(at, new)]
    if which == NOTHING:
        return []
    kind, n = which
    return writes[:n] if kind == "first" else writes[:n] + writes[n + 1:]


def variants(inode):
    """All, nothing, zeros in the place of all, half of the last; of several also the first n, and
    all but one."""
    many = len(inode.pending)
    several = [(kind, n) for kind in ("first", "without") for n in range(many)] if many > 1 else []
    return [*SAME_FOR_ALL, *several]


def open_steps(disk):
    """Places in disk.steps of those that may be missing; who is in tmp/ is nobody's business."""
    return [i for i, (_, part) in enumerate(disk.steps)
            if any(folder != SCRATCH for folder, _ in part)]


def names_with(disk, missing):
    names, missing = dict(disk.names), disk.without(missing)
    for i, (number, part) in enumerate(disk.steps):
        if i not in missing:
            set_names(names, number, part)
    return {entry: inode for entry, (_, inode) in names.items() if inode}


def torn_inodes(names):
    """Files under these names whose bytes are not all durable, in a fixed order."""
    seen = (names[entry] for entry in sorted(names) if entry[0] != SCRATCH)
    return list(dict.fromkeys(inode for inode in seen if inode.pending))


def some_missing(places, chance):
    """All after one, all but one, one, or by chance."""
    cut = chance.randrange(len(places) + 1) if places else 0
    return chance.choice([places[cut:], places[:cut], places[cut:cut + 1],
                          places[:cut] + places[cut + 1:],
                          [place for place in places if chance.random() < 0.5]])


def some_torn(inodes, chance):
    kind = chance.randrange(3)
    if kind == 0:
        return [chance.choice(SAME_FOR_ALL)] * len(inodes)
    if kind == 1:
        other = chance.randrange(len(inodes)) if inodes else 0
        return [chance.choice(variants(inode)) if i == other else ALL
                for i, inode in enumerate(inodes)]
    return [chance.choice(variants(inode)) for inode in inodes]


def every_choice(disk, places):
    for many in range(len(places) + 1):
        for missing in itertools.combinations(places, many):
            names = names_with(disk, missing)
            torn = torn_inodes(names)
            for data in itertools.product(*map(variants, torn)):
                for marks in (True, False):
                    yield names, dict(zip(torn, data)), marks


def some_choices(disk, places, chance, most):
    """The corners first: all names or none; all bytes, none, zeros, the half; all marks or none."""
    for missing in ((), places):
        names = names_with(disk, missing)
        torn = torn_inodes(names)
        for same in SAME_FOR_ALL:
            yield names, dict.fromkeys(torn, same), same == ALL
    for _ in range(most):
        names = names_with(disk, some_missing(places, chance))
        torn = torn_inodes(names)
        yield names, dict(zip(torn, some_torn(torn, chance))), chance.random() < 0.5


def tree_of(names, data, marks):
    """{path: (bytes or None, mode, mtime, the path of another name of the file or None)}, for what
    can be reached from the top."""
    tree, first = {}, {}
    for (folder, name), inode in sorted(names.items(), key=lambda item: item[0]):
        if folder and folder not in tree:
            continue
        path = f"{folder}/{name}" if folder else name
        own = data.get(inode, ALL)
        mode, mtime = (inode.mode_now, inode.mtime_now) if marks else (inode.mode, inode.mtime)
        tree[path] = (
            None if inode.folder else content(inode.data, written(inode.pending, own)), mode, mtime,
            first.get(inode))
        first.setdefault(inode, path)
    return tree


def states(disk, chance, most):
    """Trees that a power cut may leave here, some more than once: all where they are no more than
    `most`, else the corners and so many by chance."""
    places = open_steps(disk)
    torn = torn_inodes(names_with(disk, ()))
    if 2 ** (len(places) + 1) * math.prod(len(variants(inode)) for inode in torn) <= most:
        choices = every_choice(disk, places)
    else:
        choices = some_choices(disk, places, chance, most)
    for names, data, marks in choices:
        yield tree_of(names, data, marks)


def fingerprint(tree):
    """The same for trees between which no program can tell; within one process only."""
    return hash(frozenset((path, data, mode and mode & 0o1100, mtime, other)
                          for path, (data, mode, mtime, other) in tree.items()
                          if not path.startswith(SCRATCH + "/")))


def build(tree, top):
    """Lays the tree out below `top`, where nothing of it lies yet."""
    for path, (data, mode, mtime, other) in sorted(tree.items()):
        full = os.path.join(top, path)
        if other:
            os.link(os.path.join(top, other), full)
            continue
        if data is None:
            os.makedirs(full, mode=0o770, exist_ok=True)
            continue
        with open(full, "wb") as file:
            file.write(data)
        if mode is not None:
            os.chmod(full, mode)
        if mtime is not None:
            os.utime(full, ns=(mtime, mtime))
