/* The ONNX writer: what it wrote is read back by the schema's own parser. */
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
#include "base/alloc.h"
#include "base/file.h"
#include "formats/onnx.h"
#include "onnx.pb-c.h"

static const float weights[6] = {1.5F, -2, 3, 0, -0.0F, 1e-40F};

typedef struct files {
    char folder[32];
    char path[64];
} files;

static int make_folder(void **state)
{
    static files f;

    strcpy(f.folder, "/tmp/dms-onnx-XXXXXX");
    assert_non_null(mkdtemp(f.folder));
    snprintf(f.path, sizeof f.path, "%s/m.onnx", f.folder);
    *state = &f;
    return 0;
}

/* Nothing but the file itself may be left in the folder. */
static int remove_folder(void **state)
{
    const files *f = *state;

    unlink(f->path);
    return rmdir(f->folder);
}

/* One of everything: pixels -> Conv -> y. */
static void build(dms_onnx *onnx)
{
    float *scale;

    dms_onnx_input(onnx,
                   &(dms_onnx_value){.name = "pixels",
                                     .type = DMS_ONNX_U8,
                                     .axes = 4,
                                     .shape = {DMS_ONNX_OPEN, 3, 32, 33}});
    dms_onnx_add(onnx, &(dms_onnx_node){.op = "Conv",
                                        .name = "stem",
                                        .inputs = {"pixels", "w"},
                                        .outputs = {"y"}});
    dms_onnx_ints(onnx, "pads", (const int64_t[]){1, 2, 3, -4}, 4);
    dms_onnx_int(onnx, "group", INT64_MIN);
    dms_onnx_float(onnx, "epsilon", 1e-5F);
    dms_onnx_add(onnx, &(dms_onnx_node){.op = "Split",
                                        .name = "halves",
                                        .inputs = {"y"},
                                        .outputs = {"a", "b"}});
    dms_onnx_borrow(
        onnx,
        &(dms_onnx_tensor){
            .name = "w", .type = DMS_ONNX_F32, .axes = 2, .shape = {2, 3}},
        weights);
    scale = dms_onnx_take(
        onnx, &(dms_onnx_tensor){.name = "scale", .type = DMS_ONNX_F32});
    if (scale)
        *scale = 0.5F;
    dms_onnx_shape(onnx, "shape", (const int64_t[]){0, -1}, 2);
    dms_onnx_output(onnx, &(dms_onnx_value){.name = "a",
                                            .type = DMS_ONNX_F32,
                                            .axes = 2,
                                            .shape = {DMS_ONNX_OPEN, 8}});
    dms_onnx_metadata(onnx, "labels", "N,D");
    dms_onnx_metadata(onnx, "empty", "");
}

static Onnx__ModelProto *read_back(const char *path)
{
    dms_error err = {0};
    Onnx__ModelProto *model;
    uint8_t *data = NULL;
    size_t size = 0;

    assert_int_equal(dms_file_read(&data, &size, path, 1 << 20, &err), DMS_OK);
    model = onnx__model_proto__unpack(NULL, size, data);
    assert_non_null(model);
    dms_free(data);
    return model;
}

static Onnx__ModelProto *write_and_read(const char *path)
{
    dms_error err = {0};
    dms_onnx *onnx = dms_onnx_create("a graph");

    assert_non_null(onnx);
    build(onnx);
    assert_true(dms_onnx_has_tensor(onnx, "scale"));
    assert_false(dms_onnx_has_tensor(onnx, "pixels"));
    assert_int_equal(dms_onnx_write(onnx, path, &err), DMS_OK);
    dms_onnx_destroy(onnx);
    return read_back(path);
}

static void the_head_names_versions_and_producer(void **state)
{
    const files *f = *state;
    Onnx__ModelProto *model = write_and_read(f->path);

    assert_int_equal(model->ir_version, 8);
    assert_int_equal(model->n_opset_import, 1);
    assert_string_equal(model->opset_import[0]->domain, "");
    assert_int_equal(model->opset_import[0]->version, DMS_ONNX_OPSET);
    assert_string_equal(model->producer_name, "dmsnet");
    assert_string_equal(model->producer_version, dms_version());
    assert_string_equal(model->graph->name, "a graph");
    assert_int_equal(model->n_metadata_props, 2);
    assert_string_equal(model->metadata_props[0]->key, "labels");
    assert_string_equal(model->metadata_props[0]->value, "N,D");
    assert_string_equal(model->metadata_props[1]->value, "");
    onnx__model_proto__free_unpacked(model, NULL);
}

static void nodes_keep_their_order_names_and_attributes(void **state)
{
    const files *f = *state;
    Onnx__ModelProto *model = write_and_read(f->path);
    const Onnx__NodeProto *conv = model->graph->node[0];
    const Onnx__NodeProto *split = model->graph->node[1];

    assert_int_equal(model->graph->n_node, 2);
    assert_string_equal(conv->op_type, "Conv");
    assert_string_equal(conv->name, "stem");
    assert_int_equal(conv->n_input, 2);
    assert_string_equal(conv->input[1], "w");
    assert_int_equal(conv->n_output, 1);
    assert_int_equal(conv->n_attribute, 3);
    assert_string_equal(conv->attribute[0]->name, "pads");
    assert_int_equal(conv->attribute[0]->type,
                     ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    assert_int_equal(conv->attribute[0]->n_ints, 4);
    assert_int_equal(conv->attribute[0]->ints[3], -4);
    assert_int_equal(conv->attribute[1]->type,
                     ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    assert_true(conv->attribute[1]->i == INT64_MIN);
    assert_int_equal(conv->attribute[2]->type,
                     ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    assert_true(conv->attribute[2]->f == 1e-5F);
    assert_string_equal(split->op_type, "Split");
    assert_int_equal(split->n_output, 2);
    assert_string_equal(split->output[1], "b");
    assert_int_equal(split->n_attribute, 0);
    onnx__model_proto__free_unpacked(model, NULL);
}

static void tensors_keep_type_shape_and_bytes(void **state)
{
    const files *f = *state;
    Onnx__ModelProto *model = write_and_read(f->path);
    Onnx__TensorProto **tensors = model->graph->initializer;
    static const int64_t shape[] = {0, -1};
    static const float half = 0.5F;

    assert_int_equal(model->graph->n_initializer, 3);
    assert_string_equal(tensors[0]->name, "w");
    assert_int_equal(tensors[0]->data_type,
                     ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    assert_int_equal(tensors[0]->n_dims, 2);
    assert_int_equal(tensors[0]->dims[1], 3);
    assert_int_equal(tensors[0]->raw_data.len, sizeof weights);
    assert_memory_equal(tensors[0]->raw_data.data, weights, sizeof weights);
    assert_int_equal(tensors[1]->n_dims, 0);
    assert_int_equal(tensors[1]->raw_data.len, sizeof half);
    assert_memory_equal(tensors[1]->raw_data.data, &half, sizeof half);
    assert_int_equal(tensors[2]->data_type,
                     ONNX__TENSOR_PROTO__DATA_TYPE__INT64);
    assert_int_equal(tensors[2]->dims[0], 2);
    assert_memory_equal(tensors[2]->raw_data.data, shape, sizeof shape);
    for (int i = 0; i < 3; i++)
        assert_int_equal(tensors[i]->n_external_data, 0);
    onnx__model_proto__free_unpacked(model, NULL);
}

static void an_open_dimension_is_a_name(void **state)
{
    const files *f = *state;
    Onnx__ModelProto *model = write_and_read(f->path);
    const Onnx__TypeProto__Tensor *input =
        model->graph->input[0]->type->tensor_type;
    const Onnx__TypeProto__Tensor *output =
        model->graph->output[0]->type->tensor_type;

    assert_string_equal(model->graph->input[0]->name, "pixels");
    assert_int_equal(input->elem_type, ONNX__TENSOR_PROTO__DATA_TYPE__UINT8);
    assert_int_equal(input->shape->n_dim, 4);
    assert_string_equal(input->shape->dim[0]->dim_param, "N");
    assert_int_equal(input->shape->dim[3]->dim_value, 33);
    assert_int_equal(output->elem_type, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    assert_int_equal(output->shape->n_dim, 2);
    assert_string_equal(output->shape->dim[0]->dim_param, "N");
    onnx__model_proto__free_unpacked(model, NULL);
}

static void texts_are_copied(void **state)
{
    const files *f = *state;
    char name[] = "before";
    dms_onnx *onnx = dms_onnx_create(name);
    Onnx__ModelProto *model;

    assert_non_null(onnx);
    dms_onnx_add(onnx, &(dms_onnx_node){.op = name,
                                        .name = name,
                                        .inputs = {name},
                                        .outputs = {name}});
    dms_onnx_int(onnx, name, 1);
    dms_onnx_metadata(onnx, name, name);
    strcpy(name, "after");
    assert_int_equal(dms_onnx_write(onnx, f->path, NULL), DMS_OK);
    dms_onnx_destroy(onnx);
    model = read_back(f->path);
    assert_string_equal(model->graph->name, "before");
    assert_string_equal(model->graph->node[0]->op_type, "before");
    assert_string_equal(model->graph->node[0]->input[0], "before");
    assert_string_equal(model->graph->node[0]->attribute[0]->name, "before");
    assert_string_equal(model->metadata_props[0]->key, "before");
    onnx__model_proto__free_unpacked(model, NULL);
}

static void a_failed_allocation_is_an_error_and_no_leak(void **state)
{
    const files *f = *state;
    alloc_fault fault = {0};

    while (alloc_fault_next(&fault)) {
        dms_error err = {0};
        dms_onnx *onnx = dms_onnx_create("a graph");
        dms_status st = DMS_ENOMEM;

        unlink(f->path);
        if (onnx) {
            build(onnx);
            st = dms_onnx_write(onnx, f->path, &err);
            assert_true(st == DMS_OK || strstr(err.message, f->path));
        }
        alloc_fault_end_lenient(&fault, st); /* its folder may go unsynced */
        dms_onnx_destroy(onnx);
        assert_int_equal(access(f->path, F_OK) == 0, st == DMS_OK);
    }
    assert_true(fault.count > 80);
}

/* The data is never read: the sizes alone tell. */
static void two_gibibytes_are_refused_before_any_is_written(void **state)
{
    static const struct {
        int64_t shape[4];
    } cases[] = {{{1 << 29, 1, 1, 1}},
                 {{1 << 20, 1 << 12, 1, 1}},
                 {{INT64_C(1) << 40, 1 << 10, 1, 1}}};
    const files *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dms_error err = {0};
        dms_onnx *onnx = dms_onnx_create("large");
        dms_onnx_tensor tensor = {.name = "w", .type = DMS_ONNX_F32, .axes = 4};

        assert_non_null(onnx);
        memcpy(tensor.shape, cases[i].shape, sizeof tensor.shape);
        dms_onnx_borrow(onnx, &tensor, weights);
        assert_int_equal(dms_onnx_write(onnx, f->path, &err), DMS_ELIMIT);
        assert_non_null(strstr(err.message, f->path));
        assert_non_null(strstr(err.message, "2 GiB"));
        assert_int_equal(access(f->path, F_OK), -1);
        dms_onnx_destroy(onnx);
    }
}

static void a_path_that_cannot_be_written_is_named(void **state)
{
    const files *f = *state;
    dms_onnx *onnx = dms_onnx_create("a graph");
    char path[96];
    dms_error err = {0};

    snprintf(path, sizeof path, "%s/none/m.onnx", f->folder);
    assert_non_null(onnx);
    build(onnx);
    assert_int_equal(dms_onnx_write(onnx, path, &err), DMS_EIO);
    assert_non_null(strstr(err.message, path));
    dms_onnx_destroy(onnx);
}

#define IN_FOLDER(test)                                                        \
    cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(the_head_names_versions_and_producer),
        IN_FOLDER(nodes_keep_their_order_names_and_attributes),
        IN_FOLDER(tensors_keep_type_shape_and_bytes),
        IN_FOLDER(an_open_dimension_is_a_name),
        IN_FOLDER(texts_are_copied),
        IN_FOLDER(a_failed_allocation_is_an_error_and_no_leak),
        IN_FOLDER(two_gibibytes_are_refused_before_any_is_written),
        IN_FOLDER(a_path_that_cannot_be_written_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
