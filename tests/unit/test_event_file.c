#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "alloc_fault.h"
#include "formats/event_file.h"
#include "formats/tfrecord.h"
#include "unit/event_reader.h"
#include "unit/own_folder.h"

static void crc32c_is_that_of_rfc_3720(void **state)
{
    static const struct {
        int first, step;
        uint32_t crc;
    } cases[] = {
        {0, 0, 0x8A9136AA},
        {0xFF, 0, 0x62A8AB43},
        {0, 1, 0x46DD794E},
        {31, -1, 0x113FDB5C},
    };
    uint8_t bytes[32];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int k = 0; k < 32; k++)
            bytes[k] = (uint8_t)(cases[i].first + k * cases[i].step);
        assert_int_equal(dms_crc32c(bytes, sizeof bytes), cases[i].crc);
    }
    assert_int_equal(dms_crc32c("123456789", 9), 0xE3069283);
    assert_int_equal(dms_crc32c(NULL, 0), 0);
}

/* The bytes with which TensorFlow's own event files begin. */
static void a_record_is_framed_as_tensorflow_does(void **state)
{
    static const uint8_t start[12] = {0x18, 0, 0,    0,    0,    0,
                                      0,    0, 0xA3, 0x7F, 0x4B, 0x22};
    uint8_t data[24] = {9};
    uint32_t crc = dms_tfrecord_mask(dms_crc32c(data, sizeof data));
    dms_strbuf out;
    dms_bytes b;

    (void)state;
    dms_strbuf_init(&out);
    dms_tfrecord_add(&out, data, sizeof data);
    assert_int_equal(out.len, 8 + 4 + 24 + 4);
    assert_memory_equal(out.data, start, sizeof start);
    assert_memory_equal(out.data + 12, data, sizeof data);
    b = dms_bytes_over(out.data + 36, 4);
    assert_int_equal(dms_bytes_u32le(&b), crc);
    dms_strbuf_release(&out);
}

static void what_is_written_reads_back(void **state)
{
    static const read_event given[] = {
        {.tag = "train/loss", .step = 1, .value = 0.5f},
        {.tag = "train/loss", .step = 2, .value = 0},
        {.tag = "validation_auc/\u4e2d\u6587",
         .step = INT64_C(1) << 40,
         .value = -1e-30f},
    };
    size_t count = sizeof given / sizeof *given;
    double before = (double)time(NULL);
    const char *deep = at("a/b");
    dms_event_file *file = NULL;
    read_events *back;

    (void)state;
    assert_int_equal(dms_event_file_create(&file, deep, 1, NULL), DMS_OK);
    back = read_event_folder(deep);
    assert_int_equal(back->count, 0);
    free(back);
    for (size_t i = 0; i < count; i++) {
        dms_event_file_scalar(file, given[i].tag, given[i].step,
                              (double)given[i].value);
        if (i != 1)
            assert_int_equal(dms_event_file_flush(file, NULL), DMS_OK);
    }
    dms_event_file_close(file);
    back = read_event_folder(deep);
    assert_int_equal(back->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(back->items[i].tag, given[i].tag);
        assert_int_equal(back->items[i].step, given[i].step);
        assert_true(back->items[i].value == given[i].value);
        assert_true(back->items[i].wall_time >= before &&
                    back->items[i].wall_time <= (double)time(NULL) + 1);
    }
    free(back);
}

/* Also within a second, and behind a file that a clock ahead has named. */
static void a_later_file_is_read_later_and_replaces_steps(void **state)
{
    read_events *back;

    (void)state;
    for (int64_t first = 1; first <= 3; first++) {
        dms_event_file *file = NULL;

        assert_int_equal(dms_event_file_create(&file, folder, first, NULL),
                         DMS_OK);
        for (int64_t step = first; step < first + 2; step++)
            dms_event_file_scalar(file, "x", step, (double)(10 * first));
        assert_int_equal(dms_event_file_flush(file, NULL), DMS_OK);
        dms_event_file_close(file);
        if (first == 2)
            put("events.out.tfevents.9000000007.elsewhere.1", "");
    }
    back = read_event_folder(folder);
    assert_int_equal(back->files, 4);
    assert_int_equal(back->count, 4);
    assert_int_equal(back->dropped, 2);
    for (size_t i = 0; i < 4; i++) {
        static const float expected[] = {10, 20, 30, 30};

        assert_int_equal(back->items[i].step, i + 1);
        assert_true(back->items[i].value == expected[i]);
    }
    free(back);
}

static void a_full_disk_is_an_error_that_names_the_file(void **state)
{
    struct rlimit old, small;
    dms_event_file *file = NULL;
    dms_error err = {0};

    (void)state;
    assert_int_equal(dms_event_file_create(&file, folder, 1, NULL), DMS_OK);
    for (int64_t step = 1; step < 100; step++)
        dms_event_file_scalar(file, "train/loss", step, 1);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old, small.rlim_cur = 1000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(dms_event_file_flush(file, &err), DMS_EIO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_non_null(strstr(err.message, "/events.out.tfevents."));
    assert_non_null(strstr(err.message, "cannot write"));
    dms_event_file_close(file);
}

static void a_lack_of_memory_is_reported_and_leaves_no_file(void **state)
{
    alloc_fault fault = {0};
    read_events *back;
    size_t whole = 0;

    (void)state;
    while (alloc_fault_next(&fault)) {
        dms_event_file *file = NULL;
        dms_status st = dms_event_file_create(&file, folder, 1, NULL);

        whole += st == DMS_OK;
        if (st == DMS_OK) {
            dms_event_file_scalar(file, "train/loss", 1, 1);
            st = dms_event_file_flush(file, NULL);
        }
        alloc_fault_end(&fault, st);
        dms_event_file_close(file);
    }
    back = read_event_folder(folder);
    assert_int_equal(back->files, whole);
    assert_int_equal(back->count, 1);
    free(back);
}

static void a_file_in_the_folders_place_is_an_error(void **state)
{
    const char *taken = put("taken", "x");
    dms_event_file *file = NULL;
    dms_error err = {0};

    (void)state;
    assert_int_equal(dms_event_file_create(&file, taken, 1, &err), DMS_EIO);
    assert_non_null(strstr(err.message, taken));
    assert_null(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_is_that_of_rfc_3720),
        cmocka_unit_test(a_record_is_framed_as_tensorflow_does),
        TEST_IN_FOLDER(what_is_written_reads_back),
        TEST_IN_FOLDER(a_later_file_is_read_later_and_replaces_steps),
        TEST_IN_FOLDER(a_full_disk_is_an_error_that_names_the_file),
        TEST_IN_FOLDER(a_lack_of_memory_is_reported_and_leaves_no_file),
        TEST_IN_FOLDER(a_file_in_the_folders_place_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
