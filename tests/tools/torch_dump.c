/* What the reader of .pth files makes of one, for test_torch_pth.py.
 *
 *     torch_dump FILE         a line per tensor: name, dtype, shape, strided,
 *                             bytes
 *     torch_dump FILE OUT     its tensors as safetensors, float32
 *
 * A refusal is one line on stderr, and status 3. */
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "formats/safetensors.h"
#include "formats/tensor_file.h"

static void list(const dms_tensor_file *file)
{
    char shape[160];

    for (size_t i = 0; i < dms_tensor_file_count(file); i++) {
        const dms_tensor_view *view = dms_tensor_file_at(file, i);

        dms_shape_text(shape, sizeof shape, view->shape, view->axes);
        printf("%s\t%s\t%s\t%s\t%zu\n", view->name, dms_dtype_name(view->dtype),
               shape, view->strided ? "strided" : "dense", view->size);
    }
}

static dms_status convert(dms_tensor_view *out, const dms_tensor_view *view,
                          dms_error *err)
{
    size_t count = 1;
    float *values;

    for (int i = 0; i < view->axes; i++)
        count *= (size_t)view->shape[i];
    values = calloc(count + 1, sizeof *values);
    if (!values)
        return dms_fail_memory(err, view->name);
    *out = *view;
    out->dtype = DMS_DTYPE_F32;
    out->strided = false;
    out->data = values;
    out->size = count * sizeof *values;
    return dms_tensor_to_f32(values, view, err);
}

static dms_status write_floats(const char *path, const dms_tensor_file *file,
                               dms_error *err)
{
    dms_status st = DMS_OK;
    size_t count = dms_tensor_file_count(file);
    dms_tensor_view *views = calloc(count + 1, sizeof *views);

    for (size_t i = 0; views && i < count; i++)
        TRY(convert(&views[i], dms_tensor_file_at(file, i), err));
    TRY(dms_safetensors_write(path, views, count, NULL, 0, err));
done:
    for (size_t i = 0; views && i < count; i++)
        free((void *)(uintptr_t)views[i].data);
    free(views);
    return st;
}

int main(int argc, char **argv)
{
    const dms_tensor_file_wanted wanted = {"tensors", NULL};
    dms_tensor_file *file = NULL;
    dms_error err = {0};
    dms_status st;

    if (argc < 2)
        return 2;
    st = dms_tensor_file_open(&file, argv[1], &wanted, &err);
    if (st == DMS_OK && argc > 2)
        st = write_floats(argv[2], file, &err);
    else if (st == DMS_OK)
        list(file);
    dms_tensor_file_close(file);
    if (st != DMS_OK)
        fprintf(stderr, "%s\n", err.message);
    return st == DMS_OK ? 0 : 3;
}
