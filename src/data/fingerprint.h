/* A photograph's identity and look, from its decoded pixels: what finds
 * duplicates and what `data check` reports. */
#ifndef DMS_DATA_FINGERPRINT_H
#define DMS_DATA_FINGERPRINT_H

#include "dms/data.h"

typedef struct dms_fingerprint {
    size_t eye;   /* 2 * patient + eye */
    bool present; /* the table names a photograph that exists */
    bool readable;
    uint64_t digest; /* dms_image_digest */
    int width, height;
    int further_pages; /* of its TIFF, not read */
    double mean;       /* grey level, 0 to 255 */
    double deviation;  /* of the grey levels */
    dms_field field;
    char message[400]; /* why it is missing or unreadable */
} dms_fingerprint;

/* Decode every photograph, in parallel, with a bar. prints: one an eye that
 * the table names, in the table's order; owned by the caller (dms_free). */
dms_status dms_fingerprints_take(dms_fingerprint **prints, size_t *count,
                                 const dms_dataset *dataset,
                                 const dms_monitor *monitor, dms_error *err);

/* By identity, then by eye; so equal ones are neighbours. */
void dms_fingerprints_sort(dms_fingerprint *prints, size_t count);

/* Both readable and of the same pixels. */
bool dms_fingerprint_equal(const dms_fingerprint *a, const dms_fingerprint *b);

#endif
