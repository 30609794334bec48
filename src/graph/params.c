/* The parameter table: declared row by row, then allocated as flat buffers,
 * after which no row is added. Relies on zeroed memory: padding stays zero. */
#include "graph/params.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "graph/value.h"

enum { LINE_FLOATS = 16 }; /* one cache line */

dms_params *dms_params_create(void)
{
    return dms_calloc(1, sizeof(dms_params));
}

void dms_params_destroy(dms_params *params)
{
    if (!params)
        return;
    dms_free(params->value);
    dms_free(params->grad);
    dms_free(params->items);
    dms_free(params);
}

bool dms_param_trained(const dms_param *param)
{
    return !param->frozen && param->role != DMS_PARAM_STAT &&
           param->role != DMS_PARAM_COUNT && param->role != DMS_PARAM_SCALE;
}

static dms_param *find(const dms_params *params, const char *name)
{
    for (size_t i = 0; i < params->count; i++)
        if (strcmp(params->items[i].name, name) == 0)
            return &params->items[i];
    return NULL;
}

size_t dms_params_longest(const dms_params *params)
{
    size_t longest = 1;

    for (size_t i = 0; i < params->count; i++)
        if (params->items[i].len > longest)
            longest = params->items[i].len;
    return longest;
}

const dms_param *dms_params_find(const dms_params *params, const char *name)
{
    return find(params, name);
}

static size_t shape_len(const dms_param *param)
{
    size_t len = 1;

    for (int i = 0; i < param->axes; i++)
        if (!dms_mul_size(&len, len, (size_t)param->shape[i]))
            return 0;
    return len;
}

dms_param *dms_params_declare(dms_params *params, const dms_param *wanted)
{
    dms_param *param = find(params, wanted->name);

    if (param)
        return param->role == wanted->role && param->axes == wanted->axes &&
                       memcmp(param->shape, wanted->shape,
                              sizeof param->shape) == 0 &&
                       param->block_out == wanted->block_out &&
                       param->block_in == wanted->block_in
                   ? param
                   : NULL;
    if (params->value || shape_len(wanted) == 0)
        return NULL; /* once allocated, the table is closed */
    if (params->count == params->capacity) {
        size_t capacity = params->capacity ? 2 * params->capacity : 256;
        dms_param *items = dms_resize(params->items, capacity, sizeof *items);

        if (!items)
            return NULL;
        params->items = items;
        params->capacity = capacity;
    }
    param = &params->items[params->count++];
    *param = *wanted;
    param->len = shape_len(param);
    param->size = (param->len + LINE_FLOATS - 1) / LINE_FLOATS * LINE_FLOATS;
    return param;
}

size_t dms_params_freeze(dms_params *params, const char *prefix)
{
    size_t frozen = 0;

    assert(!params->value); /* the rows' offsets depend on it */
    for (size_t i = 0; i < params->count; i++) {
        if (strncmp(params->items[i].name, prefix, strlen(prefix)) != 0)
            continue;
        params->items[i].frozen = true;
        frozen++;
    }
    return frozen;
}

bool dms_param_held(const dms_params *params, const dms_param *param)
{
    return param->frozen && param->offset < params->changing;
}

void dms_params_hold(dms_params *params, const char *prefix, bool held)
{
    assert(params->value); /* else the row would be frozen for ever */
    for (size_t i = 0; i < params->count; i++) {
        dms_param *param = &params->items[i];

        if (param->offset < params->changing &&
            strncmp(param->name, prefix, strlen(prefix)) == 0)
            param->frozen = held;
    }
}

/* The parts of the flat buffers, in order. */
typedef enum part { TRAINED, STATISTICS, FROZEN, PARTS } part;

dms_status dms_params_allocate(dms_params *params, bool with_grad,
                               dms_error *err)
{
    size_t ends[PARTS];
    size_t at = 0;

    for (int k = 0; k < PARTS; k++) {
        for (size_t i = 0; i < params->count; i++) {
            dms_param *param = &params->items[i];
            part own = param->frozen              ? FROZEN
                       : dms_param_trained(param) ? TRAINED
                                                  : STATISTICS;

            if ((int)own != k)
                continue;
            param->offset = at;
            at += param->mapped || param->integers ? 0 : param->size;
        }
        ends[k] = at;
    }
    params->trained = ends[TRAINED];
    params->changing = ends[STATISTICS];
    params->total = ends[FROZEN];
    params->value = dms_calloc_aligned(params->total, sizeof(float));
    if (with_grad)
        params->grad = dms_calloc_aligned(params->trained, sizeof(float));
    if (!params->value || (with_grad && !params->grad))
        return dms_fail(err, DMS_ENOMEM, "out of memory (%zu MB of parameters)",
                        params->total * sizeof(float) >> 20);
    return DMS_OK;
}

const float *dms_param_value(const dms_params *params, size_t i)
{
    const dms_param *param = &params->items[i];

    if (param->integers)
        return NULL;
    return param->mapped ? param->mapped : params->value + param->offset;
}

static void read_integers(float *plain, const dms_params *params,
                          const dms_param *param)
{
    const float *scale =
        dms_param_value(params, param->scale[DMS_SCALE_WEIGHT]);
    int64_t row = (int64_t)param->len / param->shape[0];

#pragma omp parallel for schedule(static)
    for (int64_t o = 0; o < param->shape[0]; o++)
        for (int64_t i = o * row; i < (o + 1) * row; i++)
            plain[i] = (float)param->integers[i] * scale[o];
}

void dms_param_read(float *plain, const dms_params *params, size_t i)
{
    const dms_param *param = &params->items[i];

    if (param->integers)
        read_integers(plain, params, param);
    else
        dms_param_unpack(param, plain, dms_param_value(params, i));
}

size_t dms_params_bytes(const dms_params *params)
{
    size_t bytes = 0;

    for (size_t i = 0; i < params->count; i++)
        bytes += params->items[i].len *
                 (params->items[i].integers ? 1 : sizeof(float));
    return bytes;
}

bool dms_params_quantised(const dms_params *params)
{
    for (size_t i = 0; i < params->count; i++)
        if (params->items[i].integers)
            return true;
    return false;
}

bool dms_param_scale_name(char *text, size_t capacity, const dms_param *weight,
                          dms_scale scale)
{
    static const char *const names[] = {"weight_scale", "output_scale",
                                        "branch_scale"};
    const char *dot = strrchr(weight->name, '.');
    int len;

    if (weight->role != DMS_PARAM_WEIGHT || !dot || strcmp(dot, ".weight") != 0)
        return false;
    len = snprintf(text, capacity, "%.*s.%s", (int)(dot - weight->name),
                   weight->name, names[scale]);
    return len >= 0 && (size_t)len < capacity;
}

bool dms_param_declare_scale(dms_params *params, size_t i, dms_scale scale)
{
    dms_param row = {.role = DMS_PARAM_SCALE,
                     .init = DMS_INIT_ONE,
                     .axes = scale == DMS_SCALE_WEIGHT,
                     .shape = {params->items[i].shape[0]},
                     .block_out = 1,
                     .block_in = 1};
    const dms_param *declared;

    if (!dms_param_scale_name(row.name, sizeof row.name, &params->items[i],
                              scale))
        return false;
    declared = dms_params_declare(params, &row);
    if (declared)
        params->items[i].scale[scale] = (size_t)(declared - params->items);
    return declared;
}

void dms_param_let_go(const dms_params *params, size_t i)
{
    const dms_param *param = &params->items[i];
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first =
        param->integers ? (uintptr_t)param->integers : (uintptr_t)param->mapped;
    size_t width = param->integers ? sizeof(int8_t) : sizeof(float);
    uintptr_t begin = (first + page - 1) / page * page;
    uintptr_t end = (first + param->len * width) / page * page;

    if (param->in_file && begin < end)
        madvise((void *)begin, end - begin, MADV_DONTNEED);
}

static void fill_plain(const dms_param *param, float *plain, dms_rng *rng)
{
    static const float laplacian[9] = {0, -1, 0, -1, 4, -1, 0, -1, 0};
    double fan_out = (double)param->shape[0] * (double)param->len /
                     (double)(param->shape[0] * param->shape[1]);
    double deviation = sqrt(2.0 / fan_out);
    double bound = param->fan_in > 0 ? 1.0 / sqrt(param->fan_in) : 0.0;

    for (size_t i = 0; i < param->len; i++) {
        switch (param->init) {
        case DMS_INIT_ZERO:
            plain[i] = 0.0f;
            break;
        case DMS_INIT_ONE:
            plain[i] = 1.0f;
            break;
        case DMS_INIT_HE_FAN_OUT:
            plain[i] = (float)(deviation * dms_rng_normal(rng));
            break;
        case DMS_INIT_FAN_IN:
            plain[i] = (float)dms_rng_range(rng, -bound, bound);
            break;
        case DMS_INIT_LAPLACIAN:
            plain[i] = laplacian[i % 9];
            break;
        }
    }
}

dms_status dms_params_fill(dms_params *params, uint64_t seed, dms_error *err)
{
    return dms_params_fill_rest(params, seed, NULL, err);
}

dms_status dms_params_fill_rest(dms_params *params, uint64_t seed,
                                const bool *keep, dms_error *err)
{
    float *plain = dms_calloc(dms_params_longest(params), sizeof *plain);

    if (!plain)
        return dms_fail_memory(err, "initial values");
    for (size_t i = 0; i < params->count; i++) {
        const dms_param *param = &params->items[i];
        uint64_t name =
            dms_hash_bytes(DMS_HASH_START, param->name, strlen(param->name));
        dms_rng rng = dms_rng_seeded(dms_hash_mix(seed, name));

        if (keep && keep[i])
            continue;
        fill_plain(param, plain, &rng);
        dms_param_pack(param, params->value + param->offset, plain);
    }
    dms_free(plain);
    return DMS_OK;
}

static bool is_blocked(const dms_param *param)
{
    return param->block_out > 1 || param->block_in > 1;
}

/* Copy between the blocked and the plain order of a weight, walking it in
 * physical order: physical[i] = plain[place], or the other way. */
static void permute(const dms_param *param, float *physical, float *plain,
                    bool packing)
{
    int64_t in = param->shape[1];
    int64_t area = param->shape[2] * param->shape[3];
    int64_t block_out = param->block_out;
    int64_t block_in = param->block_in;
    float *p = physical;

    for (int64_t ob = 0; ob < param->shape[0]; ob += block_out)
        for (int64_t ib = 0; ib < in; ib += block_in)
            for (int64_t a = 0; a < area; a++)
                for (int64_t i = ib; i < ib + block_in; i++)
                    for (int64_t o = ob; o < ob + block_out; o++, p++) {
                        float *q = &plain[(o * in + i) * area + a];

                        if (packing)
                            *p = *q;
                        else
                            *q = *p;
                    }
}

void dms_param_pack(const dms_param *param, float *physical, const float *plain)
{
    if (is_blocked(param))
        permute(param, physical, (float *)(uintptr_t)plain, true);
    else
        memcpy(physical, plain, param->len * sizeof *plain);
}

void dms_param_unpack(const dms_param *param, float *plain,
                      const float *physical)
{
    if (is_blocked(param))
        permute(param, (float *)(uintptr_t)physical, plain, false);
    else
        memcpy(plain, physical, param->len * sizeof *plain);
}

bool dms_param_is_variance(const dms_param *param)
{
    const char *dot = strrchr(param->name, '.');

    return dot && strcmp(dot, ".running_var") == 0;
}

static bool is_wrong(const dms_param *param, const float *value)
{
    bool variance = dms_param_is_variance(param);

    if (!isfinite(dms_value_magnitude(value, param->size, DMS_TYPE_F32)))
        return true;
    for (size_t i = 0; variance && i < param->len; i++)
        if (value[i] < 0)
            return true;
    return false;
}

const dms_param *dms_params_find_wrong(const dms_params *params,
                                       const float *value, size_t first)
{
    for (size_t i = 0; i < params->count; i++) {
        const dms_param *param = &params->items[i];

        if (param->frozen ||
            (dms_param_trained(param) && param->offset < first))
            continue;
        if (is_wrong(param, value + param->offset))
            return param;
    }
    return NULL;
}
