#include "report/plot.h"

#include <math.h>
#include <string.h>

#include "mail/escape.h"

/* The picture, and the part of it that the axes enclose. */
enum {
    WIDTH = 360,
    HEIGHT = 190,
    LEFT = 40,
    RIGHT = 354,
    LINES = 4,
    TOP = 12,
    BOTTOM = 166,
    ROW = 20
};

static void add_text(struct buf *out, const char *text)
{
    escape_html(text, strlen(text), out);
}

/* The top of an axis whose lines are 1, 2, 2.5 or 5 times a power of ten apart, and whole numbers.
 */
static double round_up(double value)
{
    static const double steps[] = {1, 2, 2.5, 5, 10};
    double unit = 1;
    while (unit * 10 * LINES <= value)
        unit *= 10;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        double step = unit * steps[i];
        if (step * LINES >= value && step == floor(step))
            return step * LINES;
    }
    return unit * 10 * LINES;
}

static double sum_of(const struct plot *plot, const struct plot_point *point)
{
    double sum = 0;
    for (size_t i = 0; i < plot->series; i++)
        sum += point->value[i] > 0 ? point->value[i] : 0;
    return sum;
}

static double highest(const struct plot *plot, bool stacked)
{
    double high = 4;
    for (size_t i = 0; i < plot->points; i++) {
        double sum = sum_of(plot, &plot->point[i]);
        for (size_t s = 0; !stacked && s < plot->series; s++)
            sum = s == 0 || plot->point[i].value[s] > sum ? plot->point[i].value[s] : sum;
        high = sum > high ? sum : high;
    }
    return plot->high > 0 ? plot->high : round_up(high);
}

static double height_at(const struct plot *plot, double high, double value)
{
    double share = (value - plot->low) / (high - plot->low);
    share = share < 0 ? 0 : share > 1 ? 1 : share;
    return BOTTOM - share * (BOTTOM - TOP);
}

static double place_of(const struct plot *plot, size_t i)
{
    return LEFT + (RIGHT - LEFT) * ((double)i + 0.5) / (double)plot->points;
}

static void begin(const struct plot *plot, int height, struct buf *out)
{
    buf_printf(out,
        "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"%s-t %s-d\">"
        "<title id=\"%s-t\">",
        WIDTH, height, plot->id, plot->id, plot->id);
    add_text(out, plot->title);
    buf_printf(out, "</title><desc id=\"%s-d\">", plot->id);
    add_text(out, plot->text);
    buf_puts(out, "</desc>\n");
}

/* Lines across with their numbers, the labels below, and the target. */
static void add_axes(const struct plot *plot, double high, struct buf *out)
{
    for (int i = 0; i <= LINES; i++) {
        double value = plot->low + (high - plot->low) * i / LINES, y = height_at(plot, high, value);
        buf_printf(out, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>", LEFT, y, RIGHT);
        buf_printf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g%s</text>\n", LEFT - 4,
            y + 3.5, round(value * 100) / 100, plot->unit);
    }
    for (size_t i = 0; i < plot->points; i++)
        if (*plot->point[i].label) {
            buf_printf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">",
                i + 1 < plot->points ? place_of(plot, i) : RIGHT, BOTTOM + 15,
                i + 1 < plot->points ? "middle" : "end");
            add_text(out, plot->point[i].label);
            buf_puts(out, "</text>\n");
        }
}

static void add_target(const struct plot *plot, double high, struct buf *out)
{
    if (plot->target < 0)
        return;
    double y = height_at(plot, high, plot->target);
    buf_printf(out,
        "<path class=\"target\" d=\"M%d %.1fH%d\"/>"
        "<text class=\"of-target\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g%s</text>\n",
        LEFT, y, RIGHT, RIGHT, y + 12, plot->target, plot->unit);
}

void plot_bars(const struct plot *plot, struct buf *out)
{
    double high = highest(plot, true), step = (double)(RIGHT - LEFT) / (double)plot->points;
    begin(plot, HEIGHT, out);
    add_axes(plot, high, out);
    for (size_t i = 0; i < plot->points; i++) {
        double sum = 0, x = place_of(plot, i) - step * 0.38;
        for (size_t s = 0; s < plot->series; s++) {
            double value = plot->point[i].value[s];
            if (value <= 0)
                continue;
            double from = height_at(plot, high, sum), to = height_at(plot, high, sum + value);
            buf_printf(out,
                "<rect class=\"s%zu\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", s, x,
                to, step * 0.76, from - to);
            sum += value;
        }
    }
    add_target(plot, high, out);
    buf_puts(out, "</svg>\n");
}

/* The points of a line up to the next that is not known; the index after them. */
static size_t add_line(
    const struct plot *plot, double high, size_t series, size_t i, struct buf *out)
{
    struct buf path = {0};
    size_t first = i;
    for (; i < plot->points && plot->point[i].value[series] >= 0; i++)
        buf_printf(&path, "%c%.1f %.1f", i == first ? 'M' : 'L', place_of(plot, i),
            height_at(plot, high, plot->point[i].value[series]));
    if (series == 0 && plot->low == 0)
        buf_printf(out, "<path class=\"area\" d=\"%sL%.1f %dL%.1f %dZ\"/>", buf_text(&path),
            place_of(plot, i - 1), BOTTOM, place_of(plot, first), BOTTOM);
    buf_printf(out, "<path class=\"line l%zu\" d=\"%s\"/>", series, buf_text(&path));
    if (i - first == 1) /* a line of one point would not be seen */
        buf_printf(out, "<circle class=\"s%zu\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"/>", series,
            place_of(plot, first), height_at(plot, high, plot->point[first].value[series]));
    buf_putc(out, '\n');
    out->failed = out->failed || path.failed;
    buf_free(&path);
    return i;
}

void plot_lines(const struct plot *plot, struct buf *out)
{
    double high = highest(plot, false);
    begin(plot, HEIGHT, out);
    add_axes(plot, high, out);
    for (size_t s = 0; s < plot->series; s++)
        for (size_t i = 0; i < plot->points;)
            i = plot->point[i].value[s] < 0 ? i + 1 : add_line(plot, high, s, i, out);
    add_target(plot, high, out);
    buf_puts(out, "</svg>\n");
}

void plot_rows(const struct plot *plot, struct buf *out)
{
    enum { NAMES = 66, NUMBERS = 300 };
    double high = highest(plot, true);
    begin(plot, (int)plot->points * ROW + 6, out);
    for (size_t i = 0; i < plot->points; i++) {
        const struct plot_point *point = &plot->point[i];
        double y = (double)i * ROW + 4, width = (NUMBERS - NAMES) * point->value[0] / high;
        buf_printf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">", NAMES - 6, y + 12);
        add_text(out, point->label);
        buf_puts(out, "</text>");
        if (width > 0)
            buf_printf(out, "<rect class=\"s0\" x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"%d\"/>",
                NAMES, y + 1, width < 1 ? 1 : width, ROW - 6);
        buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\">%g%s</text>\n", NAMES + 5 + width, y + 12,
            point->value[0], plot->unit);
    }
    buf_puts(out, "</svg>\n");
}

void plot_blocks(const struct plot_point *point, size_t points, struct buf *out)
{
    static const char *const blocks[] = {
        "\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588"};
    double high = 1;
    for (size_t i = 0; i < points; i++)
        high = point[i].value[0] > high ? point[i].value[0] : high;
    for (size_t i = 0; i < points; i++) {
        double value = point[i].value[0];
        if (value < 0)
            buf_putc(out, ' ');
        else if (value == 0)
            buf_puts(out, "\u00b7");
        else
            buf_puts(out, blocks[(size_t)ceil(value * 8 / high) - 1]);
    }
}
