/* From file to network input, one run per request: our side of
 * bench_images.py.
 *
 * stdin: "SIZE PATH\n"; stdout: "MS X Y RADIUS\n", the time and the field, or
 * "! MESSAGE\n". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dms/image.h"

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int answer(int size, const char *path)
{
    size_t count = (size_t)size * (size_t)size * 3;
    uint8_t *rgb = malloc(count);
    float *planes = malloc(count * sizeof *planes);
    dms_preprocess settings = dms_preprocess_default(size);
    dms_field field;
    dms_error err = {0};
    double start = now_ms();

    if (!rgb || !planes) {
        printf("! out of memory\n");
    } else if (dms_preprocess_file(rgb, &field, path, &settings, &err)) {
        printf("! %s\n", err.message);
    } else {
        dms_pixels_normalise(planes, rgb, size);
        printf("%.4f %.2f %.2f %.2f\n", now_ms() - start, field.center_x,
               field.center_y, field.radius);
    }
    free(rgb);
    free(planes);
    return fflush(stdout);
}

int main(void)
{
    char line[4096];
    int size, at;

    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%d %n", &size, &at) != 1 || size < 32 || size > 2048)
            return 1;
        if (answer(size, line + at) != 0)
            return 1;
    }
    return 0;
}
