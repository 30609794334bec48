/* The parameter table: PyTorch's state_dict as one flat buffer.
 *
 * Names, shapes and order are the reference module's. Every tensor lives at
 * [offset, offset + size) of the flat buffers, so optimiser, clipping,
 * averaging and all-reduce are loops over floats. Trained tensors come first
 * in the buffers, running statistics after them, what is frozen last:
 *
 *     value    [ trained 0 | trained 1 | ... | stat 0 | ... | frozen 0 | ... ]
 *     grad     [ trained 0 | trained 1 | ... ]
 *     average  [ trained 0 | trained 1 | ... | stat 0 | ... ]
 *
 * A frozen row, weight or statistic, keeps its value for the whole run: it has
 * no gradient, no moments, no average and no place in a checkpoint.
 *
 * A convolution's weight may be kept in oneDNN's blocked order so that no step
 * reorders it; dms_param_pack and dms_param_unpack convert, on load and save
 * only. Gaps between tensors and padding inside them are zero and stay so. */
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
                         num_batches_tracked; exact to 2^24 */
    DMS_PARAM_SCALE   /* of a quantised model: what an integer of 1 stands for,
                         above 0 */
} dms_param_role;

/* How a fresh tensor is filled: the reference's own constructors. */
typedef enum dms_param_init {
    DMS_INIT_ZERO,
    DMS_INIT_ONE,
    DMS_INIT_HE_FAN_OUT, /* normal, std = sqrt(2 / (O*kh*kw)) */
    DMS_INIT_FAN_IN,     /* uniform +-1/sqrt(fan_in): torch's default */
    DMS_INIT_LAPLACIAN   /* 3x3 of 0 -1 0 / -1 4 -1 / 0 -1 0 */
} dms_param_init;

/* The scales that stand beside a weight "<name>.weight" of a quantised model:
 * what an integer of 1 stands for. */
typedef enum dms_scale {
    DMS_SCALE_WEIGHT, /* "<name>.weight_scale": in the weight, for each output
                         channel */
    DMS_SCALE_OUTPUT, /* "<name>.output_scale": in what is made with it */
    DMS_SCALE_BRANCH  /* "<name>.branch_scale": the same before something is
                         added; where another program rounds that too */
} dms_scale;
enum { DMS_SCALES = 3 };

/* Within these, the product of any two by a third's inverse is a float. */
#define DMS_SCALE_LEAST 1e-12f
#define DMS_SCALE_MOST  1e12f

typedef struct dms_param {
    char name[DMS_PARAM_NAME_MAX];
    dms_param_role role;
    dms_param_init init;
    bool frozen; /* see dms_params_freeze */
    int fan_in;  /* for DMS_INIT_FAN_IN; a bias has its weight's */
    int axes;    /* of shape that count */
    int64_t shape[DMS_PARAM_AXES_MAX];
    size_t len;    /* product of shape */
    int block_out; /* physical order [O/bo][I/bi][kh][kw][bi][bo]; */
    int block_in;  /* 1 and 1: plain row-major */
    /* Elsewhere, row-major, for inference; NULL: in the flat buffers. */
    const float *mapped;
    /* Of a quantised weight, row-major; then not in the flat buffers:
     * weight = integer * scale of its output channel. */
    const int8_t *integers;
    bool in_file;             /* those are pages of a file, to be had again */
    size_t scale[DMS_SCALES]; /* rows of a weight's scales; 0: none */
    size_t offset;            /* first float in the flat buffers */
    size_t size; /* floats there: len, rounded up to a cache line */
} dms_param;

typedef struct dms_params {
    dms_param *items;
    size_t count;
    size_t capacity;
    size_t trained;  /* floats of trained tensors, padding included */
    size_t changing; /* of those and the statistics: all that a step changes */
    size_t total;    /* floats of all tensors, padding included */
    float *value;    /* total floats, owned; NULL until dms_params_allocate */
    float *grad;     /* trained floats, owned; NULL unless asked for */
} dms_params;

dms_params *dms_params_create(void);
void dms_params_destroy(dms_params *params);

/* Add a tensor, or return the one of that name if shape and role agree (how
 * two nodes share a weight). NULL without memory or when they disagree. The
 * pointer is valid until the next declare: keep the index instead. */
dms_param *dms_params_declare(dms_params *params, const dms_param *wanted);

/* The values of row i, in its physical order; NULL for a quantised weight. */
const float *dms_param_value(const dms_params *params, size_t i);

/* Its values in row-major order, whether quantised or not, to len floats. */
void dms_param_read(float *plain, const dms_params *params, size_t i);

/* Of all values, without padding and gradients. */
size_t dms_params_bytes(const dms_params *params);

/* Are there quantised weights in the table? */
bool dms_params_quantised(const dms_params *params);

/* "<name>.weight_scale" of "<name>.weight", in text; false: the row is no
 * weight so called, or there is no room. */
bool dms_param_scale_name(char *text, size_t capacity, const dms_param *weight,
                          dms_scale scale);

/* Give weight row i such a row. Before dms_params_allocate. false: no memory,
 * or no weight. */
bool dms_param_declare_scale(dms_params *params, size_t i, dms_scale scale);

/* Row i was read and will not be again for long: where it lies in a file, its
 * pages need not stay in memory. */
void dms_param_let_go(const dms_params *params, size_t i);

/* NULL when there is none of that name. */
const dms_param *dms_params_find(const dms_params *params, const char *name);

/* Floats that scratch needs for any row; at least 1. */
size_t dms_params_longest(const dms_params *params);

/* From now on the rows whose names begin with prefix are frozen: those declared
 * so far, running statistics too. After dms_net_declare and before
 * dms_params_allocate; nets of the table follow. A layer is frozen as a whole,
 * and only before all that is trained: else no net for training can be made of
 * the table. May be called for several prefixes. Returns how many rows have it.
 */
size_t dms_params_freeze(dms_params *params, const char *prefix);

/* After the last declare: fix offsets, take zeroed memory. What was mapped
 * before, by setting `mapped`, takes none; then there is no gradient. */
dms_status dms_params_allocate(dms_params *params, bool with_grad,
                               dms_error *err);

/* Of the names, shapes and values, in row-major order, of all rows or of the
 * frozen ones; 0 where there are none, never else. DMS_ENOMEM. */
dms_status dms_params_digest(uint64_t *digest, const dms_params *params,
                             bool frozen_only, dms_error *err);

/* Fill every tensor as its init says; the same seed gives the same bits, and
 * a tensor's values depend on the seed and its own name only. */
dms_status dms_params_fill(dms_params *params, uint64_t seed, dms_error *err);

/* The same, of those tensors whose keep[i] is false. */
dms_status dms_params_fill_rest(dms_params *params, uint64_t seed,
                                const bool *keep, dms_error *err);

/* Row-major (len floats) to physical order (size floats) and back. */
void dms_param_pack(const dms_param *param, float *physical,
                    const float *plain);
void dms_param_unpack(const dms_param *param, float *plain,
                      const float *physical);

/* Does a step change it by its gradient? Not a statistic, and nothing frozen.
 */
bool dms_param_trained(const dms_param *param);

/* A running variance, which may not be negative? */
bool dms_param_is_variance(const dms_param *param);

/* The first tensor with a value that is NaN, infinite or a negative variance;
 * NULL: none. value: params->changing floats in the table's order; those
 * trained tensors that lie before float `first` are not looked at,
 * params->trained: none of them is. Frozen ones are not either: they stay as
 * they were read. */
const dms_param *dms_params_find_wrong(const dms_params *params,
                                       const float *value, size_t first);

#endif
