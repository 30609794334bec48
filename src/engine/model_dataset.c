/* Opens a data set as a model needs it. */
#include "engine/model_dataset.h"

#include <libgen.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "data/labels.h"
#include "engine/model_split.h"
#include "net/model.h"
#include "net/shipped.h"

/* Labels given by --labels must have the model's codes, but may be in another
 * column. Without it, the model's own labels are searched for. */
dms_status dms_model_dataset_open(dms_dataset **out, const dms_model_dataset *a,
                                  dms_error *err)
{
    const dms_label_set *own = a->model->config.labels;
    dms_label_set *asked = NULL;
    dms_dataset_options options = {.struct_size = sizeof options,
                                   .images = a->images[0] ? a->images : NULL,
                                   .labels = own,
                                   .monitor = a->monitor,
                                   .encoding = a->encoding,
                                   .split_ignored =
                                       dms_model_overrides_split(a->model)};
    dms_status st = DMS_OK;

    if (a->labels[0]) {
        TRY(dms_label_set_parse(&asked, a->labels, err));
        if (!dms_label_sets_same_codes(asked, own)) {
            char has[160], wants[160];

            dms_label_set_text(has, sizeof has, own);
            dms_label_set_text(wants, sizeof wants, asked);
            st = dms_fail(err, DMS_EMISMATCH,
                          "%s: is a model of the labels %s; --labels is %s",
                          a->path, has, wants);
            goto done;
        }
        options.labels = asked;
    }
    TRY(dms_dataset_open_with(out, a->data, &options, err));
done:
    dms_label_set_destroy(asked);
    return st;
}

dms_status dms_model_cache_folder(char **folder, const char *given,
                                  const char *otherwise, dms_error *err)
{
    char *file = NULL, *copy = NULL;
    const char *chosen = otherwise;
    dms_status st;

    TRY(dms_shipped_resolve(&file, given, err));
    copy = dms_strdup(given);
    if (copy && strcmp(file, given) == 0)
        chosen = dms_path_is_folder(given) ? given : dirname(copy);
    *folder = dms_strdup(access(chosen, W_OK) == 0 ? chosen : otherwise);
    if (!copy || !*folder)
        st = dms_fail_memory(err, given);
done:
    dms_free(file);
    dms_free(copy);
    return st;
}
