/* A program that speaks German, Turkish or Pashto gets the same bytes as one
 * that never called setlocale. Each part of the library says its numbers into
 * one text; the texts of the locales are compared. */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/answer.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "data/labels.h"
#include "data/predictions.h"
#include "dms/data.h"
#include "dms/metrics.h"
#include "dms/option.h"
#include "dms/quantize.h"
#include "dms/session.h"
#include "dms/train.h"
#include "formats/safetensors.h"
#include "net/model_file.h"
#include "own_folder.h"
#include "train/checkpoint_state.h"
#include "train/metrics_log.h"

/* A double's bits: nothing that a locale could colour. */
static void say_bits(dms_strbuf *out, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    dms_strbuf_printf(out, "%016llx\n", (unsigned long long)bits);
}

static void say_error(dms_strbuf *out, dms_status st, const dms_error *err)
{
    dms_strbuf_printf(out, "%d: %s\n", (int)st, err->message);
}

static void say_option(dms_strbuf *out, const char *name, const char *text)
{
    const dms_option_table *table = dms_train_option_table();
    const dms_option *option = dms_option_find(table, name);
    dms_train_options values;
    dms_error err = {0};
    char got[256];
    dms_status st;

    assert_int_equal(dms_options_init(&values, table, NULL), DMS_OK);
    st = dms_option_set(&values, option, text, &err);
    say_error(out, st, &err);
    dms_option_get(got, sizeof got, &values, option);
    dms_strbuf_printf(out, "%s\n", got);
    dms_options_release(&values, table);
}

static void say_options(dms_strbuf *out)
{
    static const char *const settings[][2] = {
        {"lr", "0.00125"},
        {"lr", "1e-3"},
        {"lr", "1,5"},
        {"lr", "9e99"},
        {"val", "0.5x"},
        {"time-limit", "1h30m"},
        {"time-limit", "90.5"},
        {"time-limit", "1,5h"},
        {"epochs", "12"},
        {"epochs", "1.5"},
        {"seed", "-1"},
        {"augment", "TRUE"},
        {"augment", "No"},
        {"schedule", "COSINE"},
        {"schedule", "constint"},
        {"flip-horizontal", "FALSE"},
    };
    const dms_option_table *table = dms_train_option_table();

    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        say_option(out, settings[i][0], settings[i][1]);
    for (size_t i = 0; i < table->count; i++) {
        char range[512];

        dms_option_range(range, sizeof range, &table->options[i]);
        dms_strbuf_printf(out, "%s: %s\n", table->options[i].name, range);
    }
}

static void say_yaml(dms_strbuf *out)
{
    static const char given[] = "lr: 0.00125\nval: 0.125\ntime-limit: 1.5h\n";
    const dms_option_table *table = dms_train_option_table();
    dms_train_options values, back;
    dms_error err = {0};
    char text[16384], again[16384];
    dms_status st;

    assert_int_equal(dms_options_init(&values, table, NULL), DMS_OK);
    st = dms_options_parse_yaml(&values, table, given, strlen(given), "a.yaml",
                                NULL, &err);
    say_error(out, st, &err);
    say_bits(out, values.lr), say_bits(out, values.val);
    say_bits(out, values.time_limit);
    assert_true(dms_options_format_yaml(text, sizeof text, &values, table,
                                        "train") < sizeof text);
    dms_strbuf_puts(out, text);
    assert_int_equal(dms_options_init(&back, table, NULL), DMS_OK);
    st = dms_options_parse_yaml(&back, table, text, strlen(text), "b.yaml",
                                "train", &err);
    say_error(out, st, &err);
    dms_options_format_yaml(again, sizeof again, &back, table, "train");
    assert_string_equal(again, text);
    say_bits(out, back.lr), say_bits(out, back.val);
    say_bits(out, back.time_limit);
    values.val = 1.5;
    say_error(out, dms_options_check(&values, table, &err), &err);
    dms_options_release(&back, table);
    dms_options_release(&values, table);
}

static void say_prediction_table(dms_strbuf *out, const char *text)
{
    dms_prediction_rows p = {0};
    dms_error err = {0};
    dms_status st = dms_prediction_rows_parse(&p, text, strlen(text), "p.csv",
                                              dms_label_set_odir(), &err);

    say_error(out, st, &err);
    for (size_t i = 0; i < p.count * DMS_ODIR_LABELS; i++)
        say_bits(out, p.probabilities[i]);
    dms_prediction_rows_release(&p);
}

static void say_tables(dms_strbuf *out)
{
    static const char *const ids[] = {"1"};
    static const double p[DMS_ODIR_LABELS] = {0.1, 1 / 3.0, 1e-5, 0.25, 0, 1};
    const char *path = put("written.csv", "");
    uint8_t *data = NULL;
    size_t size = 0;

    say_prediction_table(out, "ID,N,D,G,C,A,H,M,O\n1,.5,1e-3,0.25,0,1,0,0,0\n");
    say_prediction_table(out, "id;n;d;g;c;a;h;m;o\n1;0,5;0;0;0;0;0;0;0\n");
    assert_int_equal(
        dms_prediction_rows_write(path, ids, p, 1, dms_label_set_odir(), NULL),
        DMS_OK);
    assert_int_equal(dms_file_read(&data, &size, path, 4096, NULL), DMS_OK);
    dms_strbuf_puts(out, (const char *)data);
    dms_free(data);
}

static void say_dataset(dms_strbuf *out)
{
    const char *path =
        put("ANNOTATIONS.CSV",
            "Id,PATIENT AGE,Patient Sex,LEFT-FUNDUS,Right-Fundus,"
            "LEFT-DIAGNOSTIC KEYWORDS,Right-Diagnostic Keywords,"
            "N,D,G,C,A,H,M,O,SPLIT\n"
            "7,69,m,a.jpg,b.jpg,PATHOLOGICAL MYOPIA,DIABETIC RETINOPATHY,"
            "0,1.0,0,0.0,0,0,1,0,TRAINING\n"
            "8,x,f,c.jpg,d.jpg,Laser Spot,normal fundus,0,0,0,0,0,0,0,1,"
            "validation\n");
    dms_dataset *d = NULL;
    dms_error err = {0};
    dms_status st = dms_dataset_open(&d, path, NULL, NULL, &err);

    say_error(out, st, &err);
    for (size_t i = 0; d && i < d->count; i++) {
        const dms_patient *p = &d->patients[i];

        dms_strbuf_printf(out, "%s %d %c %d:", p->id, p->age, p->sex,
                          (int)p->split);
        for (int k = 0; k < DMS_ODIR_LABELS; k++)
            dms_strbuf_printf(out, " %d%d%d", p->labels[k], p->eye[0].labels[k],
                              p->eye[1].labels[k]);
        dms_strbuf_puts(out, "\n");
    }
    dms_dataset_close(d);
}

/* Answers to be filled by hand. */
static dms_predictions *make_answers(size_t count)
{
    dms_architecture arch = dms_architecture_default();
    dms_model *model = NULL;
    dms_predictions *p = NULL;

    arch.backbone = DMS_BACKBONE_RESNET18;
    arch.width = 16, arch.size = 32;
    assert_int_equal(dms_model_create(&model, &arch, NULL, 1, NULL), DMS_OK);
    assert_int_equal(dms_predictions_create(&p, model, count, NULL), DMS_OK);
    dms_answers_clear(p, count);
    dms_model_destroy(model);
    return p;
}

static void say_predictions(dms_strbuf *out)
{
    dms_pair pairs[] = {{.id = "7", .path = {"l.jpg", "r.jpg"}},
                        {.id = "8", .path = {"l.jpg", NULL}}};
    dms_predictions *answers = make_answers(2);
    dms_prediction *p = dms_answer_at(answers, 0);

    p->present[DMS_LEFT] = p->present[DMS_RIGHT] = true;
    for (int k = 0; k < DMS_ODIR_LABELS; k++) {
        p->patient[k] = (k + 1) / 9.0;
        p->eye[0][k] = p->eye[1][k] = 1 / (k + 3.0);
        p->finding[k] = k > 4;
    }
    p->field[0].center_x = 1023.625, p->field[1].radius = 1e-7;
    dms_fail(&dms_answer_at(answers, 1)->error, DMS_EIO, "%.3f of it", 0.125);
    for (int f = DMS_PREDICTION_TEXT; f <= DMS_PREDICTION_CSV; f++) {
        char *text = NULL;

        assert_int_equal(dms_predictions_print(&text, answers, pairs,
                                               (dms_prediction_format)f, NULL),
                         DMS_OK);
        dms_strbuf_puts(out, text);
        dms_text_free(text);
    }
    dms_predictions_destroy(answers);
}

static void say_report(dms_strbuf *out)
{
    enum { PATIENTS = 40 };
    uint8_t labels[PATIENTS * DMS_ODIR_LABELS] = {0};
    double probabilities[PATIENTS * DMS_ODIR_LABELS];
    dms_report_options options;
    dms_rng rng = dms_rng_seeded(4);
    const dms_answers answers = {NULL, labels, probabilities, PATIENTS};
    dms_report *report = NULL;
    dms_error err = {0};
    char *text = NULL;
    dms_status st;

    for (size_t i = 0; i < PATIENTS * DMS_ODIR_LABELS; i++) {
        labels[i] = dms_rng_below(&rng, 3) == 0;
        probabilities[i] = 0.4 * labels[i] + 0.6 * dms_rng_uniform(&rng);
    }
    dms_report_options_init(&options, sizeof options);
    options.resamples = 20;
    assert_int_equal(dms_report_measure(&report, &answers, &options, &err),
                     DMS_OK);
    assert_int_equal(dms_report_json(&text, report, &err), DMS_OK);
    dms_strbuf_puts(out, text);
    dms_free(text);
    assert_int_equal(dms_report_text(&text, report, &err), DMS_OK);
    dms_strbuf_puts(out, text);
    dms_free(text);
    probabilities[3] = 1.5;
    dms_report_destroy(report), report = NULL;
    st = dms_report_measure(&report, &answers, &options, &err);
    assert_int_not_equal(st, DMS_OK);
    say_error(out, st, &err);
}

static void say_model(dms_strbuf *out)
{
    dms_model_config config, back;
    dms_metadata pair = {"dmsnet", NULL};
    dms_error err = {0};
    const char *path = put("m.safetensors", "");
    dms_safetensors *file = NULL;
    char *text;

    assert_int_equal(dms_model_config_init(&config, dms_label_set_odir(), &err),
                     DMS_OK);
    config.temperature = 1.0625;
    for (int k = 0; k < DMS_ODIR_LABELS; k++)
        config.thresholds[k] = (k + 1) / 11.0;
    strcpy(config.provenance, "{\"a\":0.1,\"b\":[1e-7,2.0,1e300]}");
    text = dms_model_config_json(&config);
    assert_non_null(text);
    dms_strbuf_printf(out, "%s\n", text);
    pair.value = text;
    assert_int_equal(dms_safetensors_write(path, NULL, 0, &pair, 1, &err),
                     DMS_OK);
    assert_int_equal(dms_safetensors_open(&file, path, &err), DMS_OK);
    assert_string_equal(dms_safetensors_metadata(file, "dmsnet"), text);
    assert_int_equal(dms_model_config_parse(&back, text, "m", &err), DMS_OK);
    assert_memory_equal(back.thresholds, config.thresholds,
                        DMS_ODIR_LABELS * sizeof *back.thresholds);
    assert_true(back.temperature == config.temperature);
    dms_strbuf_printf(out, "%s\n", back.provenance);
    dms_safetensors_close(file);
    dms_free(text);
    dms_model_config_release(&config);
    dms_model_config_release(&back);
    say_error(out,
              dms_model_config_parse(&back,
                                     "{\"format\":\"dmsnet-1\","
                                     "\"thresholds\":[0.5,1.5]}",
                                     "m", &err),
              &err);
    dms_model_config_release(&back);
}

static void say_training(dms_strbuf *out)
{
    dms_train_state state = {.best_metric = 0.7, .elapsed = 12.25}, back = {0};
    dms_optimizer optimizer = {.step = 3};
    dms_epoch_record record = {.epoch = 1, .lr = 1e-5, .val_loss = NAN};
    char *text = NULL;
    dms_error err = {0};

    record.train_loss = 2 / 3.0;
    assert_int_equal(dms_metrics_log_add(&state.log, &record, &err), DMS_OK);
    assert_int_equal(dms_metrics_log_format(&text, &state.log, &err), DMS_OK);
    dms_strbuf_puts(out, text);
    dms_free(text);
    assert_int_equal(dms_metrics_log_write(&state.log, folder, &err), DMS_OK);
    assert_int_equal(dms_train_state_format(&text, &state, &optimizer, &err),
                     DMS_OK);
    dms_strbuf_printf(out, "%s\n", text);
    assert_int_equal(dms_train_state_parse(&back, text, "s", &err), DMS_OK);
    say_bits(out, back.best_metric);
    assert_int_equal(back.log.count, 1);
    say_bits(out, back.log.records[0].train_loss);
    say_bits(out, back.log.records[0].lr);
    dms_free(text);
    dms_metrics_log_release(&back.log);
    dms_metrics_log_release(&state.log);
}

static void say_quantising(dms_strbuf *out)
{
    dms_quantize_layer layer = {.name = "conv",
                                .gflop = 0.125,
                                .limit = 6.5,
                                .own_db = 31.25,
                                .db = INFINITY};
    dms_quantize_report report = {.percentile = 99.99,
                                  .layers = &layer,
                                  .count = 1,
                                  .mean_difference = 1e-5};

    for (int json = 0; json < 2; json++) {
        char *text = NULL;

        assert_int_equal(
            dms_quantize_report_print(&text, &report, json == 1, NULL), DMS_OK);
        dms_strbuf_puts(out, text);
        dms_text_free(text);
    }
}

static void say_logged(void *user, dms_log_level level, const char *text)
{
    (void)level;
    dms_strbuf_printf(user, "%s\n", text);
}

static void say_messages(dms_strbuf *out)
{
    dms_monitor monitor = {.user = out, .message = say_logged};
    dms_error err = {0};
    uint8_t *data;
    size_t size;

    dms_log(&monitor, DMS_LOG_INFO, "loss %.4f, lr %.2e", 0.693147, 1e-3);
    say_error(out, dms_file_read(&data, &size, "/nowhere/at/all", 9, &err),
              &err);
}

static const struct {
    const char *name;
    void (*say)(dms_strbuf *out);
} parts[] = {
    {"options", say_options},
    {"YAML", say_yaml},
    {"tables", say_tables},
    {"data sets", say_dataset},
    {"predictions", say_predictions},
    {"reports", say_report},
    {"models", say_model},
    {"training", say_training},
    {"quantising", say_quantising},
    {"messages", say_messages},
};
enum { PARTS = sizeof parts / sizeof parts[0] };

static void hear(char *texts[PARTS])
{
    for (int i = 0; i < PARTS; i++) {
        dms_strbuf out;

        dms_strbuf_init(&out);
        parts[i].say(&out);
        texts[i] = dms_strbuf_detach(&out);
        assert_non_null(texts[i]);
        dms_strbuf_release(&out);
    }
}

/* Where two texts part, in a message. */
static void assert_same(const char *what, const char *locale, const char *got,
                        const char *want)
{
    size_t at = 0;

    while (got[at] && got[at] == want[at])
        at++;
    if (got[at] != want[at])
        fail_msg("%s in %s, byte %zu: got \"%.60s\", want \"%.60s\"", what,
                 locale, at, got + (at > 20 ? at - 20 : 0),
                 want + (at > 20 ? at - 20 : 0));
}

static void assert_bytes_of_c(const char *locale, const char *point)
{
    char *want[PARTS], *got[PARTS];

    assert_non_null(setlocale(LC_ALL, "C"));
    hear(want);
    if (!setlocale(LC_ALL, locale))
        fail_msg("no locale %s: tools/install-packages.sh --tests", locale);
    assert_string_equal(localeconv()->decimal_point, point);
    hear(got);
    assert_non_null(setlocale(LC_ALL, "C"));
    for (int i = 0; i < PARTS; i++) {
        assert_true(strlen(want[i]) > 80);
        assert_same(parts[i].name, locale, got[i], want[i]);
        dms_free(want[i]), dms_free(got[i]);
    }
}

static void german_gets_the_bytes_of_c(void **state)
{
    (void)state;
    assert_bytes_of_c("de_DE.UTF-8", ",");
}

static void turkish_gets_the_bytes_of_c(void **state)
{
    (void)state;
    assert_bytes_of_c("tr_TR.UTF-8", ",");
}

static void a_decimal_point_of_two_bytes_changes_nothing(void **state)
{
    (void)state;
    assert_bytes_of_c("ps_AF.UTF-8", "\xd9\xab");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(german_gets_the_bytes_of_c),
        cmocka_unit_test(turkish_gets_the_bytes_of_c),
        cmocka_unit_test(a_decimal_point_of_two_bytes_changes_nothing),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
