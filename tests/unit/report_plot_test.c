/* Plots as SVG: where things are drawn, what is left out, and blocks for a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "report/plot.h"

typedef void write_plot(const struct plot *plot, struct buf *out);

static struct plot plot_of(const struct plot_point *point, size_t points, size_t series)
{
    return (struct plot){.id = "p",
        .title = "Mails & more",
        .text = "a < b",
        .unit = "",
        .point = point,
        .points = points,
        .series = series,
        .target = -1};
}

/* In that order. */
static void assert_parts(write_plot *write, const struct plot *plot, const char *const *parts)
{
    struct buf out = {0};
    write(plot, &out);
    const char *at = buf_text(&out);
    for (; *parts; parts++) {
        at = strstr(at, *parts);
        if (!at)
            fail_msg("missing, or earlier: %s\nin: %s", *parts, buf_text(&out));
        at += strlen(*parts);
    }
    buf_free(&out);
}

static void assert_none(write_plot *write, const struct plot *plot, const char *part)
{
    struct buf out = {0};
    write(plot, &out);
    if (strstr(buf_text(&out), part))
        fail_msg("unwanted: %s\nin: %s", part, buf_text(&out));
    buf_free(&out);
}

#define PARTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void bars_are_stacked(void **state)
{
    static const struct plot_point points[] = {
        {.label = "<Mon>", .value = {1, 2}}, {.value = {0, -1}}, {.label = "Wed", .value = {0, 4}}};
    struct plot plot = plot_of(points, 3, 2);
    (void)state;
    assert_parts(plot_bars, &plot,
        PARTS("<svg viewBox=\"0 0 360 190\" role=\"img\" aria-labelledby=\"p-t p-d\">",
            "<title id=\"p-t\">Mails &amp; more</title>", "<desc id=\"p-d\">a &lt; b</desc>",
            ">0</text>", ">1</text>", ">2</text>", ">3</text>", ">4</text>",
            "text-anchor=\"middle\">&lt;Mon&gt;</text>", "text-anchor=\"end\">Wed</text>",
            "<rect class=\"s0\" x=\"52.6\" y=\"127.5\" width=\"79.5\" height=\"38.5\"/>",
            "<rect class=\"s1\" x=\"52.6\" y=\"50.5\" width=\"79.5\" height=\"77.0\"/>",
            "<rect class=\"s1\" x=\"261.9\" y=\"12.0\"", "</svg>\n"));
    assert_none(plot_bars, &plot, "x=\"157.2\""); /* of the one without a value */
    assert_none(plot_bars, &plot, "target");
    plot.target = 99.9;
    plot.high = 100;
    plot.unit = "%";
    assert_parts(plot_bars, &plot,
        PARTS(">100%</text>", "<path class=\"target\" d=\"M40 12.2H354\"/>", ">99.9%</text>"));
}

static void the_axis_ends_at_a_round_number(void **state)
{
    static const struct {
        double value;
        const char *top;
    } rows[] = {{0, ">4</text>"}, {4, ">4</text>"}, {5, ">8</text>"}, {9, ">20</text>"},
        {21, ">40</text>"}, {90, ">100</text>"}, {101, ">200</text>"}, {399, ">400</text>"},
        {4001, ">8000</text>"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct plot_point point = {.value = {rows[i].value}};
        struct plot plot = plot_of(&point, 1, 1);
        assert_parts(plot_bars, &plot, PARTS("y=\"15.5\" text-anchor=\"end\"", rows[i].top));
    }
}

static void lines_are_interrupted_where_nothing_is_known(void **state)
{
    static const struct plot_point points[] = {
        {.value = {4, 1}}, {.value = {0, 9}}, {.value = {-1, 2}}, {.value = {2, -1}}};
    struct plot plot = plot_of(points, 4, 2);
    (void)state;
    plot.high = 4; /* what is above is drawn at the top */
    assert_parts(plot_lines, &plot,
        PARTS("<path class=\"area\" d=\"M79.2 12.0L157.8 166.0L157.8 166L79.2 166Z\"/>",
            "<path class=\"line l0\" d=\"M79.2 12.0L157.8 166.0\"/>",
            "<path class=\"line l0\" d=\"M314.8 89.0\"/>",
            "<circle class=\"s0\" cx=\"314.8\" cy=\"89.0\" r=\"2.5\"/>",
            "<path class=\"line l1\" d=\"M79.2 127.5L157.8 12.0L236.2 89.0\"/>"));
    plot.low = 1; /* an axis that does not begin at 0 has no area; below it is at the bottom */
    assert_none(plot_lines, &plot, "area");
    assert_parts(plot_lines, &plot, PARTS(">1</text>", "d=\"M79.2 12.0L157.8 166.0\""));
    plot.high = plot.low = 0;
    assert_parts(plot_lines, &plot, PARTS(">20</text>")); /* the highest of all series */
}

static void rows_have_their_number(void **state)
{
    static const struct plot_point points[] = {{.label = "a&b", .value = {0}},
        {.label = "c", .value = {1}}, {.label = "d", .value = {1000}}};
    struct plot plot = plot_of(points, 3, 1);
    (void)state;
    assert_parts(plot_rows, &plot,
        PARTS("viewBox=\"0 0 360 66\"", ">a&amp;b</text><text x=\"71.0\" y=\"16.0\">0</text>",
            ">c</text><rect class=\"s0\" x=\"66\" y=\"25.0\" width=\"1.0\" height=\"14\"/>",
            ">1</text>", "width=\"234.0\"", "<text x=\"305.0\" y=\"56.0\">1000</text>"));
}

static void blocks_for_a_terminal(void **state)
{
    static const struct plot_point points[] = {
        {.value = {0}}, {.value = {-1}}, {.value = {1}}, {.value = {4}}, {.value = {8}}};
    struct buf out = {0};
    (void)state;
    plot_blocks(points, 5, &out);
    assert_string_equal(buf_text(&out), "\u00b7 \u2581\u2584\u2588");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bars_are_stacked),
        cmocka_unit_test(the_axis_ends_at_a_round_number),
        cmocka_unit_test(lines_are_interrupted_where_nothing_is_known),
        cmocka_unit_test(rows_have_their_number),
        cmocka_unit_test(blocks_for_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
