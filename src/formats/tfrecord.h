/* TensorFlow's record files, to which event files belong: each record is a
 * length, its checksum, the data and their checksum. */
#ifndef DMS_FORMATS_TFRECORD_H
#define DMS_FORMATS_TFRECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* CRC32C (Castagnoli): RFC 3720, appendix B.4. Of 32 zero bytes 0x8A9136AA. */
uint32_t dms_crc32c(const void *data, size_t size);

/* A checksum as records hold it. Of data that contain checksums themselves a
 * bare CRC would say little: it is rotated right by 15 bits, and a constant is
 * added (tensorflow/tsl/lib/hash/crc32c.h). */
uint32_t dms_tfrecord_mask(uint32_t crc);

/* Append a record:
 *
 *     uint64  size of the data       all little-endian
 *     uint32  masked CRC of those 8 bytes
 *     byte    data[size]
 *     uint32  masked CRC of the data
 */
void dms_tfrecord_add(dms_strbuf *out, const void *data, size_t size);

#endif
