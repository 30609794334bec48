/* The parameter table: PyTorch's state_dict as one flat buffer.
 *
 * Names, shapes and order are those of the PyTorch module. Every tensor is
 * [offset, offset + size) of the flat buffers, so optimiser, clipping,
 * averaging and all-reduce are loops over floats. Trained tensors come first
 * in the buffers, then running statistics, then frozen tensors:
 *
 *     value    [ trained 0 | trained 1 | ... | stat 0 | ... | frozen 0 | ... ]
 *     grad     [ trained 0 | trained 1 | ... ]
 *     average  [ trained 0 | trained 1 | ... | stat 0 | ... ]
 *
 * A frozen row, weight or statistic, keeps its value for the whole run: it has
 * no gradient, no moments, no average, and is not in a checkpoint. A held row
 * (dms_params_hold) is frozen too, but for some time only: it lies among those
 * that change.
 *
 * A convolution's weight may be kept in oneDNN's blocked order, so that no
 * training step reorders it; dms_param_pack and dms_param_unpack convert on
 * load and save only. Gaps between tensors and padding inside them are always
 * zero. */
#ifndef DMS_GRAPH_PARAMS_H
#define DMS_GRAPH_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "dms/status.h"

enum { DMS_PARAM_AXES_MAX = 4, DMS_PARAM_NAME_MAX = 96 };

typedef enum dms_param_role {
    DMS_PARAM_WEIGHT, /* trained, weight decay applies */
    DMS_PARAM_BIAS,   /* trained, no decay */
    DMS_PARAM_NORM,   /* trained, no decay: a norm's scale or shift */
    DMS_PARAM_STAT,   /* batch-norm running mean or variance: not trained */
    DMS_PARAM_COUNT,  /* batches a batch norm has seen, an integer: PyTorch's
                         num_batches_tracked; exact up to 2^24 */
    DMS_PARAM_SCALE   /* of a quantised model: the value of integer 1, above
                         0 */
} dms_param_role;

/* The initial values of a new tensor, as the PyTorch module sets them. */
typedef enum dms_param_init {
    DMS_INIT_ZERO,
    DMS_INIT_ONE,
    DMS_INIT_HE_FAN_OUT, /* normal, std = sqrt(2 / (O*kh*kw)) */
    DMS_INIT_FAN_IN,     /* uniform +-1/sqrt(fan_in): torch's default */
    DMS_INIT_LAPLACIAN   /* 3x3 of 0 -1 0 / -1 4 -1 / 0 -1 0 */
} dms_param_init;

/* The scales of a quantised weight "<name>.weight": the value of integer 1. */
typedef enum dms_scale {
    DMS_SCALE_WEIGHT, /* "<name>.weight_scale": of the weight, per output
                         channel */
    DMS_SCALE_OUTPUT, /* "<name>.output_scale": of the layer's output */
    DMS_SCALE_BRANCH  /* "<name>.branch_scale": of the output before a sum is
                         added, for programs that round there too */
} dms_scale;
enum { DMS_SCALES = 3 };

/* Within these bounds, the product of two scales divided by a third is a
 * finite float. */
#define DMS_SCALE_LEAST 1e-12f
#define DMS_SCALE_MOST  1e12f

typedef struct dms_param {
    char name[DMS_PARAM_NAME_MAX];
    dms_param_role role;
    dms_param_init init;
    bool frozen; /* see dms_params_freeze */
    int fan_in;  /* for DMS_INIT_FAN_IN; a bias uses its weight's */
    int axes;    /* used entries of shape */
    int64_t shape[DMS_PARAM_AXES_MAX];
    size_t len;    /* product of shape */
    int block_out; /* physical order [O/bo][I/bi][kh][kw][bi][bo]; */
    int block_in;  /* 1 and 1: plain row-major */
    /* For inference: values outside the flat buffers, row-major; or NULL. */
    const float *mapped;
    /* Of a quantised weight, row-major, outside the flat buffers; or NULL.
     * weight = integer * scale of its output channel. */
    const int8_t *integers;
    bool in_file;             /* mapped or integers are pages of a file */
    size_t scale[DMS_SCALES]; /* rows of a weight's scales; 0: none */
    size_t offset;            /* first float in the flat buffers */
    size_t size; /* floats in the buffers: at least len, padded to whole
                    cache lines */
} dms_param;

typedef struct dms_params {
    dms_param *items;
    size_t count;
    size_t capacity;
    size_t trained;  /* floats of trained tensors, padding included */
    size_t changing; /* trained plus statistics: all that a step changes */
    size_t total;    /* floats of all tensors, padding included */
    float *value;    /* total floats, owned; NULL until dms_params_allocate */
    float *grad;     /* trained floats, owned; NULL unless requested */
} dms_params;

dms_params *dms_params_create(void);
void dms_params_destroy(dms_params *params);

/* Add a tensor, or return the existing one of that name if shape and role agree
 * (this is how two nodes share a weight). NULL if they disagree or memory is
 * exhausted. The pointer is valid until the next declare: keep the index
 * instead. */
dms_param *dms_params_declare(dms_params *params, const dms_param *wanted);

/* The values of row i in its physical order; NULL for a quantised weight. */
const float *dms_param_value(const dms_params *params, size_t i);

/* Write the values of row i, quantised or not, in row-major order to len
 * floats. */
void dms_param_read(float *plain, const dms_params *params, size_t i);

/* Bytes of all values, without padding and gradients. */
size_t dms_params_bytes(const dms_params *params);

/* Does the table contain quantised weights? */
bool dms_params_quantised(const dms_params *params);

/* Write "<name>.weight_scale" (or another scale's name) for "<name>.weight".
 * false if the row has another name or text is too short. */
bool dms_param_scale_name(char *text, size_t capacity, const dms_param *weight,
                          dms_scale scale);

/* Add a row for that scale of weight row i. Before dms_params_allocate. false
 * if memory is exhausted or the row is not a weight. */
bool dms_param_declare_scale(dms_params *params, size_t i, dms_scale scale);

/* Row i will not be read again for a long time: if it lies in a mapped file,
 * its pages need not stay in memory. */
void dms_param_let_go(const dms_params *params, size_t i);

/* NULL if no row has that name. */
const dms_param *dms_params_find(const dms_params *params, const char *name);

/* The number of floats that suffices as scratch for every row; at least 1. */
size_t dms_params_longest(const dms_params *params);

/* Freeze the rows declared so far whose names begin with prefix, running
 * statistics included. Call it after dms_net_declare and before
 * dms_params_allocate, once per prefix. Returns how many rows have the prefix.
 * Training needs layers that are frozen as a whole, and none behind a trained
 * layer; otherwise creating a net for training fails. */
size_t dms_params_freeze(dms_params *params, const char *prefix);

/* Freeze rows for some time, or train them again: after dms_params_allocate,
 * and before the nets that follow it are created. Such a row keeps its place
 * among those that change, so thawing moves nothing; its gradient stays zero.
 * Rows that dms_params_freeze has frozen stay so. */
void dms_params_hold(dms_params *params, const char *prefix, bool held);

/* Is it frozen by dms_params_hold? */
bool dms_param_held(const dms_params *params, const dms_param *param);

/* After the last declare: fix the offsets and allocate zeroed memory. Rows
 * whose `mapped` is already set take none; with_grad must then be false. */
dms_status dms_params_allocate(dms_params *params, bool with_grad,
                               dms_error *err);

/* Digest of the names, shapes and row-major values of all rows, or of the
 * frozen ones. 0 if and only if there are no such rows. DMS_ENOMEM. */
dms_status dms_params_digest(uint64_t *digest, const dms_params *params,
                             bool frozen_only, dms_error *err);

/* Fill every tensor according to its init. A tensor's values depend on the seed
 * and its own name only; the same seed gives the same bits. */
dms_status dms_params_fill(dms_params *params, uint64_t seed, dms_error *err);

/* The same, but only for tensors whose keep[i] is false. */
dms_status dms_params_fill_rest(dms_params *params, uint64_t seed,
                                const bool *keep, dms_error *err);

/* Row-major (len floats) to physical order (size floats) and back. */
void dms_param_pack(const dms_param *param, float *physical,
                    const float *plain);
void dms_param_unpack(const dms_param *param, float *plain,
                      const float *physical);

/* Is it changed by its gradient? Not true of statistics and frozen rows. */
bool dms_param_trained(const dms_param *param);

/* Is it a running variance, which may not be negative? */
bool dms_param_is_variance(const dms_param *param);

/* The first tensor with a value that is NaN, infinite or a negative variance;
 * NULL if none. value: params->changing floats in the table's order. Tensors
 * before float `first` are skipped; first = params->trained checks only the
 * statistics. Frozen tensors are not checked: they stay as they were read. */
const dms_param *dms_params_find_wrong(const dms_params *params,
                                       const float *value, size_t first);

#endif
