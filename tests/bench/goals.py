"""The goals of speed, and whether these figures meet them.

A goal is {"text", "measured", "met"}: met is None where a figure is missing. Where a goal is a
ratio, it is the ratio of medians.
"""

BOOKSPOOL, PHP, NODE, WEBHOOK = ("bookspool", "php-fpm, 8 children", "node, 1 process",
                                 "webhook + C command")


class Table:
    """The rows by what they are of."""

    def __init__(self, rows):
        self.rows = {(row["disk"], row["clients"], row["contender"], row["kind"]): row
                     for row in rows}

    def get(self, name, disk, clients, contender=BOOKSPOOL, kind="durable"):
        row = self.rows.get((disk, clients, contender, kind))
        return row[name] if row else None

    def ratio(self, name, disk, clients, other):
        ours, theirs = self.get(name, disk, clients), self.get(name, disk, clients, other)
        return ours / theirs if ours is not None and theirs else None


def at_least(text, value, limit, form="{:.2f} times"):
    return _goal(text, value, limit, form, value is not None and value >= limit)


def at_most(text, value, limit, form="{:.1f}"):
    return _goal(text, value, limit, form, value is not None and value <= limit)


def _goal(text, value, limit, form, met):
    if value is None:
        return {"text": text, "measured": "not measured", "met": None}
    measured = form.format(value)
    if not met and limit:
        measured += f" ({100 * abs(value - limit) / limit:.0f} % off)"
    return {"text": text, "measured": measured, "met": met}


def rates(table):
    def times(disk, clients, other, limit, word=""):
        peer = other.partition(",")[0]
        return at_least(f"{disk} disk, {clients} clients: at least {limit} times {peer}{word}",
                        table.ratio("rate", disk, clients, other), limit)
    return [times("fast", 32, PHP, 2.5), times("fast", 32, PHP, 3, " (stretch)"),
            times("fast", 32, NODE, 3.5), times("fast", 32, WEBHOOK, 8),
            times("1 ms", 32, PHP, 4), times("1 ms", 32, WEBHOOK, 1.7),
            times("1 ms", 64, PHP, 7), times("1 ms", 64, WEBHOOK, 2.5)]


def one_client(table):
    return [at_most("one client, 1 ms disk: 2 flushes a message",
                    table.get("flushes", "1 ms", 1), 2.05, "{:.2f}"),
            # On the slow disk two flushes against four, and nothing else, would make 0.5.
            at_most("one client, fast disk: p50 at most 0.45 of php-fpm's",
                    table.ratio("p50", "fast", 1, PHP), 0.45, "{:.2f}")]


def costs(table):
    forgery = ("fast", 32, BOOKSPOOL, "forgery")
    return [at_most("one client: at most 14 system calls in the program for a durable request",
                    table.get("calls", "fast", 1), 14.05),
            at_most("32 clients, fast disk: at most 50 us of CPU in the program for each",
                    table.get("app_us", "fast", 32), 50),
            at_most("one client, fast disk: at most 50 us of CPU in the program for each",
                    table.get("app_us", "fast", 1), 50),
            at_most("a forgery costs at most 25 us of CPU in the program",
                    table.get("app_us", *forgery), 25),
            at_most("a forgery costs no call to a file system",
                    table.get("file_calls", *forgery), 0.01, "{:.2f}")]


def memory(table, measured):
    large = (measured or {}).get("large", {})
    sizes = (measured or {}).get("million", {}).get("rss") or [None]
    growth = sizes[-1] - sizes[0] if sizes[0] else None
    return [at_most("64 clients, fast disk: at most 4 MB of memory (PSS)",
                    table.get("pss", "fast", 64), 4),
            at_most("a million requests: memory is flat (RSS grows by less than 0.1 MB)",
                    growth, 0.1, "{:.2f} MB"),
            at_most("64 bodies of 1 MiB at once: below 100 MB (peak RSS)",
                    large.get("peak_rss"), 100, "{:.0f} MB")]


def of_receiver(result):
    table = Table(result["rows"])
    counts = [row["agrees"] for row in result["rows"]]
    agree = {"text": "every answer of 200 is a file in the spool, in each run of each contender",
             "measured": f"{sum(counts)} of {len(counts)} rows", "met": all(counts)}
    return [*rates(table), *one_client(table), *costs(table), *memory(table, result["memory"]),
            agree]
