/* Frames records with their CRC32C. The table is our own: Debian 12 has that
 * checksum for C only within a library for storage servers, and a record has
 * some sixty bytes. */
#include "formats/tfrecord.h"

/* The remainders of all half bytes by the reversed Castagnoli polynomial
 * 0x82F63B78. */
static const uint32_t remainders[16] = {
    0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3,
    0x61C69362, 0x7198540D, 0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9,
    0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
};

uint32_t dms_crc32c(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ remainders[crc & 15];
        crc = crc >> 4 ^ remainders[crc & 15];
    }
    return ~crc;
}

uint32_t dms_tfrecord_mask(uint32_t crc)
{
    return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

static void add_little_endian(dms_strbuf *out, uint64_t value, size_t size)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
    dms_strbuf_add(out, bytes, size);
}

static void add_checksum(dms_strbuf *out, const void *data, size_t size)
{
    add_little_endian(out, dms_tfrecord_mask(dms_crc32c(data, size)), 4);
}

void dms_tfrecord_add(dms_strbuf *out, const void *data, size_t size)
{
    size_t at = out->len;

    add_little_endian(out, size, 8);
    if (!out->failed)
        add_checksum(out, out->data + at, 8);
    dms_strbuf_add(out, data, size);
    add_checksum(out, data, size);
}
