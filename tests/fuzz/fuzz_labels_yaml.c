/* A YAML file of labels from anywhere: what is accepted is a label set within
 * the limits, which the form that stands in model files gives back. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/labels.h"
#include "formats/text_plain.h"
#include "net/label_set_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

static void must_be_sound(const dms_label_set *set)
{
    int count = dms_label_set_count(set);

    must(count >= 1 && count <= DMS_LABELS_MAX);
    must(dms_label_set_nothing_found(set) >= -1 &&
         dms_label_set_nothing_found(set) < count);
    for (int k = 0; k < count; k++) {
        const char *name = dms_label_set_name(set, k);

        must(dms_label_set_find(set, dms_label_set_code(set, k)) == k);
        must(dms_text_is_plain(name, strlen(name)));
    }
}

static void must_be_same(const dms_label_set *a, const dms_label_set *b)
{
    const char *one = dms_label_set_column(a), *other = dms_label_set_column(b);

    must(dms_label_sets_equal(a, b));
    must((one == NULL) == (other == NULL));
    must(!one || strcmp(one, other) == 0);
    for (int k = 0; k < dms_label_set_count(a); k++)
        must(strcmp(dms_label_set_name(a, k), dms_label_set_name(b, k)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dms_label_set *set = NULL, *again = NULL;
    dms_error err = {0};
    json_t *root;

    if (dms_label_set_parse_yaml(&set, data, size, "fuzz", &err) != DMS_OK) {
        must(err.code != DMS_OK && *err.message && !set);
        return 0;
    }
    must_be_sound(set);
    root = json_pack("{s:o}", "label_set", dms_label_set_json(set));
    must(root != NULL);
    must(dms_label_set_from_json(&again, root, dms_label_set_task(set), "again",
                                 &err) == DMS_OK);
    must_be_same(set, again);
    json_decref(root);
    dms_label_set_destroy(set);
    dms_label_set_destroy(again);
    return 0;
}
