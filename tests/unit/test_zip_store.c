#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc_fault.h"
#include "formats/zip_store.h"
#include "torch_writer.h"

static const zip_part parts[] = {
    {"m/data.pkl", "pickle", 6},
    {"m/data/0", "0123456789ab", 12},
    {"m/version", "3\n", 2},
};

static dms_strbuf archive(void)
{
    dms_strbuf sb;

    dms_strbuf_init(&sb);
    put_zip(&sb, parts, 3);
    assert_false(sb.failed);
    return sb;
}

/* Parse a copy of exactly size bytes, so that a sanitizer sees its end. */
static dms_status parse(dms_zip_store **out, uint8_t **copy, const void *data,
                        size_t size, dms_error *err)
{
    *copy = malloc(size ? size : 1);
    assert_non_null(*copy);
    memcpy(*copy, data, size);
    return dms_zip_store_create(out, *copy, size, "x.pth", err);
}

static void entries_are_found_by_name_where_they_lie(void **state)
{
    dms_strbuf sb = archive();
    dms_zip_store *zip = NULL;
    dms_error err = {0};
    const dms_zip_entry *entry;

    (void)state;
    assert_int_equal(dms_zip_store_create(&zip, sb.data, sb.len, "x.pth", &err),
                     DMS_OK);
    assert_int_equal(dms_zip_store_count(zip), 3);
    entry = dms_zip_store_find(zip, "m/data/0", 8);
    assert_non_null(entry);
    assert_int_equal(entry->size, 12);
    assert_memory_equal(entry->data, "0123456789ab", 12);
    assert_true((const char *)entry->data > sb.data);
    assert_int_equal(dms_zip_store_check(zip, entry, &err), DMS_OK);
    assert_null(dms_zip_store_find(zip, "m/data", 6));
    assert_null(dms_zip_store_at(zip, 3));
    dms_zip_store_destroy(zip);
    dms_strbuf_release(&sb);
}

enum { FROM_LOCAL, FROM_CENTRAL, FROM_END64, FROM_END };

/* The n-th place of a record's signature. */
static size_t record(const dms_strbuf *sb, int kind, int n)
{
    static const char *const signatures[] = {"PK\3\4", "PK\1\2", "PK\6\6",
                                             "PK\5\6"};

    for (size_t i = 0; i + 4 <= sb->len; i++)
        if (memcmp(sb->data + i, signatures[kind], 4) == 0 && n-- == 0)
            return i;
    fail_msg("no record %d", kind);
    return 0;
}

static void lies_are_refused_with_one_line(void **state)
{
    static const struct {
        const char *what;
        int record, nth;
        size_t at;
        int bytes;
        uint64_t value;
        const char *says;
    } cases[] = {
        {"method", FROM_CENTRAL, 0, 10, 2, 8, "contradicts the directory"},
        {"encrypted", FROM_CENTRAL, 1, 8, 2, 0x0809, "is encrypted"},
        {"packed size", FROM_CENTRAL, 1, 20, 4, 11, "two sizes differ"},
        {"local method", FROM_LOCAL, 1, 8, 2, 8, "contradicts the directory"},
        {"local flags", FROM_LOCAL, 1, 6, 2, 0, "contradicts the directory"},
        {"local size", FROM_LOCAL, 1, 22, 4, 11, "contradicts the directory"},
        {"local name", FROM_LOCAL, 1, 30, 1, 'x', "contradicts the directory"},
        {"local signature", FROM_LOCAL, 1, 0, 1, 'x', "no local header"},
        {"local name length", FROM_LOCAL, 1, 26, 2, 65535, "malformed local"},
        {"local extra", FROM_LOCAL, 0, 42, 2, 60, "malformed local"},
        {"offset beyond", FROM_CENTRAL, 1, 42, 4, 1 << 20, "begins after"},
        {"offset within", FROM_CENTRAL, 1, 42, 4, 3, "no local header"},
        {"two in one place", FROM_CENTRAL, 1, 42, 4, 0,
         "contradicts the directory"},
        {"absolute", FROM_CENTRAL, 0, 46, 1, '/', "not a name inside"},
        {"backslash", FROM_CENTRAL, 0, 47, 1, '\\', "not a name inside"},
        {"NUL", FROM_CENTRAL, 0, 47, 1, 0, "not a name inside"},
        {"line feed", FROM_CENTRAL, 0, 47, 1, '\n', "not a name inside"},
        {"no UTF-8", FROM_CENTRAL, 0, 47, 1, 0xff, "not a name inside"},
        {"parent", FROM_CENTRAL, 0, 46, 3, 0x2f2e2e, "not a name inside"},
        {"disk", FROM_CENTRAL, 0, 34, 2, 1, "directory is malformed"},
        {"comment", FROM_CENTRAL, 2, 32, 2, 9, "directory is malformed"},
        {"signature", FROM_CENTRAL, 1, 0, 1, 'x', "directory is malformed"},
        {"entries64", FROM_END64, 0, 32, 8, 4, "zip64"},
        {"both entries64", FROM_END64, 0, 24, 8, UINT64_MAX, "zip64"},
        {"offset64", FROM_END64, 0, 48, 8, UINT64_MAX - 7, "zip64"},
        {"size64", FROM_END64, 0, 40, 8, 1, "zip64"},
        {"length64", FROM_END64, 0, 4, 8, 45, "zip64"},
        {"entries", FROM_END, 0, 8, 4, 0x20002, "zip64"},
        {"disks", FROM_END, 0, 4, 2, 1, "several disks"},
        {"comment length", FROM_END, 0, 20, 2, 5, "without an end record"},
        {"locator", FROM_END, 0, (size_t)-12, 8, 0, "zip64"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dms_strbuf sb = archive();
        size_t at = record(&sb, cases[i].record, cases[i].nth) + cases[i].at;
        dms_zip_store *zip = NULL;
        dms_error err = {0};
        uint8_t *copy;
        dms_status st;

        for (int b = 0; b < cases[i].bytes; b++)
            sb.data[at + (size_t)b] = (char)(cases[i].value >> 8 * b);
        st = parse(&zip, &copy, sb.data, sb.len, &err);
        if (st == DMS_OK || !strstr(err.message, cases[i].says) ||
            strchr(err.message, '\n') || strncmp(err.message, "x.pth: ", 7))
            fail_msg("%s: said '%s', want '%s'", cases[i].what, err.message,
                     cases[i].says);
        free(copy);
        dms_strbuf_release(&sb);
    }
}

/* The directory's size lies, with and without the zip64 record agreeing. */
static void an_entry_larger_than_the_file_is_refused(void **state)
{
    dms_strbuf sb = archive();
    size_t at = record(&sb, FROM_CENTRAL, 1) + 20;
    dms_zip_store *zip = NULL;
    dms_error err = {0};

    (void)state;
    memset(sb.data + at, 0xfe, 8);
    assert_int_equal(dms_zip_store_create(&zip, sb.data, sb.len, "x", &err),
                     DMS_EFORMAT);
    assert_non_null(strstr(err.message, "reaches past"));
    dms_strbuf_release(&sb);
}

static void an_entry_over_the_next_one_is_refused(void **state)
{
    dms_strbuf sb = archive();
    size_t at = record(&sb, FROM_CENTRAL, 0) + 20;
    dms_zip_store *zip = NULL;
    dms_error err = {0};

    (void)state;
    sb.data[at] = sb.data[at + 4] = 40;
    assert_int_equal(dms_zip_store_create(&zip, sb.data, sb.len, "x", &err),
                     DMS_EFORMAT);
    assert_non_null(strstr(err.message, "overlaps"));
    dms_strbuf_release(&sb);
}

static void two_entries_of_one_name_are_refused(void **state)
{
    static const zip_part twice[] = {{"m/a", "1", 1}, {"m/a", "2", 1}};
    dms_strbuf sb;
    dms_zip_store *zip = NULL;
    dms_error err = {0};

    (void)state;
    dms_strbuf_init(&sb);
    put_zip(&sb, twice, 2);
    assert_int_equal(dms_zip_store_create(&zip, sb.data, sb.len, "x", &err),
                     DMS_EFORMAT);
    assert_string_equal(err.message, "x: entry 'm/a' is there twice");
    dms_strbuf_release(&sb);
}

static void a_compressed_entry_is_refused_when_it_is_used(void **state)
{
    dms_strbuf sb = archive();
    dms_zip_store *zip = NULL;
    dms_error err = {0};

    (void)state;
    sb.data[record(&sb, FROM_CENTRAL, 0) + 10] = 8;
    sb.data[record(&sb, FROM_LOCAL, 0) + 8] = 8;
    assert_int_equal(dms_zip_store_create(&zip, sb.data, sb.len, "x.pth", &err),
                     DMS_OK);
    assert_int_equal(dms_zip_store_check(
                         zip, dms_zip_store_find(zip, "m/data.pkl", 10), &err),
                     DMS_EFORMAT);
    assert_string_equal(err.message, "x.pth: entry 'm/data.pkl' is compressed "
                                     "(method 8): PyTorch stores");
    dms_zip_store_destroy(zip);
    dms_strbuf_release(&sb);
}

static void a_changed_byte_is_told_by_the_crc(void **state)
{
    dms_strbuf sb = archive();
    dms_zip_store *zip = NULL;
    dms_error err = {0};
    const dms_zip_entry *entry;

    (void)state;
    assert_int_equal(dms_zip_store_create(&zip, sb.data, sb.len, "x", &err),
                     DMS_OK);
    entry = dms_zip_store_find(zip, "m/data/0", 8);
    assert_non_null(entry);
    sb.data[(const char *)entry->data - sb.data] ^= 1;
    assert_int_equal(dms_zip_store_check(zip, entry, &err), DMS_EFORMAT);
    assert_non_null(strstr(err.message, "CRC-32"));
    dms_zip_store_destroy(zip);
    dms_strbuf_release(&sb);
}

static void bytes_before_or_behind_the_archive_are_refused(void **state)
{
    dms_strbuf sb = archive(), padded;
    dms_zip_store *zip = NULL;
    dms_error err = {0};

    (void)state;
    dms_strbuf_init(&padded);
    PUT(&padded, "#!/bin/sh\n");
    dms_strbuf_add(&padded, sb.data, sb.len);
    assert_int_not_equal(
        dms_zip_store_create(&zip, padded.data, padded.len, "x", &err), DMS_OK);
    PUT(&sb, "\0");
    assert_int_not_equal(dms_zip_store_create(&zip, sb.data, sb.len, "x", &err),
                         DMS_OK);
    dms_strbuf_release(&padded);
    dms_strbuf_release(&sb);
}

static void an_archive_cut_anywhere_is_refused(void **state)
{
    dms_strbuf sb = archive();

    (void)state;
    for (size_t len = 0; len < sb.len; len++) {
        dms_zip_store *zip = NULL;
        dms_error err = {0};
        uint8_t *copy;

        assert_int_not_equal(parse(&zip, &copy, sb.data, len, &err), DMS_OK);
        free(copy);
    }
    dms_strbuf_release(&sb);
}

/* Sizes of an entry in its zip64 extra fields, as for > 4 GiB. */
static void zip64_extra_fields_are_read(void **state)
{
    dms_strbuf sb;
    dms_zip_store *zip = NULL;
    dms_error err = {0};
    size_t directory;

    (void)state;
    dms_strbuf_init(&sb);
    PUT(&sb, "PK\3\4\x2d\0\0\0\0\0\0\0\0\0");
    put_le(&sb, crc32_z(0, (const uint8_t *)"hello", 5), 4);
    PUT(&sb, "\xff\xff\xff\xff\xff\xff\xff\xff\1\0\x14\0a");
    PUT(&sb, "\1\0\x10\0\5\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0hello");
    directory = sb.len;
    PUT(&sb, "PK\1\2\x2d\0\x2d\0\0\0\0\0\0\0\0\0");
    put_le(&sb, crc32_z(0, (const uint8_t *)"hello", 5), 4);
    PUT(&sb, "\xff\xff\xff\xff\xff\xff\xff\xff\1\0\x1c\0\0\0\0\0\0\0\0\0\0\0");
    PUT(&sb, "\xff\xff\xff\xff"
             "a\1\0\x18\0");
    PUT(&sb, "\5\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    PUT(&sb, "PK\5\6\0\0\0\0\1\0\1\0");
    put_le(&sb, sb.len - 12 - directory, 4);
    put_le(&sb, directory, 4);
    put_le(&sb, 0, 2);
    if (dms_zip_store_create(&zip, sb.data, sb.len, "x", &err) != DMS_OK)
        fail_msg("%s", err.message);
    assert_int_equal(dms_zip_store_at(zip, 0)->size, 5);
    assert_int_equal(dms_zip_store_check(zip, dms_zip_store_at(zip, 0), &err),
                     DMS_OK);
    dms_zip_store_destroy(zip);
    dms_strbuf_release(&sb);
}

static void a_failed_allocation_is_an_error_and_no_leak(void **state)
{
    dms_strbuf sb = archive();
    alloc_fault fault = {0};

    (void)state;
    while (alloc_fault_next(&fault)) {
        dms_zip_store *zip = NULL;

        alloc_fault_end(&fault,
                        dms_zip_store_create(&zip, sb.data, sb.len, "x", NULL));
        dms_zip_store_destroy(zip);
    }
    assert_true(fault.count > 2);
    dms_strbuf_release(&sb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_found_by_name_where_they_lie),
        cmocka_unit_test(lies_are_refused_with_one_line),
        cmocka_unit_test(an_entry_larger_than_the_file_is_refused),
        cmocka_unit_test(an_entry_over_the_next_one_is_refused),
        cmocka_unit_test(two_entries_of_one_name_are_refused),
        cmocka_unit_test(a_compressed_entry_is_refused_when_it_is_used),
        cmocka_unit_test(a_changed_byte_is_told_by_the_crc),
        cmocka_unit_test(bytes_before_or_behind_the_archive_are_refused),
        cmocka_unit_test(an_archive_cut_anywhere_is_refused),
        cmocka_unit_test(zip64_extra_fields_are_read),
        cmocka_unit_test(a_failed_allocation_is_an_error_and_no_leak),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
