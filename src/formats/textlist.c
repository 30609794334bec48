/* The buffer of texts. Both arrays grow by doubling, so adding is cheap on
 * average. Relies on a zeroed list being empty. */
#include "formats/textlist.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"

void dms_textlist_release(dms_textlist *list)
{
    dms_free(list->data);
    dms_free(list->at);
    *list = (dms_textlist){0};
}

/* Reserve len more bytes; offset 0 holds the shared empty text. */
static bool reserve_bytes(dms_textlist *list, size_t len)
{
    size_t capacity = list->capacity ? list->capacity : 1024;
    char *data;

    while (capacity < list->len + len + 1)
        capacity *= 2;
    if (capacity == list->capacity)
        return true;
    data = dms_resize(list->data, capacity, 1);
    if (!data)
        return false;
    list->data = data;
    list->capacity = capacity;
    if (list->len == 0)
        list->data[list->len++] = '\0';
    return true;
}

static bool reserve_index(dms_textlist *list)
{
    size_t capacity = list->at_capacity ? 2 * list->at_capacity : 64;
    size_t *at;

    if (list->count < list->at_capacity)
        return true;
    at = dms_resize(list->at, capacity, sizeof *at);
    if (!at)
        return false;
    list->at = at;
    list->at_capacity = capacity;
    return true;
}

dms_status dms_textlist_add(dms_textlist *list, const char *text, size_t len)
{
    if (list->count >= DMS_TEXTLIST_COUNT_MAX ||
        len >= DMS_TEXTLIST_BYTES_MAX - list->len)
        return DMS_ELIMIT;
    if (!reserve_bytes(list, len + 1) || !reserve_index(list))
        return DMS_ENOMEM;
    list->at[list->count++] = len > 0 ? list->len : 0;
    if (len == 0)
        return DMS_OK;
    memcpy(list->data + list->len, text, len);
    list->data[list->len + len] = '\0';
    list->len += len + 1;
    return DMS_OK;
}

const char *dms_textlist_get(const dms_textlist *list, size_t index)
{
    return index < list->count ? list->data + list->at[index] : "";
}
