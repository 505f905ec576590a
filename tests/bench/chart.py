"""Charts as SVG: bars and lines, readable in light and dark, without scripts or fonts of their own.

Both return the text of an SVG file. Numbers stand beside what they belong to, so that nothing is
told by colour alone.
"""

import math
from xml.sax.saxutils import escape

WIDTH, MARGIN = 760, 20
COLOURS = ("first", "second", "third", "fourth")
STYLE = """
    text { font: 13px system-ui, sans-serif; fill: #1f2933; }
    .title { font-size: 17px; font-weight: 600; }
    .panel { font-weight: 600; }
    .note, .tick { font-size: 12px; fill: #5b6875; }
    .back { fill: #ffffff; }
    .grid { stroke: #dde2e7; }
    .peer { fill: #a5b1bd; }
    .first { fill: #1f6fb2; stroke: #1f6fb2; }
    .second { fill: #c2571a; stroke: #c2571a; }
    .third { fill: #3b8246; stroke: #3b8246; }
    .fourth { fill: #7a4fa3; stroke: #7a4fa3; }
    text.first, text.second, text.third, text.fourth { stroke: none; }
    .line { fill: none; stroke-width: 2; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e4e7eb; }
      .note, .tick { fill: #9aa5b1; }
      .back { fill: #16191d; }
      .grid { stroke: #333b44; }
      .peer { fill: #5b6875; }
      .first { fill: #5aa9e6; stroke: #5aa9e6; }
      .second { fill: #f0975a; stroke: #f0975a; }
      .third { fill: #7cc488; stroke: #7cc488; }
      .fourth { fill: #b794d6; stroke: #b794d6; }
    }
"""


def number(value):
    """As a person would write it: three digits that mean something."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


class _Picture:
    def __init__(self, title, note):
        self.title, self.note = title, note
        self.parts = []

    def text(self, x, y, words, kind="", anchor="start"):
        self.parts.append(f'<text x="{x:.0f}" y="{y:.0f}" class="{kind}" text-anchor="{anchor}">'
                          f"{escape(words)}</text>")

    def bar(self, x, y, width, height, kind):
        self.parts.append(f'<rect x="{x:.0f}" y="{y:.0f}" width="{max(width, 1):.1f}" '
                          f'height="{height}" rx="2" class="{kind}"/>')

    def grid(self, x1, y1, x2, y2):
        self.parts.append(f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}" '
                          'class="grid"/>')

    def line(self, points, kind):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<g class="{kind}"><polyline points="{path}" class="line"/></g>')
        self.parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" class="{kind}"/>'
                       for x, y in points]

    def finish(self, height):
        if self.note:
            self.text(MARGIN, height + 8, self.note, "note")
            height += 24
        body = "\n  ".join(self.parts)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
                f'role="img">\n  <title>{escape(self.title)}</title>\n  <style>{STYLE}  </style>\n'
                f'  <rect width="{WIDTH}" height="{height}" class="back"/>\n  {body}\n</svg>\n')


def bars(title, panels, note=""):
    """`panels`: (heading, [(label, value, word beside the value, is ours)]), one under the other,
    each with a scale of its own."""
    picture = _Picture(title, note)
    picture.text(MARGIN, 32, title, "title")
    y = 44
    for heading, values in panels:
        picture.text(MARGIN, y + 22, heading, "panel")
        y = _panel(picture, y + 34, values)
    return picture.finish(y + 8)


def _panel(picture, y, values, label_width=180, number_width=150, height=20, step=26):
    room = WIDTH - 2 * MARGIN - label_width - number_width
    most = max((value for _, value, _, _ in values), default=1) or 1
    for label, value, word, ours in values:
        width = room * value / most
        left = MARGIN + label_width
        picture.text(left - 8, y + 15, label, anchor="end")
        picture.bar(left, y, width, height, "first" if ours else "peer")
        picture.text(left + width + 8, y + 15, f"{number(value)} {word}".strip())
        y += step
    return y + 8


def lines(title, ticks, series, unit="", note="", height=300):
    """`ticks`: the words under the columns; `series`: {name: one value for each tick}. The columns
    are evenly spaced, the scale begins at 0."""
    picture = _Picture(title, note)
    picture.text(MARGIN, 32, title, "title")
    top, left, right = 72, MARGIN + 50, WIDTH - 170
    most = 4 * _round_step(max((value for values in series.values() for value in values)) / 4)

    def place(column, value):
        step = (right - left) / max(1, len(ticks) - 1)
        return left + column * step, top + height * (1 - value / most)
    _axes(picture, ticks, most, unit, place)
    for kind, (name, values) in zip(COLOURS * len(series), series.items()):
        points = [place(column, value) for column, value in enumerate(values)]
        picture.line(points, kind)
        for (x, y), value in zip(points, values):
            picture.text(x, y - 9, number(value), "tick", "middle")
        picture.text(points[-1][0] + 22, points[-1][1] + 4, name, kind)
    return picture.finish(top + height + 44)


def _round_step(value):
    """The next number up that is easy to read."""
    if value <= 0:
        return 1
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * 0.999)


def _axes(picture, ticks, most, unit, place):
    for part in range(5):
        value = most * part / 4
        x, y = place(0, value)
        picture.grid(x, y, place(len(ticks) - 1, value)[0], y)
        picture.text(x - 14, y + 4, number(value), "tick", "end")
    for column, tick in enumerate(ticks):
        x, y = place(column, 0)
        picture.text(x, y + 20, tick, "tick", "middle")
    picture.text(MARGIN, place(0, most)[1] - 14, unit, "note")
