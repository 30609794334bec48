/* What became of each layer, for a person and for a machine. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "net/model.h"
#include "quant/quantize.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "base/strbuf.h"
#include "formats/json.h"

static double decibel(double signal, double noise)
{
    return noise > 0 ? 10 * log10(signal / noise) : INFINITY;
}

static void describe(dms_quantize_layer *out, const dms_quant_layer *layer,
                     const dms_params *params)
{
    const char *name = params->items[layer->weight].name;
    const char *dot = strrchr(name, '.');

    snprintf(out->name, sizeof out->name, "%.*s",
             dot ? (int)(dot - name) : (int)strlen(name), name);
    out->kernel = layer->kernel;
    out->stride = layer->stride;
    out->in = layer->in;
    out->out = layer->out;
    out->gflop = 1e-9 * layer->flops;
    out->quantised = layer->can && !layer->kept;
    out->kept = layer->kept;
    out->limit = layer->makes ? (double)layer->limit : 0;
    out->cut_off = dms_histogram_above(&layer->seen, layer->limit);
    out->own_db = decibel(layer->signal, layer->own_noise);
    out->db = decibel(layer->signal, layer->noise);
}

dms_status dms_quantising_report(dms_quantize_report **out,
                                 const dms_quantising *q, dms_error *err)
{
    dms_quantize_report *r = dms_calloc(1, sizeof *r);
    dms_quantize_layer *layers = dms_calloc(q->layers.count, sizeof *layers);

    if (!r || !layers) {
        dms_free(r);
        dms_free(layers);
        return dms_fail_memory(err, "quantisation report");
    }
    *r =
        (dms_quantize_report){.method = q->options->method,
                              .percentile = q->options->percentile,
                              .layers = layers,
                              .count = q->layers.count,
                              .patients = q->patients,
                              .mean_difference = q->mean_difference,
                              .largest_difference = q->largest_difference,
                              .float_bytes = dms_params_bytes(q->model->params),
                              .bytes = dms_params_bytes(q->table.params)};
    for (size_t i = 0; i < r->count; i++) {
        describe(&layers[i], &q->layers.items[i], q->model->params);
        r->quantised += layers[i].quantised;
        r->kept += layers[i].kept;
        r->gflop += layers[i].gflop;
        r->quantised_gflop += layers[i].quantised ? layers[i].gflop : 0;
    }
    *out = r;
    return DMS_OK;
}

void dms_quantize_report_destroy(dms_quantize_report *report)
{
    if (!report)
        return;
    dms_free(report->layers);
    dms_free(report);
}

const dms_quantize_layer *
dms_quantize_report_layer(const dms_quantize_report *report, size_t i)
{
    return i < report->count ? &report->layers[i] : NULL;
}

static const char *fate_of(const dms_quantize_layer *layer)
{
    if (layer->quantised)
        return "int8";
    return layer->kept ? "kept" : "float";
}

static void print_layer(dms_strbuf *text, const dms_quantize_layer *layer)
{
    char shape[64];

    snprintf(shape, sizeof shape, "%dx%d/%d %lldx%lld", layer->kernel,
             layer->kernel, layer->stride, (long long)layer->in,
             (long long)layer->out);
    dms_strbuf_printf(text, "%-32s%-6s%-18s%7.3f", layer->name, fate_of(layer),
                      shape, layer->gflop);
    if (layer->limit > 0)
        dms_strbuf_printf(text, "%10.4g%9.4f", layer->limit,
                          100 * layer->cut_off);
    else
        dms_strbuf_printf(text, "%10s%9s", "-", "-");
    dms_strbuf_printf(text, "%8.1f%8.1f\n", layer->own_db, layer->db);
}

static char *print_text(const dms_quantize_report *r)
{
    dms_strbuf text;
    char *result;

    dms_strbuf_init(&text);
    dms_strbuf_printf(&text, "%-32s%-6s%-18s%7s%10s%9s%8s%8s\n", "layer", "as",
                      "kernel/stride", "GFLOP", "limit", "cut %", "own dB",
                      "dB");
    for (size_t i = 0; i < r->count; i++)
        print_layer(&text, &r->layers[i]);
    dms_strbuf_printf(&text,
                      "\n%zu of %zu layers multiply 8-bit integers: %.1f %% of "
                      "%.2f GFLOP; %zu kept in float\n",
                      r->quantised, r->count,
                      r->gflop > 0 ? 100 * r->quantised_gflop / r->gflop : 0.0,
                      r->gflop, r->kept);
    dms_strbuf_printf(&text, "ranges by %s",
                      dms_quantize_method_name(r->method));
    if (r->method == DMS_QUANTIZE_PERCENTILE)
        dms_strbuf_printf(&text, " %g", r->percentile);
    dms_strbuf_printf(&text,
                      " of %zu patients; on these the probabilities differ "
                      "from fp32's by %.4f in the mean, %.4f at most\n",
                      r->patients, r->mean_difference, r->largest_difference);
    dms_strbuf_printf(&text, "%.1f MB of values, were %.1f MB\n",
                      (double)r->bytes / 1e6, (double)r->float_bytes / 1e6);
    result = dms_strbuf_detach(&text);
    dms_strbuf_release(&text);
    return result;
}

static json_t *layers_json(const dms_quantize_report *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->count; i++) {
        const dms_quantize_layer *l = &r->layers[i];

        dms_json_append(
            &list,
            json_pack("{s:s, s:s, s:i, s:i, s:I, s:I, s:f, s:f, s:f, s:o, s:o}",
                      "name", l->name, "as", fate_of(l), "kernel", l->kernel,
                      "stride", l->stride, "in", (json_int_t)l->in, "out",
                      (json_int_t)l->out, "gflop", l->gflop, "limit", l->limit,
                      "cut_off", l->cut_off, "own_db", dms_json_real(l->own_db),
                      "db", dms_json_real(l->db)));
    }
    return list;
}

static char *print_json(const dms_quantize_report *r)
{
    json_t *root = json_pack(
        "{s:s, s:f, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:I, s:I, s:o}",
        "method", dms_quantize_method_name(r->method), "percentile",
        r->percentile, "patients", (json_int_t)r->patients, "layers_listed",
        (json_int_t)r->count, "quantised", (json_int_t)r->quantised, "kept",
        (json_int_t)r->kept, "gflop", r->gflop, "quantised_gflop",
        r->quantised_gflop, "mean_difference", r->mean_difference,
        "largest_difference", r->largest_difference, "bytes",
        (json_int_t)r->bytes, "float_bytes", (json_int_t)r->float_bytes,
        "layers", layers_json(r));
    char *text =
        dms_json_dump(root, (dms_json_style){.indent = 2, .digits = 6});

    json_decref(root);
    return text;
}

dms_status dms_quantize_report_print(char **text,
                                     const dms_quantize_report *report,
                                     bool json, dms_error *err)
{
    *text = json ? print_json(report) : print_text(report);
    return *text ? DMS_OK : dms_fail_memory(err, "quantisation report");
}
