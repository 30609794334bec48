/* Training augmentation: one affine pass for all geometry, then colour. The
 * result depends only on (seed, epoch, patient, eye) and the settings. */
#ifndef DMS_IMAGE_AUGMENT_H
#define DMS_IMAGE_AUGMENT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct dms_augment {
    bool flip_horizontal; /* with probability 1/2 */
    bool flip_vertical;   /* with probability 1/2 */
    double rotation_deg;  /* uniform in +- */
    double scale;         /* factor uniform in 1 +- scale */
    double shift;         /* of the side, uniform in +- on both axes */
    double brightness;    /* factor uniform in 1 +- */
    double contrast;      /* factor uniform in 1 +-, about the mean grey */
    double saturation;    /* factor uniform in 1 +- */
    double gamma;         /* exponent uniform in exp(+-gamma) */
    double blur;          /* probability of a Gaussian, sigma 0.5..1.5 px */
    double cutout;        /* probability of one grey square of 1/8..1/4 side*/
    double colour;        /* each channel's factor uniform in 1 +- */
    double resolution;    /* probability of detail as of 1/4..2/3 the side */
} dms_augment;

typedef struct dms_augment_key {
    uint64_t seed;
    uint64_t epoch;
    uint64_t patient; /* hash of the id */
    int eye;          /* DMS_LEFT or DMS_RIGHT */
} dms_augment_key;

/* A square photograph. */
typedef struct dms_augment_source {
    const uint8_t *rgb; /* size*size*3 bytes */
    int size;
} dms_augment_source;

/* Draw src, augmented, on size*size pixels; the whole of src fills them. If
 * they are fewer than src's, each is the mean of n*n bilinear samples, n =
 * ceil(src->size / size), against aliasing.
 *
 * dst, scratch  size*size*3 bytes; no buffer overlaps another */
void dms_augment_apply(uint8_t *dst, uint8_t *scratch, int size,
                       const dms_augment_source *src,
                       const dms_augment *settings, const dms_augment_key *key);

#endif
