#include "report/report_thresholds.h"

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "formats/json.h"

enum { REPORT_BYTES_MAX = 1 << 24 };

dms_status dms_report_thresholds_read(double *thresholds, const char *path,
                                      const dms_label_set *set, dms_error *err)
{
    dms_status st = DMS_OK;
    uint8_t *text = NULL;
    size_t size;
    json_t *root = NULL;

    TRY(dms_file_read(&text, &size, path, REPORT_BYTES_MAX, err));
    TRY(dms_json_parse(&root, (const char *)text, path, err));
    for (int k = 0; k < dms_label_set_count(set); k++) {
        const char *code = dms_label_set_code(set, k);
        const json_t *value = json_object_get(
            json_object_get(json_object_get(root, "labels"), code),
            "threshold");

        thresholds[k] = json_is_number(value) ? json_number_value(value) : -1;
        if (!(thresholds[k] >= 0 && thresholds[k] <= 1)) {
            st = dms_fail(err, DMS_EFORMAT,
                          "%s: there is no threshold of label %s, expected a "
                          "report of 'dmsnet evaluate'",
                          path, code);
            goto done;
        }
    }
done:
    json_decref(root);
    dms_free(text);
    return st;
}
