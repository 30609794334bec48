/* A picture file from anywhere: decoded or refused, and always the same way.
 *
 * The same bytes give the same pixels or the same message, wherever they lie.
 * Only a JPEG is ever decoded smaller than it is, and never one that would
 * come out smaller than asked for; that is taken or refused, in the same words,
 * as at full size, though a decoder of our own does it. The field of view and
 * the model's input follow from whatever was decoded, and are those of the
 * file's bytes. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dms/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REDUCED = 3, SIDE = 32 };

typedef struct outcome {
    dms_image image;
    dms_error err;
} outcome;

/* From a copy that ends where the bytes do and begins at an odd address. */
static outcome decoded(const uint8_t *data, size_t size, int side_min)
{
    outcome o = {0};
    uint8_t *copy = malloc(size + 1);

    if (!copy)
        abort();
    memcpy(copy + 1, data, size);
    if (dms_image_decode(&o.image, copy + 1, size, "fuzz", side_min, &o.err) !=
        o.err.code)
        abort();
    if ((o.err.code == DMS_OK) != (o.image.rgb != NULL) ||
        (o.err.code == DMS_OK) != !o.err.message[0])
        abort();
    free(copy);
    return o;
}

static bool without_memory(const outcome *a, const outcome *b)
{
    return a->err.code == DMS_ENOMEM || b->err.code == DMS_ENOMEM;
}

static void assert_same_end(const outcome *a, const outcome *b)
{
    if (!without_memory(a, b) && (a->err.code != b->err.code ||
                                  strcmp(a->err.message, b->err.message) != 0))
        abort();
}

static void assert_same(const outcome *a, const outcome *b)
{
    assert_same_end(a, b);
    if (!a->image.rgb || !b->image.rgb)
        return;
    if (a->image.width != b->image.width ||
        a->image.height != b->image.height ||
        memcmp(a->image.rgb, b->image.rgb,
               (size_t)a->image.width * (size_t)a->image.height * 3) != 0)
        abort();
}

static int shorter_side(const dms_image *image)
{
    return image->width < image->height ? image->width : image->height;
}

/* At n eighths of the full size, rounded up, both sides by the same n. */
static void assert_reduced(const dms_image *small, const dms_image *full)
{
    int n = 1;

    while (n <= 8 && (small->width != (full->width * n + 7) / 8 ||
                      small->height != (full->height * n + 7) / 8))
        n++;
    if (n > 8 || (n < 8 && shorter_side(small) < REDUCED))
        abort();
}

static void compare_decodings(const uint8_t *data, size_t size,
                              const outcome *full, bool jpeg)
{
    int side = full->image.rgb ? shorter_side(&full->image) : SIDE;
    outcome again = decoded(data, size, 0);
    outcome whole = decoded(data, size, side);
    outcome small = decoded(data, size, REDUCED);
    outcome small_again = decoded(data, size, REDUCED);

    assert_same(full, &again);
    assert_same(full, &whole);
    assert_same(&small, &small_again);
    assert_same_end(full, &small);
    if (!jpeg)
        assert_same(full, &small);
    else if (full->image.rgb && small.image.rgb)
        assert_reduced(&small.image, &full->image);
    dms_image_release(&again.image);
    dms_image_release(&whole.image);
    dms_image_release(&small.image);
    dms_image_release(&small_again.image);
}

/* The model's input, from the file's bytes and from its pixels. Those of a
 * JPEG may be decoded no larger than needed. */
static void compare_inputs(const uint8_t *data, size_t size,
                           const dms_image *full, bool jpeg)
{
    static uint8_t of_bytes[SIDE * SIDE * 3], of_pixels[SIDE * SIDE * 3];
    dms_preprocess settings = dms_preprocess_default(SIDE);
    dms_photograph file = {data, size, 0, 0};
    dms_status a =
        dms_preprocess_memory(of_bytes, NULL, &file, "fuzz", &settings, NULL);
    dms_status b = dms_preprocess_image(of_pixels, NULL, full, &settings, NULL);

    if (a == DMS_ENOMEM || b == DMS_ENOMEM)
        return;
    if (a != DMS_OK || b != DMS_OK ||
        (!jpeg && memcmp(of_bytes, of_pixels, sizeof of_bytes) != 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    outcome full = decoded(data, size, 0);
    bool jpeg = size >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0;

    compare_decodings(data, size, &full, jpeg);
    if (full.image.rgb)
        compare_inputs(data, size, &full.image, jpeg);
    dms_image_release(&full.image);
    return 0;
}
