/* Reading event files as TensorBoard does: record by record, each checksum
 * compared with a bit-by-bit CRC of its own, and a session's start drops what
 * earlier files say from its step on. Include behind cmocka.h. */
#ifndef DMS_TESTS_EVENT_READER_H
#define DMS_TESTS_EVENT_READER_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/file.h"
#include "event.pb-c.h"

enum { EVENTS_MAX = 1024 };

typedef struct read_event {
    char tag[64];
    int64_t step;
    double wall_time;
    float value;
} read_event;

typedef struct read_events {
    read_event items[EVENTS_MAX];
    size_t count;
    size_t dropped; /* by the start of a later session */
    size_t files;
} read_events;

static inline uint32_t slow_masked_crc32c(const uint8_t *data, size_t size)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0x82F63B78u : crc >> 1;
    }
    crc = ~crc;
    return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

static inline void drop_from(read_events *all, int64_t step)
{
    size_t kept = 0;

    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].step < step)
            all->items[kept++] = all->items[i];
    all->dropped += all->count - kept;
    all->count = kept;
}

static inline void take_event(read_events *all, const Tensorboard__Event *event)
{
    if (event->what_case == TENSORBOARD__EVENT__WHAT_SESSION_LOG) {
        assert_int_equal(event->session_log->status,
                         TENSORBOARD__SESSION_LOG__SESSION_STATUS__START);
        drop_from(all, event->step);
        return;
    }
    assert_int_equal(event->what_case, TENSORBOARD__EVENT__WHAT_SUMMARY);
    for (size_t i = 0; i < event->summary->n_value; i++) {
        const Tensorboard__Summary__Value *value = event->summary->value[i];
        read_event *item = &all->items[all->count++];

        assert_true(all->count < EVENTS_MAX);
        assert_int_equal(value->value_case,
                         TENSORBOARD__SUMMARY__VALUE__VALUE_SIMPLE_VALUE);
        *item = (read_event){.step = event->step,
                             .wall_time = event->wall_time,
                             .value = value->simple_value};
        snprintf(item->tag, sizeof item->tag, "%s", value->tag);
    }
}

static inline void read_event_file(read_events *all, const char *path)
{
    uint8_t *data = NULL;
    size_t size = 0, number = 0;
    dms_bytes b;

    assert_int_equal(dms_file_read(&data, &size, path, 1 << 24, NULL), 0);
    b = dms_bytes_over(data, size);
    for (; dms_bytes_left(&b) > 0; number++) {
        const uint8_t *head = data + b.at, *body;
        uint64_t len = dms_bytes_u64le(&b);
        Tensorboard__Event *event;

        assert_int_equal(dms_bytes_u32le(&b), slow_masked_crc32c(head, 8));
        body = dms_bytes_take(&b, (size_t)len);
        assert_non_null(body);
        assert_int_equal(dms_bytes_u32le(&b),
                         slow_masked_crc32c(body, (size_t)len));
        event = tensorboard__event__unpack(NULL, (size_t)len, body);
        assert_non_null(event);
        if (number == 0) {
            assert_int_equal(event->what_case,
                             TENSORBOARD__EVENT__WHAT_FILE_VERSION);
            assert_string_equal(event->file_version, "brain.Event:2");
        } else {
            take_event(all, event);
        }
        tensorboard__event__free_unpacked(event, NULL);
    }
    assert_false(b.failed);
    dms_free(data);
}

/* All event files of a folder in the order of their names. */
static inline read_events *read_event_folder(const char *place)
{
    read_events *all = calloc(1, sizeof *all);
    struct dirent **entries = NULL;
    int count = scandir(place, &entries, NULL, alphasort);

    assert_true(count >= 2);
    for (int i = 0; i < count; i++) {
        char path[512];

        snprintf(path, sizeof path, "%s/%s", place, entries[i]->d_name);
        if (strstr(entries[i]->d_name, "tfevents")) {
            read_event_file(all, path);
            all->files++;
        }
        free(entries[i]);
    }
    free(entries);
    return all;
}

#endif
