/* SPDX-License-Identifier: MIT */
/* What the forms of a printed graph share. All names are this library's own: letters, digits, '.',
 * '_', '%', so nothing needs escaping. */
#ifndef DV_GRAPH_PRINT_H
#define DV_GRAPH_PRINT_H

#include "graph/graph.h"

struct dv_print_out {
    const struct dv_printer *printer;
    const struct dv_graph   *g;
    const struct dv_plan    *plan; /* or NULL */
};

void      dv_print_put(const struct dv_print_out *out, const char *format, ...) DV_PRINTF(2, 3);
dv_tensor dv_print_storage(const struct dv_graph *g, dv_tensor x);
void      dv_print_dot(const struct dv_print_out *out);

#endif
