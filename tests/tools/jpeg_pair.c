/* Two ways through one JPEG, a round a request, for bench/bench_jpeg.py: our
 * scan decoder, and libjpeg's own scaled decoding. Which goes first changes
 * from round to round.
 *
 * stdin: "SIZE PATH\n"; stdout: one line, CPU times in ms of this one thread:
 *   ours: input decode, libjpeg: input decode, height and size of the decoded
 * "input" is from the file to the network's input, "decode" the decoding
 * alone, of bytes in memory, at the scale that preprocessing chose. "! MESSAGE"
 * where that cannot be, also when our decoder leaves the file to libjpeg. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "image/codec.h"

typedef struct buffers {
    uint8_t *rgb;
    float *planes;
} buffers;

typedef struct times {
    double input, decode;
    int height, full_height;
} times;

static double cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static dms_status take(times *out, const buffers *b, int size, const char *path,
                       bool alone, dms_error *err)
{
    dms_status st = DMS_OK;
    dms_preprocess settings = dms_preprocess_default(size);
    dms_codec_input in = {.name = path, .libjpeg_alone = alone};
    dms_picture picture = {0};
    uint8_t *data = NULL;
    double start = cpu_ms();

    TRY(dms_file_read(&data, &in.size, path, DMS_IMAGE_FILE_MAX, err));
    in.data = data;
    TRY(dms_preprocess_encoded(b->rgb, NULL, NULL, &in, &settings, err));
    dms_pixels_normalise(b->planes, b->rgb, size);
    out->input = cpu_ms() - start;
    start = cpu_ms();
    TRY(dms_picture_decode(&picture, &in, err));
    out->decode = cpu_ms() - start;
    if (picture.own_scan == alone)
        st = dms_fail(err, DMS_EINVAL, "%s: not decoded by %s", path,
                      alone ? "libjpeg" : "the scan decoder");
    out->height = picture.image.height, out->full_height = picture.full_height;
done:
    dms_image_release(&picture.image);
    dms_free(data);
    return st;
}

static int answer(int size, const char *path, bool alone_first)
{
    size_t count = (size_t)size * (size_t)size * 3;
    buffers b = {malloc(count), malloc(count * sizeof *b.planes)};
    times by[2]; /* ours, libjpeg's */
    dms_error err = {0};

    if (!b.rgb || !b.planes)
        printf("! no memory\n");
    else if (take(&by[alone_first], &b, size, path, alone_first, &err) ||
             take(&by[!alone_first], &b, size, path, !alone_first, &err))
        printf("! %s\n", err.message);
    else
        printf("%.4f %.4f %.4f %.4f %d %d\n", by[0].input, by[0].decode,
               by[1].input, by[1].decode, by[0].height, by[0].full_height);
    free(b.rgb);
    free(b.planes);
    return fflush(stdout);
}

int main(void)
{
    char line[4096];
    int size, at;

    for (bool alone_first = false; fgets(line, sizeof line, stdin);
         alone_first = !alone_first) {
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%d %n", &size, &at) != 1 || size < 32 ||
            size > 2048 || answer(size, line + at, alone_first) != 0)
            return 1;
    }
    return 0;
}
