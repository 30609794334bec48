/* Resize raw RGB for tests/parity/test_resize.py.
 *
 * stdin: lines of "width height out_width out_height filter l t r b\n", each
 * followed by width*height*3 bytes; stdout: the resized bytes of each. */
#include <stdio.h>

#include "base/alloc.h"
#include "dms/image.h"

static int one(void)
{
    dms_image src = {0}, out = {0};
    dms_box box;
    int width, height, filter;
    size_t bytes;
    dms_error err = {0};

    if (scanf("%d %d %d %d %d %lf %lf %lf %lf", &src.width, &src.height, &width,
              &height, &filter, &box.left, &box.top, &box.right,
              &box.bottom) != 9 ||
        getchar() != '\n')
        return -1;
    bytes = (size_t)src.width * (size_t)src.height * 3;
    src.rgb = dms_calloc(bytes, 1);
    if (!src.rgb || fread(src.rgb, 1, bytes, stdin) != bytes ||
        dms_image_resize(&out, &src, width, height, (dms_filter)filter, &box,
                         &err) != DMS_OK) {
        fprintf(stderr, "%s\n", err.message);
        dms_image_release(&src);
        return 1;
    }
    fwrite(out.rgb, 3, (size_t)width * (size_t)height, stdout);
    dms_image_release(&src);
    dms_image_release(&out);
    return 0;
}

int main(void)
{
    int status;

    while ((status = one()) == 0)
        ;
    return status > 0;
}
