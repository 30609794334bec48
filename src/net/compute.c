/* Chooses precision and algorithms for this CPU and model, and checks what the
 * user chose. */
#include "net/compute.h"

#include "base/fail.h"
#include "base/growing.h"
#include "ops/ops.h"

/* Winograd pays from this many patients on: it takes about 2 s to prepare and
 * saves 0.04 s per patient, with resnet152 at 224 pixels. */
enum { WINOGRAD_PATIENTS = 64 };

const char *dms_precision_name(int precision)
{
    static const char *const names[] = {"fp32", "bf16", "int8", "auto"};

    return precision >= 0 && precision <= DMS_PRECISION_AUTO ? names[precision]
                                                             : NULL;
}

const char *dms_winograd_name(int winograd)
{
    static const char *const names[] = {"auto", "no", "yes"};

    return winograd >= 0 && winograd <= DMS_WINOGRAD_YES ? names[winograd]
                                                         : NULL;
}

const char *dms_tta_name(int tta)
{
    static const char *const names[] = {"none", "flips"};

    return tta >= 0 && tta <= DMS_TTA_FLIPS ? names[tta] : NULL;
}

void dms_compute_init(dms_compute *compute, size_t struct_size)
{
    const dms_compute plain = {.precision = DMS_PRECISION_FP32};

    dms_growing_init(compute, struct_size, &plain, sizeof plain);
}

dms_status dms_compute_take(dms_compute *own, const dms_compute *given,
                            dms_error *err)
{
    dms_compute_init(own, sizeof *own);
    return dms_growing_take(own, sizeof *own, given, "dms_compute", err);
}

static dms_status check(const dms_compute *compute, dms_error *err)
{
    if (compute->precision == DMS_PRECISION_BF16 &&
        !dms_backend_has_type(DMS_TYPE_BF16))
        return dms_fail(err, DMS_EINVAL,
                        "precision bf16: this CPU has no AVX-512 BF16 "
                        "instructions; use fp32, which works on every CPU");
    if (compute->precision == DMS_PRECISION_INT8 &&
        !dms_backend_has_type(DMS_TYPE_U8))
        return dms_fail(err, DMS_EINVAL,
                        "precision int8: this CPU has no VNNI instructions; "
                        "use fp32, which works on every CPU");
    if (compute->threads < 0 || compute->threads > 1024)
        return dms_fail(err, DMS_EINVAL, "%d threads, expected 0 to 1024",
                        compute->threads);
    if (compute->workers < 0 || compute->workers > 256)
        return dms_fail(err, DMS_EINVAL, "%d workers, expected 0 to 256",
                        compute->workers);
    if (!dms_tta_name((int)compute->tta))
        return dms_fail(err, DMS_EINVAL, "tta %d, expected 0 (none) to %d",
                        (int)compute->tta, DMS_TTA_FLIPS);
    return DMS_OK;
}

dms_status dms_compute_check(const dms_compute *compute, dms_error *err)
{
    dms_compute own;
    dms_status st = dms_compute_take(&own, compute, err);

    return st == DMS_OK ? check(&own, err) : st;
}

/* Use integers if requested, or with AUTO if possible. */
static dms_status choose_integers(dms_net_options *options,
                                  const dms_compute *compute,
                                  const dms_params *params, dms_error *err)
{
    bool possible = params && dms_params_quantised(params);

    if (compute->precision == DMS_PRECISION_INT8 && !possible)
        return dms_fail(err, DMS_EINVAL,
                        options->mode.gradients == DMS_GRADIENTS_PARAMS
                            ? "precision int8: not for training; use fp32 or "
                              "bf16"
                            : "precision int8: the model is not quantised; "
                              "quantise it with dmsnet quantize");
    options->int8 = possible && (compute->precision == DMS_PRECISION_INT8 ||
                                 (compute->precision == DMS_PRECISION_AUTO &&
                                  dms_backend_has_type(DMS_TYPE_U8)));
    return DMS_OK;
}

dms_status dms_compute_apply(dms_net_options *options,
                             const dms_compute *compute,
                             const dms_params *params, size_t patients,
                             dms_error *err)
{
    static const dms_compute plain = {.precision = DMS_PRECISION_FP32};
    dms_compute pinned;
    dms_status st;

    compute = compute ? compute : &plain;
    TRY(check(compute, err));
    if (compute->tta != DMS_TTA_NONE) {
        st = dms_fail(err, DMS_EINVAL,
                      "tta %s: only for predicting and evaluating",
                      dms_tta_name((int)compute->tta));
        goto done;
    }
    pinned = *compute;
    if (pinned.deterministic && pinned.precision == DMS_PRECISION_AUTO)
        pinned.precision = DMS_PRECISION_FP32;
    if (pinned.deterministic && pinned.winograd == DMS_WINOGRAD_AUTO)
        pinned.winograd = DMS_WINOGRAD_NO;
    compute = &pinned;
    TRY(choose_integers(options, compute, params, err));
    options->type = compute->precision != DMS_PRECISION_FP32 &&
                            dms_backend_has_type(DMS_TYPE_BF16)
                        ? DMS_TYPE_BF16
                        : DMS_TYPE_F32;
    options->winograd = compute->winograd == DMS_WINOGRAD_YES ||
                        (compute->winograd == DMS_WINOGRAD_AUTO &&
                         (options->mode.gradients == DMS_GRADIENTS_PARAMS ||
                          patients >= WINOGRAD_PATIENTS));
done:
    return st;
}
