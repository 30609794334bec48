#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc_fault.h"
#include "base/file.h"
#include "torch_files.h"

static void check_views(const dms_torch_file *file)
{
    static const float turned[12] = {0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11};
    static const float piece[4] = {5, 6, 9, 10};
    const dms_tensor_view *view;
    float values[12];

    assert_int_equal(dms_torch_count(file), 5);
    assert_null(dms_torch_at(file, 5));
    view = dms_torch_at(file, 0);
    assert_string_equal(view->name, "whole");
    assert_false(view->strided);
    assert_int_equal(view->size, sizeof twelve);
    assert_memory_equal(view->data, twelve, sizeof twelve);
    view = dms_torch_at(file, 1);
    assert_true(view->strided);
    assert_int_equal(view->stride[0], 1);
    assert_int_equal(view->stride[1], 4);
    assert_int_equal(view->size, sizeof twelve);
    assert_int_equal(dms_tensor_to_f32(values, view, NULL), DMS_OK);
    assert_memory_equal(values, turned, sizeof turned);
    view = dms_torch_at(file, 2);
    assert_true(view->strided);
    assert_int_equal(view->size, 7 * sizeof(float));
    assert_int_equal(dms_tensor_to_f32(values, view, NULL), DMS_OK);
    assert_memory_equal(values, piece, sizeof piece);
    view = dms_torch_at(file, 3); /* a size of 1: its stride says nothing */
    assert_false(view->strided);
    assert_int_equal(view->size, 4 * sizeof(float));
    assert_memory_equal(view->data, twelve + 4, view->size);
    view = dms_torch_at(file, 4);
    assert_false(view->strided);
    assert_int_equal(view->size, 0);
    assert_int_equal(view->shape[1], 0);
}

static void both_forms_give_views_of_their_bytes(void **state)
{
    dms_strbuf object = object_begin();
    dms_strbuf form[2];

    (void)state;
    add_tensor(&object, "whole", &dense);
    add_tensor(
        &object, "turned",
        &(tensor_call){
            .elements = 12, .axes = 2, .shape = {4, 3}, .stride = {1, 4}});
    add_tensor(&object, "piece",
               &(tensor_call){.elements = 12,
                              .first = 5,
                              .axes = 2,
                              .shape = {2, 2},
                              .stride = {4, 1}});
    add_tensor(&object, "row",
               &(tensor_call){.elements = 12,
                              .first = 4,
                              .axes = 2,
                              .shape = {1, 4},
                              .stride = {99, 1}});
    add_tensor(&object, "empty",
               &(tensor_call){.elements = 12,
                              .first = 12,
                              .axes = 2,
                              .shape = {3, 0},
                              .stride = {1, 1}});
    PUT(&object, "u.");
    form[0] = zip_of(&object);
    form[1] = stream_of(&object);
    for (int i = 0; i < 2; i++) {
        dms_torch_file *file = parse(&form[i]);

        check_views(file);
        dms_torch_close(file);
        dms_strbuf_release(&form[i]);
    }
    dms_strbuf_release(&object);
}

static void keys_of_nested_dicts_and_lists_join_with_points(void **state)
{
    static const char *const names[] = {"model.a.b", "list.1", "list.2.0",
                                        "state.7", "p"};
    dms_strbuf object = object_begin(), zip;
    dms_torch_file *file;

    (void)state;
    PUT(&object, "X\5\0\0\0model}X\1\0\0\0a}");
    add_tensor(&object, "b", &dense);
    PUT(&object, "ss");
    PUT(&object, "X\4\0\0\0list](K\1");
    put_tensor(&object, &dense);
    put_tensor(&object, &dense);
    PUT(&object, "\x85");
    PUT(&object, "e");
    PUT(&object, "X\5\0\0\0state}K\7");
    put_tensor(&object, &dense);
    PUT(&object, "s");
    PUT(&object, "X\5\0\0\0epochK\3X\4\0\0\0nameX\1\0\0\0xN");
    put_tensor(&object, &dense); /* of the key None: not nameable */
    PUT(&object, "X\1\0\0\0pctorch._utils\n_rebuild_parameter\n(");
    put_tensor(&object, &dense);
    PUT(&object, "\x88"
                 "ccollections\nOrderedDict\n)RtR");
    PUT(&object, "X\1\0\0\0sctorch\nSize\nK\1\x85\x85R");
    PUT(&object, "u.");
    zip = zip_of(&object);
    file = parse(&zip);
    assert_int_equal(dms_torch_count(file), 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(dms_torch_at(file, i)->name, names[i]);
    dms_torch_close(file);
    dms_strbuf_release(&zip);
    dms_strbuf_release(&object);
}

static void a_failed_allocation_is_an_error_and_no_leak(void **state)
{
    dms_strbuf object = one_tensor(&dense);
    dms_strbuf form[2] = {zip_of(&object), stream_of(&object)};

    (void)state;
    for (int i = 0; i < 2; i++) {
        alloc_fault fault = {0};

        while (alloc_fault_next(&fault)) {
            dms_torch_file *file = NULL;
            dms_error err = {0};
            dms_status st =
                dms_torch_parse(&file, form[i].data, form[i].len, "x", &err);

            alloc_fault_end(&fault, st);
            assert_true(st == DMS_OK || err.message[0] != '\0');
            dms_torch_close(file);
        }
        assert_true(fault.count > 8);
        dms_strbuf_release(&form[i]);
    }
    dms_strbuf_release(&object);
}

static void a_file_is_mapped_and_its_path_is_in_messages(void **state)
{
    char path[] = "/tmp/dms-test-pth-XXXXXX";
    dms_strbuf object = one_tensor(&dense);
    dms_strbuf zip = zip_of(&object);
    dms_torch_file *file = NULL;
    dms_error err = {0};
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(dms_file_write(path, zip.data, zip.len, &err), DMS_OK);
    assert_int_equal(dms_torch_open(&file, path, &err), DMS_OK);
    assert_memory_equal(dms_torch_at(file, 0)->data, twelve, sizeof twelve);
    dms_torch_close(file);
    assert_int_equal(dms_file_write(path, zip.data, zip.len - 1, &err), DMS_OK);
    assert_int_equal(dms_torch_open(&file, path, &err), DMS_EFORMAT);
    assert_non_null(strstr(err.message, path));
    unlink(path);
    err = (dms_error){0};
    assert_int_equal(dms_torch_open(&file, path, &err), DMS_EIO);
    dms_torch_close(NULL);
    dms_strbuf_release(&zip);
    dms_strbuf_release(&object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_give_views_of_their_bytes),
        cmocka_unit_test(keys_of_nested_dicts_and_lists_join_with_points),
        cmocka_unit_test(a_failed_allocation_is_an_error_and_no_leak),
        cmocka_unit_test(a_file_is_mapped_and_its_path_is_in_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
