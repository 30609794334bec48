/* A growing string. Invariants: data[len] is NUL, even when empty; after a
 * failed allocation `failed` stays set and appends do nothing, so one check at
 * the end is enough. */
#ifndef DMS_BASE_STRBUF_H
#define DMS_BASE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

typedef struct dms_strbuf {
    char *data; /* owned; a static "" until something is appended */
    size_t len;
    size_t capacity; /* 0 while data is the static "" */
    bool failed;
} dms_strbuf;

void dms_strbuf_init(dms_strbuf *sb);
void dms_strbuf_release(dms_strbuf *sb);

/* Make it empty; its memory is kept. */
void dms_strbuf_clear(dms_strbuf *sb);

void dms_strbuf_add(dms_strbuf *sb, const void *data, size_t len);
void dms_strbuf_puts(dms_strbuf *sb, const char *text);
/* printf in the C locale. */
void dms_strbuf_printf(dms_strbuf *sb, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Hand the string to the caller (dms_free) and start empty; NULL if failed. */
char *dms_strbuf_detach(dms_strbuf *sb);

#endif
