/* A photograph's identity and appearance, from its decoded pixels: used to find
 * duplicates and for `data check`. */
#ifndef DMS_DATA_FINGERPRINT_H
#define DMS_DATA_FINGERPRINT_H

#include "dms/data.h"

typedef struct dms_fingerprint {
    size_t eye;   /* 2 * patient + eye */
    bool present; /* the table names a photograph that exists */
    bool readable;
    uint64_t digest; /* dms_image_digest */
    int width, height;
    int further_pages; /* of a TIFF file; they are not read */
    double mean;       /* grey level, 0 to 255 */
    double deviation;  /* of the grey levels */
    dms_field field;
    char message[400]; /* why it is missing or unreadable */
} dms_fingerprint;

/* Decode every photograph, in parallel, reporting progress. prints, out: one
 * per photograph that the table names, in the table's order; owned by the
 * caller (dms_free). */
dms_status dms_fingerprints_take(dms_fingerprint **prints, size_t *count,
                                 const dms_dataset *dataset,
                                 const dms_monitor *monitor, dms_error *err);

/* Sort by digest, then by eye, so that equal pictures are neighbours. */
void dms_fingerprints_sort(dms_fingerprint *prints, size_t count);

/* Are both readable, with the same pixels? */
bool dms_fingerprint_equal(const dms_fingerprint *a, const dms_fingerprint *b);

#endif
