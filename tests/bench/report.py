"""What people are shown: the table on the terminal, that of the README, the chart, the goals."""

import chart

KINDS = {"durable": "", "duplicate": ": duplicates", "forgery": ": forgeries"}
# (heading, entry of a row, format)
COLUMNS = (
    ("req/s", "rate", ",.0f"), ("best", "best", ",.0f"), ("ratio", "ratio", ".2f"),
    ("p50 ms", "p50", ".2f"), ("p99 ms", "p99", ".2f"), ("app us", "app_us", ".0f"),
    ("nginx us", "front_us", ".0f"), ("all us", "all_us", ".0f"),
    ("calls", "calls", ".1f"), ("flushes", "flushes", ".2f"), ("PSS MB", "pss", ".1f"),
    ("steal %", "steal", ".0f"))
README_COLUMNS = ("req/s", "ratio", "p50 ms", "p99 ms", "app us", "all us", "calls", "flushes",
                  "PSS MB")
SHOWN = (("fast", 1), ("fast", 32), ("1 ms", 64))  # in the README; the chart and JSON have all
EXPLAINED = """\
ratio: to php-fpm's. app, nginx, all: CPU time for each request in the application, in nginx, and in
the whole machine less the load generator. calls: system calls of the application for each request.
flushes: of the disk, for each request. PSS: of the application. steal: CPU time that the hypervisor
gave to others. Medians over the rounds."""


def cell(row, entry, form):
    value = row.get(entry)
    return "-" if value is None else format(value, form)


def name_of(row):
    return row["contender"] + KINDS[row["kind"]]


def groups(rows):
    """Rows by disk and number of clients, in the order of their first."""
    found = {}
    for row in rows:
        found.setdefault((row["disk"], row["clients"]), []).append(row)
    return found


def heading(disk, clients):
    disks = {"fast": "fast disk", "1 ms": "disk with a flush of 1 ms", "plain": "plain folder"}
    return f"{disks[disk]}, {clients} client{'s' if clients > 1 else ''}"


def table(rows):
    lines = []
    for (disk, clients), members in groups(rows).items():
        lines += ["", heading(disk, clients),
                  " " * 26 + "".join(f"{title:>9}" for title, *_ in COLUMNS)]
        for row in members:
            cells = "".join(f"{cell(row, *how):>9}" for _, *how in COLUMNS)
            warning = "" if row["agrees"] else "  WRONG: answers and files differ"
            lines.append(f"{name_of(row):<26}{cells}{warning}")
    return "\n".join([*lines, "", EXPLAINED])


def goal_lines(goals):
    words = {True: "met", False: "MISSED", None: "-"}
    return [f"{words[goal['met']]:<8}{goal['text']}: {goal['measured']}" for goal in goals]


def chart_of(rows):
    """Requests a second of all contenders, where there is something to share a flush with."""
    panels = []
    for (disk, clients), members in groups(rows).items():
        if clients in (4, 32) or (disk, clients) == ("1 ms", 64):
            panels.append((heading(disk, clients), [
                (name_of(row), row["rate"], _times(row), row["contender"].startswith("bookspool"))
                for row in members if row["kind"] == "durable"]))
    return chart.bars("Durable bookings a second", panels,
                      "Each answered 200 after its sync; in brackets: times php-fpm's rate.")


def _times(row):
    return "" if row["ratio"] is None else f"({row['ratio']:.2f}x)"


# ---- README ----


def markdown(result):
    """The section's changing part, from bench.json."""
    rows = result["receive"]["rows"]
    machine = result["machine"]
    lines = [f"Measured on {result['date']}: {machine['cpu']}, {machine['cores']} cores,"
             f" {machine['memory_gb']} GB, {machine['system']}, Linux {machine['kernel']};"
             f" medians of {result['rounds']} interleaved rounds of {result['seconds']:g} s."
             + busy(machine), ""]
    for disk, clients in SHOWN:
        lines += markdown_table(heading(disk, clients), groups(rows).get((disk, clients), []))
    return "\n".join([*lines, *markdown_goals(result["goals"])])


def busy(machine):
    """What a reader must know of a machine that had other things to do."""
    if machine["busy"] < machine["cores"] / 4:
        return ""
    return (f" **The machine was busy with other things** ({machine['busy']} of its processors"
            " when it began): rates and CPU times are worse than they would be, for all.")


def markdown_table(title, members):
    chosen = [column for column in COLUMNS if column[0] in README_COLUMNS]
    lines = [f"| {title} | " + " | ".join(title for title, *_ in chosen) + " |",
             "|---|" + "--:|" * len(chosen)]
    for row in members:
        cells = " | ".join(cell(row, *how) for _, *how in chosen)
        lines.append(f"| {name_of(row)} | {cells} |")
    return [*lines, ""]


def markdown_goals(goals):
    words = {True: "met", False: "**missed**", None: "not measured"}
    return ["| goal | measured | |", "|---|--:|---|",
            *(f"| {goal['text']} | {goal['measured']} | {words[goal['met']]} |" for goal in goals)]
