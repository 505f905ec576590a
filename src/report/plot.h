/*
 * plot: small plots as inline SVG, 360 units wide, which a browser scales to the room that there
 * is. Colours are classes (.s0 to .s3, .line, .target, .grid) of the page's style, so that light
 * and dark are the page's. Each has a title and a description for screen readers; the numbers
 * belong in a table beside it. Pure. Texts are escaped here.
 */
#ifndef REPORT_PLOT_H
#define REPORT_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum { PLOT_SERIES_MAX = 4, PLOT_LABEL = 24 };

struct plot_point {
    char label[PLOT_LABEL];        /* below it; "" for none */
    double value[PLOT_SERIES_MAX]; /* of each series; below 0: not known */
};

struct plot {
    const char *id;    /* of the elements that name it: letters */
    const char *title; /* what it shows */
    const char *text;  /* what is to be seen, in a sentence */
    const char *unit;  /* behind the numbers of the axis: "%"; "" */
    const struct plot_point *point;
    size_t points, series;
    double low, high; /* of the axis; high 0: as the values need it */
    double target;    /* a line across; below 0: none */
};

/* Stacked bars, one for each point. */
void plot_bars(const struct plot *plot, struct buf *out);
/* Lines, one for each series, interrupted where a value is not known; the first is filled. */
void plot_lines(const struct plot *plot, struct buf *out);
/* Horizontal bars with their label and number, for a few points of one series. */
void plot_rows(const struct plot *plot, struct buf *out);

/* A row of block characters for a terminal, one for each value; a blank where it is not known. */
void plot_blocks(const struct plot_point *point, size_t points, struct buf *out);

#endif
