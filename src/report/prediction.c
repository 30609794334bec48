/* Predictions as text, as JSON and as CSV. */
#include <math.h>

#include <string.h>

#include "report/answer.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "base/name.h"
#include "base/strbuf.h"
#include "dms/session.h"
#include "formats/csv.h"
#include "formats/json.h"

static const char *const eye_names[] = {"left", "right"};

const char *dms_prediction_format_name(dms_prediction_format format)
{
    static const char *const names[] = {"text", "json", "csv"};

    return (size_t)format < sizeof names / sizeof names[0] ? names[format]
                                                           : NULL;
}

/* The prediction being printed. */
typedef struct answer {
    const dms_prediction *p;
    const dms_pair *pair;
    const dms_label_set *labels;
    int code_width, name_width; /* columns of the longest */
} answer;

static int wider(int width, const char *text)
{
    int len = (int)strlen(text);

    return len > width ? len : width;
}

static answer answer_of(const dms_predictions *predictions,
                        const dms_pair *pairs, size_t i)
{
    answer a = {dms_predictions_get(predictions, i), &pairs[i],
                predictions->labels, 1, 12};

    for (int k = 0; k < predictions->label_count; k++) {
        a.code_width = wider(a.code_width, dms_label_set_code(a.labels, k));
        a.name_width = wider(a.name_width, dms_label_set_name(a.labels, k));
    }
    return a;
}

static const char *id_of(const answer *a)
{
    return a->pair->id ? a->pair->id : "-";
}

static void write_label(dms_strbuf *text, const answer *a, int k)
{
    const dms_prediction *p = a->p;
    int filled = (int)(p->patient[k] * 20 + 0.5);

    dms_strbuf_printf(text, "  %-*s %-*s %6.1f %%  ", a->code_width,
                      dms_label_set_code(a->labels, k), a->name_width,
                      dms_label_set_name(a->labels, k), 100 * p->patient[k]);
    for (int i = 0; i < 20; i++)
        dms_strbuf_puts(text, i < filled ? "#" : ".");
    for (int eye = 0; eye < 2; eye++) {
        if (p->present[eye])
            dms_strbuf_printf(text, "  %5.1f %%", 100 * p->eye[eye][k]);
        else
            dms_strbuf_puts(text, "      - ");
    }
    dms_strbuf_puts(text, p->finding[k] ? "  finding\n" : "\n");
}

static void write_text(dms_strbuf *text, const answer *a)
{
    const dms_prediction *p = a->p;

    if (p->error.code != DMS_OK) {
        dms_strbuf_puts(text, "patient ");
        dms_name_put_line(text, id_of(a));
        dms_strbuf_puts(text, ": no answer: ");
        dms_name_put_line(text, p->error.message);
        dms_strbuf_puts(text, "\n\n");
        return;
    }
    dms_strbuf_puts(text, "patient ");
    dms_name_put_line(text, id_of(a));
    for (int eye = 0; eye < 2; eye++)
        if (p->present[eye])
            dms_strbuf_printf(text, ", %s field %s", eye_names[eye],
                              dms_field_kind_name(p->field[eye].kind));
    dms_strbuf_puts(text, "\n");
    if (a->pair->side_unknown)
        dms_strbuf_puts(text, "  from one photograph, of an unnamed eye, which "
                              "stands in for both\n");
    else if (p->present[DMS_LEFT] != p->present[DMS_RIGHT])
        dms_strbuf_printf(text,
                          "  from the %s eye alone, which stands in for both\n",
                          eye_names[p->present[DMS_RIGHT]]);
    dms_strbuf_printf(text,
                      "%*s   patient                           left    "
                      "right\n",
                      a->code_width + a->name_width + 3, "");
    for (int k = 0; k < a->p->label_count; k++)
        write_label(text, a, k);
    dms_strbuf_puts(text, "\n");
}

static void write_csv(dms_strbuf *text, const answer *a)
{
    if (a->p->error.code != DMS_OK)
        return; /* a row without numbers is not a prediction */
    dms_csv_put_name(text, id_of(a));
    for (int k = 0; k < a->p->label_count; k++)
        dms_strbuf_printf(text, ",%.9g", a->p->patient[k]);
    dms_strbuf_puts(text, "\n");
}

static json_t *probabilities_json(const answer *a, const double *p)
{
    json_t *object = json_object();

    for (int k = 0; k < a->p->label_count; k++)
        dms_json_set(&object, dms_label_set_code(a->labels, k),
                     dms_json_real(p[k]));
    return object;
}

static json_t *eye_json(const answer *a, int eye)
{
    const dms_field *f = &a->p->field[eye];

    if (!a->p->present[eye])
        return json_null();
    return json_pack("{s:o, s:{s:s, s:b, s:f, s:f, s:f, s:f, s:b}, s:o}",
                     "path", dms_json_name(a->pair->path[eye]), "field", "kind",
                     dms_field_kind_name(f->kind), "white_background",
                     f->white_background, "center_x", f->center_x, "center_y",
                     f->center_y, "radius", f->radius, "coverage", f->coverage,
                     "coloured_background", f->coloured_background,
                     "probabilities", probabilities_json(a, a->p->eye[eye]));
}

static json_t *findings_json(const answer *a)
{
    json_t *findings = json_array();

    for (int k = 0; k < a->p->label_count; k++)
        if (a->p->finding[k])
            dms_json_append(&findings,
                            json_string(dms_label_set_code(a->labels, k)));
    return findings;
}

static json_t *answer_json(const answer *a)
{
    json_t *root;

    if (a->p->error.code != DMS_OK)
        return json_pack("{s:o, s:o}", "id", dms_json_name(id_of(a)), "error",
                         dms_json_name(a->p->error.message));
    root = json_pack("{s:o, s:o, s:o, s:o, s:o}", "id", dms_json_name(id_of(a)),
                     "probabilities", probabilities_json(a, a->p->patient),
                     "findings", findings_json(a), "left",
                     eye_json(a, DMS_LEFT), "right", eye_json(a, DMS_RIGHT));
    if (a->pair->side_unknown)
        dms_json_set(&root, "side_unknown", json_true());
    return root;
}

static void write_all_json(dms_strbuf *text, const dms_predictions *predictions,
                           const dms_pair *pairs)
{
    json_t *list = json_array();
    char *dump;

    for (size_t i = 0; i < dms_predictions_count(predictions); i++) {
        answer a = answer_of(predictions, pairs, i);

        dms_json_append(&list, answer_json(&a));
    }
    dump = dms_json_dump(list, (dms_json_style){.indent = 2});
    dms_strbuf_puts(text, dump ? dump : "[]");
    dms_strbuf_puts(text, "\n");
    text->failed |= dump == NULL;
    dms_free(dump);
    json_decref(list);
}

/* No session produces such numbers, but a caller may have changed them. */
static dms_status check_finite(const answer *a, dms_error *err)
{
    const dms_prediction *p = a->p;

    for (int k = 0; p->error.code == DMS_OK && k < p->label_count; k++)
        for (int eye = 0; eye < 2; eye++)
            if (!isfinite(p->patient[k]) ||
                (p->present[eye] && !isfinite(p->eye[eye][k])))
                return dms_fail(err, DMS_EINVAL,
                                "patient %.100s: a probability of %s is not "
                                "finite",
                                id_of(a), dms_label_set_code(a->labels, k));
    return DMS_OK;
}

dms_status dms_predictions_print(char **text,
                                 const dms_predictions *predictions,
                                 const dms_pair *pairs,
                                 dms_prediction_format format, dms_error *err)
{
    dms_strbuf out;

    for (size_t i = 0; i < dms_predictions_count(predictions); i++) {
        answer a = answer_of(predictions, pairs, i);
        dms_status st = check_finite(&a, err);

        if (st != DMS_OK)
            return st;
    }
    dms_strbuf_init(&out);
    if (format == DMS_PREDICTION_JSON)
        write_all_json(&out, predictions, pairs);
    if (format == DMS_PREDICTION_CSV) {
        dms_strbuf_puts(&out, "ID");
        for (int k = 0; k < dms_label_set_count(predictions->labels); k++)
            dms_strbuf_printf(&out, ",%s",
                              dms_label_set_code(predictions->labels, k));
        dms_strbuf_puts(&out, "\n");
    }
    for (size_t i = 0; i < dms_predictions_count(predictions); i++) {
        answer a = answer_of(predictions, pairs, i);

        if (format == DMS_PREDICTION_TEXT)
            write_text(&out, &a);
        else if (format == DMS_PREDICTION_CSV)
            write_csv(&out, &a);
    }
    *text = dms_strbuf_detach(&out);
    dms_strbuf_release(&out);
    return *text ? DMS_OK : dms_fail_memory(err, "predictions");
}
