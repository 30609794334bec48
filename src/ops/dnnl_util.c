/* oneDNN's C API wrapped: engine and stream, primitives with their memory
 * objects, memory descriptions. Written for oneDNN 2.6. */
#include "ops/dnnl_util.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "ops/ops.h"

static const char *status_text(dnnl_status_t status)
{
    switch (status) {
    case dnnl_success:
        return "success";
    case dnnl_out_of_memory:
        return "out of memory";
    case dnnl_invalid_arguments:
        return "invalid arguments";
    case dnnl_unimplemented:
        return "unimplemented";
    default:
        return "runtime error";
    }
}

dms_status dms_dnnl_check(dnnl_status_t status, const char *what,
                          dms_error *err)
{
    if (status == dnnl_success)
        return DMS_OK;
    if (status == dnnl_out_of_memory)
        return dms_fail_memory(err, what);
    return dms_fail(err, DMS_EINTERNAL, "oneDNN: %s: %s", what,
                    status_text(status));
}

dms_status dms_backend_create(dms_backend **out, dms_error *err)
{
    dms_backend *b = dms_calloc(1, sizeof *b);
    dms_status st = DMS_OK;

    if (!b)
        return dms_fail_memory(err, "backend");
    TRY(dms_dnnl_check(dnnl_engine_create(&b->engine, dnnl_cpu, 0), "engine",
                       err));
    TRY(dms_dnnl_check(
        dnnl_stream_create(&b->stream, b->engine, dnnl_stream_default_flags),
        "stream", err));
    TRY(dms_dnnl_check(dnnl_primitive_attr_create(&b->attr), "attributes",
                       err));
    TRY(dms_dnnl_check(dnnl_primitive_attr_set_scratchpad_mode(
                           b->attr, dnnl_scratchpad_mode_user),
                       "attributes", err));
    *out = b, b = NULL;
done:
    dms_backend_destroy(b);
    return st;
}

void dms_backend_destroy(dms_backend *backend)
{
    if (!backend)
        return;
    if (backend->attr)
        dnnl_primitive_attr_destroy(backend->attr);
    if (backend->stream)
        dnnl_stream_destroy(backend->stream);
    if (backend->engine)
        dnnl_engine_destroy(backend->engine);
    dms_free(backend);
}

void dms_backend_set_winograd(dms_backend *backend, bool winograd)
{
    backend->winograd = winograd;
}

static bool has_isa(dnnl_cpu_isa_t wanted)
{
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();

    return isa != dnnl_cpu_isa_all && (isa & wanted) == wanted;
}

int dms_backend_block(void)
{
    return has_isa(dnnl_cpu_isa_avx512_core) ? 16 : 8;
}

bool dms_backend_has_type(dms_type type)
{
    if (type == DMS_TYPE_BF16)
        return has_isa(dnnl_cpu_isa_avx512_core_bf16);
    return type == DMS_TYPE_F32 || has_isa(dnnl_cpu_isa_avx512_core_vnni) ||
           has_isa(dnnl_cpu_isa_avx2_vnni);
}

int dms_backend_describe(char *text, size_t capacity)
{
    const dnnl_version_t *v = dnnl_version();

    return snprintf(text, capacity, "oneDNN %d.%d.%d, %d channels per block",
                    v->major, v->minor, v->patch, dms_backend_block());
}

dms_status dms_prim_arg(dms_prim *prim, const dms_backend *backend, int arg,
                        const dnnl_memory_desc_t *desc, dms_error *err)
{
    dnnl_exec_arg_t *slot = &prim->args[prim->count];
    dnnl_status_t status = dnnl_memory_create(
        &slot->memory, desc, backend->engine, DNNL_MEMORY_NONE);

    if (status == dnnl_success) {
        slot->arg = arg;
        prim->count++;
    }
    return dms_dnnl_check(status, prim->what, err);
}

dms_status dms_prim_create(dms_prim *prim, const dms_backend *backend,
                           dnnl_primitive_desc_t pd, const char *what,
                           dms_needs *needs, dms_error *err)
{
    dnnl_memory_desc_t scratch = dms_pd_desc(pd, dnnl_query_scratchpad_md);
    size_t size = dnnl_memory_desc_get_size(&scratch);
    dms_status st;

    prim->what = what;
    if (size > needs->scratch)
        needs->scratch = size;
    st = dms_dnnl_check(dnnl_primitive_create(&prim->primitive, pd), what, err);
    dnnl_primitive_desc_destroy(pd);
    if (st == DMS_OK)
        st = dms_prim_arg(prim, backend, DNNL_ARG_SCRATCHPAD, &scratch, err);
    return st;
}

void dms_prim_release(dms_prim *prim)
{
    for (int i = 0; i < prim->count; i++)
        dnnl_memory_destroy(prim->args[i].memory);
    if (prim->primitive)
        dnnl_primitive_destroy(prim->primitive);
    memset(prim, 0, sizeof *prim);
}

dms_status dms_prim_run(const dms_prim *prim, const dms_backend *backend,
                        void *scratch, const void *const *data, dms_error *err)
{
    dnnl_memory_set_data_handle(prim->args[0].memory, scratch);
    for (int i = 1; i < prim->count; i++)
        dnnl_memory_set_data_handle(prim->args[i].memory,
                                    (void *)(uintptr_t)data[i - 1]);
    return dms_dnnl_check(dnnl_primitive_execute(prim->primitive,
                                                 backend->stream, prim->count,
                                                 prim->args),
                          prim->what, err);
}

static dms_status create_reorder(dms_prim *prim, const dms_backend *backend,
                                 const dnnl_memory_desc_t *from,
                                 const dnnl_memory_desc_t *to,
                                 const_dnnl_primitive_attr_t attr,
                                 dms_needs *needs, dms_error *err)
{
    dnnl_primitive_desc_t pd;
    dms_status st = dms_dnnl_check(
        dnnl_reorder_primitive_desc_create(&pd, from, backend->engine, to,
                                           backend->engine, attr),
        "reorder", err);

    if (st != DMS_OK)
        return st;
    TRY(dms_prim_create(prim, backend, pd, "reorder", needs, err));
    TRY(dms_prim_arg(prim, backend, DNNL_ARG_FROM, from, err));
    TRY(dms_prim_arg(prim, backend, DNNL_ARG_TO, to, err));
done:
    return st;
}

dms_status dms_prim_reorder(dms_prim *prim, bool *needed,
                            const dms_backend *backend,
                            const dnnl_memory_desc_t *from,
                            const dnnl_memory_desc_t *to, dms_needs *needs,
                            dms_error *err)
{
    *needed = !dnnl_memory_desc_equal(from, to);
    return *needed ? create_reorder(prim, backend, from, to, backend->attr,
                                    needs, err)
                   : DMS_OK;
}

dms_status dms_prim_rescale(dms_prim *prim, const dms_backend *backend,
                            const dnnl_memory_desc_t *from,
                            const dnnl_memory_desc_t *to, float factor,
                            dms_needs *needs, dms_error *err)
{
    dnnl_primitive_attr_t attr = NULL;
    dms_status st;

    TRY(dms_dnnl_check(dnnl_primitive_attr_clone(&attr, backend->attr),
                       "attributes", err));
    TRY(dms_dnnl_check(
        dnnl_primitive_attr_set_output_scales(attr, 1, 0, &factor), "scales",
        err));
    TRY(create_reorder(prim, backend, from, to, attr, needs, err));
done:
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return st;
}

static dnnl_memory_desc_t describe(int axes, const int64_t *dims,
                                   dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t desc;
    dnnl_dims_t copy = {0};

    for (int i = 0; i < axes; i++)
        copy[i] = dims[i];
    dnnl_memory_desc_init_by_tag(&desc, axes, copy, dnnl_f32, tag);
    return desc;
}

dnnl_memory_desc_t dms_desc_value(const dms_shape *shape, dms_layout layout,
                                  int block)
{
    const int64_t dims[] = {shape->n, shape->c, shape->h, shape->w};
    dnnl_format_tag_t tag = dnnl_nhwc;

    if (layout == DMS_LAYOUT_NCHW)
        tag = dnnl_nchw;
    if (layout == DMS_LAYOUT_BLOCKED)
        tag = block == 16 ? dnnl_nChw16c : dnnl_nChw8c;
    return describe(4, dims, tag);
}

dnnl_memory_desc_t dms_desc_node(const dms_node *node)
{
    static const dnnl_data_type_t types[] = {[DMS_TYPE_F32] = dnnl_f32,
                                             [DMS_TYPE_BF16] = dnnl_bf16,
                                             [DMS_TYPE_U8] = dnnl_u8,
                                             [DMS_TYPE_S8] = dnnl_s8};
    dnnl_memory_desc_t desc =
        dms_desc_value(&node->shape, node->layout, dms_backend_block());

    desc.data_type = types[node->type];
    return desc;
}

dnnl_memory_desc_t dms_desc_plain(int axes, const int64_t *dims)
{
    static const dnnl_format_tag_t tags[] = {dnnl_format_tag_undef,
                                             dnnl_a,
                                             dnnl_ab,
                                             dnnl_abc,
                                             dnnl_abcd,
                                             dnnl_abcde};

    return describe(axes, dims, tags[axes]);
}

dnnl_memory_desc_t dms_desc_any(const dnnl_memory_desc_t *like)
{
    dnnl_memory_desc_t desc;

    dnnl_memory_desc_init_by_tag(&desc, like->ndims, like->dims,
                                 like->data_type, dnnl_format_tag_any);
    return desc;
}

dnnl_memory_desc_t dms_desc_weight(const dms_param *param, int groups)
{
    const int64_t square[] = {param->shape[0], param->shape[1], 1, 1};
    const int64_t *s = param->axes == 2 ? square : param->shape;
    dnnl_format_tag_t tag = dnnl_oihw;

    if (groups > 1) {
        const int64_t dims[] = {groups, s[0] / groups, s[1], s[2], s[3]};

        return dms_desc_plain(5, dims);
    }
    if (param->block_out == 16)
        tag = param->block_in == 16 ? dnnl_OIhw16i16o : dnnl_Oihw16o;
    else if (param->block_out == 8)
        tag = dnnl_OIhw8i8o;
    return describe(4, s, tag);
}

bool dms_wants_winograd(const dms_job *job)
{
    const dms_backend *backend = job->backend;
    const dms_attr *attr = &job->node->attr;

    return backend->winograd && attr->type == DMS_TYPE_F32 &&
           attr->kernel == 3 && attr->stride == 1 && attr->groups == 1 &&
           job->node->layout == DMS_LAYOUT_BLOCKED;
}

dnnl_memory_desc_t dms_pd_desc(const_dnnl_primitive_desc_t pd,
                               dnnl_query_t what)
{
    return *dnnl_primitive_desc_query_md(pd, what, 0);
}

bool dms_pd_is_reference(const_dnnl_primitive_desc_t pd)
{
    const char *info = NULL;

    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, (void *)&info);
    return info && strncmp(info, "ref", 3) == 0;
}
