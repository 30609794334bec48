/* Small files of torch.save's two forms. Include behind cmocka.h. */
#ifndef DMS_TESTS_TORCH_FILES_H
#define DMS_TESTS_TORCH_FILES_H

#include "formats/torch_pth.h"
#include "torch_writer.h"

static const float twelve[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

/* A zip whose data.pkl is object, with storage "0" of twelve floats. */
static inline dms_strbuf zip_of(const dms_strbuf *object)
{
    const zip_part parts[] = {
        {"m/data.pkl", object->data, object->len},
        {"m/byteorder", "little", 6},
        {"m/data/0", twelve, sizeof twelve},
        {"m/version", "3\n", 2},
        {"m/.format_version", "1", 1},
        {"m/.storage_alignment", "64", 2},
        {"m/.data/serialization_id", "0123456789", 10},
    };
    dms_strbuf zip;

    dms_strbuf_init(&zip);
    put_zip(&zip, parts, sizeof parts / sizeof parts[0]);
    assert_false(zip.failed);
    return zip;
}

/* The legacy stream around the same. */
static inline dms_strbuf stream_of(const dms_strbuf *object)
{
    dms_strbuf sb;

    dms_strbuf_init(&sb);
    PUT(&sb, "\x80\2\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\2M\xe9\3.");
    PUT(&sb, "\x80\2}X\x0d\0\0\0little_endian\x88s.");
    dms_strbuf_add(&sb, object->data, object->len);
    PUT(&sb, "\x80\2]X\1\0\0\0"
             "0a.");
    put_le(&sb, 12, 8);
    dms_strbuf_add(&sb, twelve, sizeof twelve);
    return sb;
}

static inline dms_strbuf object_begin(void)
{
    dms_strbuf sb;

    dms_strbuf_init(&sb);
    PUT(&sb, "\x80\2}(");
    return sb;
}

static inline void add_tensor(dms_strbuf *sb, const char *name,
                              const tensor_call *t)
{
    put_text(sb, name);
    put_tensor(sb, t);
}

/* {"w": a tensor of twelve floats} */
static inline dms_strbuf one_tensor(const tensor_call *t)
{
    dms_strbuf sb = object_begin();

    add_tensor(&sb, "w", t);
    PUT(&sb, "u.");
    return sb;
}

static const tensor_call dense = {
    .elements = 12, .axes = 2, .shape = {3, 4}, .stride = {4, 1}};

static inline dms_torch_file *parse(const dms_strbuf *sb)
{
    dms_torch_file *file = NULL;
    dms_error err = {0};

    assert_true(dms_torch_recognise(sb->data, sb->len));
    if (dms_torch_parse(&file, sb->data, sb->len, "x.pth", &err) != DMS_OK)
        fail_msg("%s", err.message);
    return file;
}

#endif
