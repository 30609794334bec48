/* Converts the run's state to JSON text and back. Relies on checkpoint.c to
 * verify the checksum first, but checks every key and type itself. */
#include "train/checkpoint_state.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/number.h"
#include "formats/json.h"

static const struct field {
    const char *name;
    size_t offset;
    bool real;
    bool optional; /* 0 in a checkpoint of dmsnet 0.1 */
} fields[] = {
    {"epoch", offsetof(dms_train_state, epoch), false, false},
    {"batch", offsetof(dms_train_state, batch), false, false},
    {"loss_sum", offsetof(dms_train_state, loss_sum), true, false},
    {"patients_seen", offsetof(dms_train_state, patients_seen), false, false},
    {"epoch_seconds", offsetof(dms_train_state, epoch_seconds), true, false},
    {"elapsed", offsetof(dms_train_state, elapsed), true, false},
    {"best_metric", offsetof(dms_train_state, best_metric), true, false},
    {"best_epoch", offsetof(dms_train_state, best_epoch), false, false},
    {"stale_epochs", offsetof(dms_train_state, stale_epochs), false, false},
    {"skipped_steps", offsetof(dms_train_state, skipped_steps), false, false},
    {"limit_reached", offsetof(dms_train_state, limit_reached), true, true},
    {"unfrozen_step", offsetof(dms_train_state, unfrozen_step), false, true},
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

void dms_train_state_release(dms_train_state *state)
{
    dms_metrics_log_release(&state->log);
    dms_trained_on_release(&state->before);
}

static json_t *object_of(const dms_train_state *state,
                         const dms_optimizer *optimizer, const char *log,
                         const char *before)
{
    json_t *object = json_object();
    char digest[17];

    dms_json_set(&object, "format", json_integer(1));
    for (int i = 0; i < FIELDS; i++) {
        const char *at = (const char *)state + fields[i].offset;

        dms_json_set(&object, fields[i].name,
                     fields[i].real ? dms_json_real(*(const double *)at)
                                    : json_integer(*(const int64_t *)at));
    }
    snprintf(digest, sizeof digest, "%016" PRIx64, state->data_digest);
    dms_json_set(&object, "data_digest", json_string(digest));
    if (state->frozen_digest) {
        snprintf(digest, sizeof digest, "%016" PRIx64, state->frozen_digest);
        dms_json_set(&object, "frozen_digest", json_string(digest));
    }
    dms_json_set(&object, "step", json_integer(optimizer->step));
    dms_json_set(&object, "pending", json_integer(optimizer->pending));
    dms_json_set(&object, "options", json_string(state->options));
    dms_json_set(&object, "labels", json_string(state->labels));
    if (state->teacher[0])
        dms_json_set(&object, "teacher", json_string(state->teacher));
    dms_json_set(&object, "log", json_string(log));
    if (before)
        dms_json_set(&object, "trained_on_before", json_string(before));
    return object;
}

dms_status dms_train_state_format(char **text, const dms_train_state *state,
                                  const dms_optimizer *optimizer,
                                  dms_error *err)
{
    dms_status st = DMS_OK;
    json_t *object = NULL;
    char *log = NULL, *before = dms_trained_on_text(&state->before);

    if (state->before.digests && !before) {
        st = dms_fail_memory(err, "checkpoint");
        goto done;
    }
    TRY(dms_metrics_log_format(&log, &state->log, err));
    object = object_of(state, optimizer, log, before);
    *text = dms_json_dump(object, (dms_json_style){.compact = true});
    if (!*text)
        st = dms_fail_memory(err, "checkpoint");
done:
    json_decref(object);
    dms_free(before);
    dms_free(log);
    return st;
}

static dms_status wrong(const char *name, const char *key, dms_error *err)
{
    return dms_fail(err, DMS_EFORMAT,
                    "%s: the checkpoint's state has no valid \"%s\"", name,
                    key);
}

static dms_status parse_numbers(dms_train_state *state, const json_t *object,
                                const char *name, dms_error *err)
{
    for (int i = 0; i < FIELDS; i++) {
        const json_t *value = json_object_get(object, fields[i].name);
        char *at = (char *)state + fields[i].offset;

        if (fields[i].optional && !value)
            continue;
        if (fields[i].real && (json_is_number(value) || json_is_null(value)))
            *(double *)at =
                json_is_number(value) ? json_number_value(value) : NAN;
        else if (!fields[i].real && json_is_integer(value) &&
                 json_integer_value(value) >= 0)
            *(int64_t *)at = json_integer_value(value);
        else
            return wrong(name, fields[i].name, err);
    }
    /* AdamW divides by a function of the steps since then */
    if (state->unfrozen_step >
        json_integer_value(json_object_get(object, "step")))
        return wrong(name, "unfrozen_step", err);
    return DMS_OK;
}

/* If the key is missing, digest is 0. */
static dms_status parse_frozen(uint64_t *digest, const json_t *object,
                               const char *name, dms_error *err)
{
    const json_t *value = json_object_get(object, "frozen_digest");

    *digest = 0;
    if (value &&
        (!json_is_string(value) ||
         !dms_hex64_read(digest, json_string_value(value)) || *digest == 0))
        return wrong(name, "frozen_digest", err);
    return DMS_OK;
}

static dms_status parse_texts(dms_train_state *state, const json_t *object,
                              const char *name, dms_error *err)
{
    const char *digest =
        json_string_value(json_object_get(object, "data_digest"));
    const char *options = json_string_value(json_object_get(object, "options"));
    const char *log = json_string_value(json_object_get(object, "log"));
    /* a checkpoint of 0.1.0 lacks the key: ODIR's eight */
    const char *labels = json_string_value(json_object_get(object, "labels"));
    const char *teacher = json_string_value(json_object_get(object, "teacher"));
    const char *before =
        json_string_value(json_object_get(object, "trained_on_before"));
    dms_status st;

    if (!digest || !dms_hex64_read(&state->data_digest, digest))
        return wrong(name, "data_digest", err);
    if (!options || strlen(options) >= sizeof state->options)
        return wrong(name, "options", err);
    if (!log)
        return wrong(name, "log", err);
    if (labels && strlen(labels) >= sizeof state->labels)
        return wrong(name, "labels", err);
    if (teacher && strlen(teacher) >= sizeof state->teacher)
        return wrong(name, "teacher", err);
    strcpy(state->teacher, teacher ? teacher : "");
    strcpy(state->options, options);
    strcpy(state->labels, labels ? labels : "");
    TRY(dms_metrics_log_parse(&state->log, log, err));
    if (before)
        TRY(dms_trained_on_parse(&state->before, before, name, err));
done:
    return st;
}

dms_status dms_train_state_parse(dms_train_state *state, const char *text,
                                 const char *name, dms_error *err)
{
    dms_status st = DMS_OK;
    json_t *object = NULL;

    TRY(dms_json_parse(&object, text, name, err));
    if (!json_is_object(object)) {
        st = dms_fail(err, DMS_EFORMAT, "%s: the state is not a JSON object",
                      name);
        goto done;
    }
    TRY(parse_numbers(state, object, name, err));
    TRY(parse_frozen(&state->frozen_digest, object, name, err));
    TRY(parse_texts(state, object, name, err));
done:
    json_decref(object);
    return st;
}

dms_status dms_train_state_parse_optimizer(dms_optimizer *optimizer,
                                           uint64_t *frozen_digest,
                                           const char *text, const char *name,
                                           dms_error *err)
{
    json_t *object = NULL;
    const json_t *step, *pending;
    dms_status st;

    TRY(dms_json_parse(&object, text, name, err));
    step = json_object_get(object, "step");
    pending = json_object_get(object, "pending");
    if (!json_is_integer(step) || json_integer_value(step) < 0)
        st = wrong(name, "step", err);
    else if (!json_is_integer(pending) || json_integer_value(pending) < 0 ||
             json_integer_value(pending) >= optimizer->options.accumulate)
        st = wrong(name, "pending", err);
    else
        st = parse_frozen(frozen_digest, object, name, err);
    if (st == DMS_OK) {
        optimizer->step = json_integer_value(step);
        optimizer->pending = (int)json_integer_value(pending);
    }
done:
    json_decref(object);
    return st;
}
