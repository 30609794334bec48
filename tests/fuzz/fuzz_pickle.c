/* Whatever the bytes: every value that the table has can be looked at. */
#include <stdint.h>
#include <stdlib.h>

#include "formats/pickle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const dms_pickle_global globals[] = {
    {"collections", "OrderedDict", DMS_PICKLE_CALLS_DICT, true, 0},
    {"torch._utils", "_rebuild_tensor_v2", DMS_PICKLE_CALLS_LATER, false, 1},
    {"torch", "FloatStorage", DMS_PICKLE_CALLS_NOT, false, 2},
};

/* Sum a value's parts, so that a sanitizer sees each of them. */
static size_t look(const dms_pickle *pickle, const dms_pickle_value *value,
                   const uint8_t *data, size_t size)
{
    size_t sum = 0, items = 0;

    switch ((dms_pickle_kind)value->kind) {
    case DMS_PICKLE_TEXT:
    case DMS_PICKLE_BYTES:
    case DMS_PICKLE_BIGINT:
        for (size_t i = 0; i < value->text.len; i++)
            sum += (uint8_t)value->text.data[i];
        if (value->text.len > size)
            abort();
        break;
    case DMS_PICKLE_TUPLE:
    case DMS_PICKLE_LIST:
    case DMS_PICKLE_DICT:
        for (uint32_t cell = value->items.first; cell;
             cell = dms_pickle_cell_next(pickle, cell), items++)
            sum += dms_pickle_at(pickle, dms_pickle_cell_value(pickle, cell))
                       ->kind;
        if (items != value->items.count ||
            (value->kind == DMS_PICKLE_DICT && items % 2 != 0))
            abort();
        break;
    case DMS_PICKLE_CALL:
    case DMS_PICKLE_PERSISTENT:
        sum += dms_pickle_at(pickle, value->link.value)->kind;
        break;
    default:
        break;
    }
    return sum + (value->at < size ? data[value->at] : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dms_pickle_rules rules = {.file = "fuzz",
                              .globals = globals,
                              .count = sizeof globals / sizeof globals[0]};
    dms_pickle *pickle = NULL;
    dms_error err = {0};
    size_t used = 0;
    size_t sum = 0;

    if (dms_pickle_create(&pickle, &used, data, size, &rules, &err) != DMS_OK)
        return 0;
    if (used > size || data[used - 1] != '.')
        abort();
    for (size_t i = 0; i < dms_pickle_count(pickle); i++)
        sum +=
            look(pickle, dms_pickle_at(pickle, (dms_pickle_ref)i), data, size);
    if (sum == SIZE_MAX) /* read it, so that it is computed */
        abort();
    dms_pickle_destroy(pickle);
    return 0;
}
