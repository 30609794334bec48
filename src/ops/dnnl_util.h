/* A thin layer between the ops and oneDNN's C API; included by src/ops only.
 *
 * A primitive is created once, with its memory objects; each run passes the
 * addresses. */
#ifndef DMS_OPS_DNNL_UTIL_H
#define DMS_OPS_DNNL_UTIL_H

#include <oneapi/dnnl/dnnl.h>

#include "graph/op.h"

typedef struct dms_backend {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_attr_t attr; /* scratchpad provided by us */
    bool winograd;              /* dms_backend_set_winograd */
} dms_backend;

/* DMS_OK for dnnl_success; else DMS_EINTERNAL with `what` and the status in
 * words, "conv forward: unimplemented". */
dms_status dms_dnnl_check(dnnl_status_t status, const char *what,
                          dms_error *err);

enum { DMS_PRIM_ARGS = 12 };

/* A primitive and its arguments. data[i] of a run goes to arg[i]; the
 * scratchpad comes first. */
typedef struct dms_prim {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[DMS_PRIM_ARGS];
    int count;
    const char *what; /* for messages */
} dms_prim;

/* Create the primitive from pd, which is destroyed. Raises needs->scratch. */
dms_status dms_prim_create(dms_prim *prim, const dms_backend *backend,
                           dnnl_primitive_desc_t pd, const char *what,
                           dms_needs *needs, dms_error *err);
void dms_prim_release(dms_prim *prim);

/* Add the next argument of a run. */
dms_status dms_prim_arg(dms_prim *prim, const dms_backend *backend, int arg,
                        const dnnl_memory_desc_t *desc, dms_error *err);

/* data: one address per argument, in the order of dms_prim_arg. */
dms_status dms_prim_run(const dms_prim *prim, const dms_backend *backend,
                        void *scratch, const void *const *data, dms_error *err);

/* A reorder from one description to another. If they are equal, *needed is
 * false and nothing is created. */
dms_status dms_prim_reorder(dms_prim *prim, bool *needed,
                            const dms_backend *backend,
                            const dnnl_memory_desc_t *from,
                            const dnnl_memory_desc_t *to, dms_needs *needs,
                            dms_error *err);

/* A reorder that multiplies by factor; integers are rounded and clamped. */
dms_status dms_prim_rescale(dms_prim *prim, const dms_backend *backend,
                            const dnnl_memory_desc_t *from,
                            const dnnl_memory_desc_t *to, float factor,
                            dms_needs *needs, dms_error *err);

/* The description of a value with that shape, layout and type. */
dnnl_memory_desc_t dms_desc_value(const dms_shape *shape, dms_layout layout,
                                  int block);

/* The description of a node's value, in its layout and type. */
dnnl_memory_desc_t dms_desc_node(const dms_node *node);

/* The dense row-major description of `axes` dims. */
dnnl_memory_desc_t dms_desc_plain(int axes, const int64_t *dims);

/* The same dims, with the order left to the primitive. */
dnnl_memory_desc_t dms_desc_any(const dnnl_memory_desc_t *like);

/* A convolution weight as the parameter table keeps it. Grouped weights get
 * oneDNN's leading group dimension, a linear layer's weight a 1x1 kernel. */
dnnl_memory_desc_t dms_desc_weight(const dms_param *param, int groups);

/* Is Winograd's algorithm wanted, and can it compute this convolution? */
bool dms_wants_winograd(const dms_job *job);

/* The memory description of a primitive descriptor's n-th src, dst or weights.
 */
dnnl_memory_desc_t dms_pd_desc(const_dnnl_primitive_desc_t pd,
                               dnnl_query_t what);

bool dms_pd_is_reference(const_dnnl_primitive_desc_t pd);

#endif
