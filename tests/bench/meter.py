"""What a run costs: CPU time, memory, system calls, and how much of the machine others took."""

import os
import re
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass

from bookspool import wait_for
from common import die_with_parent, server

TICK = os.sysconf("SC_CLK_TCK")

# What reaches a file system. write, pwrite, read and close are left out: they serve sockets, logs
# and memory too, and there is no file to write to without one of these.
FILE_CALLS = re.compile(r"open|creat|link|rename|sync|stat|access|chmod|chown|getdents|mkdir|utime")


def _read(path):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:  # it has ended meanwhile
        return ""


def family(pids):
    """These processes and all that descend from them."""
    found = []
    for pid in pids:
        children = [int(word) for thread in _threads(pid)
                    for word in _read(f"/proc/{pid}/task/{thread}/children").split()]
        found += [pid, *family(children)]
    return found


def _threads(pid):
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def cpu_seconds(pids):
    """User and system time of the family, with that of children who were waited for."""
    total = 0
    for pid in family(pids):
        fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        total += sum(map(int, fields[11:15]))
    return total / TICK


def memory_mb(pids):
    """Proportional set size: what is shared is divided by those who share it."""
    return _rollup(pids, "Pss")


def resident_mb(pids):
    """Resident set size, which does not move when another process begins to share a library."""
    return _rollup(pids, "Rss")


def _rollup(pids, entry):
    sizes = (re.search(rf"^{entry}:\s+(\d+) kB", _read(f"/proc/{pid}/smaps_rollup"), re.M)
             for pid in family(pids))
    return sum(int(size[1]) for size in sizes if size) / 1024


def peak_rss_mb(pids):
    """The most that each process of the family has ever had in memory, as the kernel noted it."""
    peaks = (re.search(r"^VmHWM:\s+(\d+) kB", _read(f"/proc/{pid}/status"), re.M)
             for pid in family(pids))
    return sum(int(peak[1]) for peak in peaks if peak) / 1024


@dataclass
class Machine:
    """Seconds since boot: CPU time at work, CPU time that the hypervisor gave to others, both
    with idle time."""

    busy: float
    stolen: float
    all: float

    def __sub__(self, other):
        return Machine(self.busy - other.busy, self.stolen - other.stolen, self.all - other.all)


def machine():
    fields = [int(word) / TICK for word in _read("/proc/stat").split("\n", 1)[0].split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, stolen = fields
    return Machine(user + nice + system + irq + softirq, stolen, sum(fields))


class Calls:
    """System calls of a family while inside, by strace; `by_name` afterwards.

        with Calls(pids) as calls:
            ...
        calls.total, calls.of_files
    """

    def __init__(self, pids):
        self.pids = family(pids)
        self.by_name = {}

    def __enter__(self):
        self.file = tempfile.NamedTemporaryFile("r", prefix="bench-strace-")
        command = [server("strace"), "-c", "-f", "-o", self.file.name,
                   *(word for pid in self.pids for word in ("-p", str(pid)))]
        self.strace = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        wait_for(lambda: all(self._is_traced(pid) for pid in self.pids), 5)
        return self

    def __exit__(self, *_):
        self._let_go()
        for line in self.file.read().splitlines():
            # % time, seconds, usecs/call, calls, errors (may be empty), syscall
            words = line.split()
            if len(words) in (5, 6) and words[3].isdigit() and words[-1] != "total":
                self.by_name[words[-1]] = int(words[3])
        self.file.close()

    def _let_go(self):
        """strace cannot leave a process whose child is only just starting, so they end first."""
        wait_for(lambda: set(family(self.pids)) <= set(self.pids), 5)
        self.strace.send_signal(signal.SIGINT)
        try:
            self.strace.wait(10)
        except subprocess.TimeoutExpired:
            self.strace.kill()  # which lets go too, but tells nothing
            self.strace.wait()

    def _is_traced(self, pid):
        found = re.search(r"^TracerPid:\s+(\d+)", _read(f"/proc/{pid}/status"), re.M)
        return not found or found[1] != "0"

    @property
    def total(self):
        return sum(self.by_name.values())

    @property
    def of_files(self):
        return sum(count for name, count in self.by_name.items() if FILE_CALLS.search(name))


def calm(seconds=4):
    """Waits, not for ever, for a moment in which a spinning thread gets a core to itself."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        wall, cpu = time.monotonic(), time.thread_time()
        while time.monotonic() - wall < 0.08:
            pass
        if time.thread_time() - cpu > 0.073:
            return
        time.sleep(0.3)
