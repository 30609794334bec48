/* Decode a picture for tests/parity/test_jpeg.py.
 *
 * decode_driver FILE SIDE_MIN: "width height\n" and the raw RGB. */
#include <stdio.h>
#include <stdlib.h>

#include "dms/image.h"

int main(int argc, char **argv)
{
    dms_image image = {0};
    dms_error err = {0};

    if (argc != 3 ||
        dms_image_read(&image, argv[1], atoi(argv[2]), &err) != DMS_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    printf("%d %d\n", image.width, image.height);
    fwrite(image.rgb, 3, (size_t)image.width * (size_t)image.height, stdout);
    dms_image_release(&image);
    return 0;
}
