/* SHA-256 against the examples of NIST (FIPS 180-4, CAVP). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/sha256.h"

static void published_digests_are_reproduced(void **state)
{
    static const struct {
        const char *text, *digest;
    } cases[] = {
        {"",
         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc",
         "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    char got[DMS_SHA256_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dms_sha256(got, cases[i].text, strlen(cases[i].text));
        assert_string_equal(got, cases[i].digest);
    }
}

static void a_million_letters_fill_many_blocks(void **state)
{
    enum { COUNT = 1000000 };
    char *text = dms_calloc(COUNT, 1), got[DMS_SHA256_TEXT];

    (void)state;
    assert_non_null(text);
    memset(text, 'a', COUNT);
    dms_sha256(got, text, COUNT);
    assert_string_equal(
        got,
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    dms_free(text);
}

static void a_file_has_the_digest_of_its_bytes(void **state)
{
    char path[] = "/tmp/dms_sha256_XXXXXX", got[DMS_SHA256_TEXT];
    int fd = mkstemp(path);
    dms_error err = {0};

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(dms_file_write(path, "abc", 3, NULL), DMS_OK);
    assert_int_equal(dms_sha256_file(got, path, NULL), DMS_OK);
    assert_memory_equal(got, "ba7816bf", 8);
    unlink(path);
    assert_int_equal(dms_sha256_file(got, path, &err), DMS_EIO);
    assert_non_null(strstr(err.message, path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_digests_are_reproduced),
        cmocka_unit_test(a_million_letters_fill_many_blocks),
        cmocka_unit_test(a_file_has_the_digest_of_its_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
