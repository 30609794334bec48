/* Builds ONNX messages and packs them. Relies on protobuf-c; no other file uses
 * it. */
#include "formats/onnx.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "onnx.pb-c.h"

enum { IR_VERSION = 8 };

/* The message tree. dms_calloc allocates every part, so that protobuf-c
 * releases the whole tree, except the borrowed data. */
struct dms_onnx {
    Onnx__ModelProto *model;
    bool *borrowed; /* per initializer */
    bool failed;    /* memory ran out */
};

/* Create a message with its own init function. */
#define NEW(onnx, type, init) ((type *)new_message(onnx, sizeof(type), init))

static void *new_message(dms_onnx *onnx, size_t size,
                         const ProtobufCMessageDescriptor *descriptor)
{
    void *message = dms_calloc(1, size);

    if (message)
        protobuf_c_message_init(descriptor, message);
    else
        onnx->failed = true;
    return message;
}

static char *copy_text(dms_onnx *onnx, const char *text)
{
    char *copy = dms_strdup(text);

    onnx->failed = onnx->failed || !copy;
    return copy;
}

/* Append item to a list whose capacity is the next power of two. If item is
 * NULL, its failure is already recorded. */
static bool append(dms_onnx *onnx, void *list, size_t *count, void *item)
{
    void **items;
    size_t room = *count;

    if (!item)
        return false;
    memcpy(&items, list, sizeof items);
    if ((room & (room - 1)) == 0) {
        void **more = dms_resize(items, room ? 2 * room : 1, sizeof *items);

        if (!more) {
            onnx->failed = true;
            return false;
        }
        items = more;
        memcpy(list, &items, sizeof items);
    }
    items[(*count)++] = item;
    return true;
}

static void release_message(void *allocator, void *memory)
{
    (void)allocator;
    dms_free(memory);
}

static void destroy_message(void *message)
{
    ProtobufCAllocator allocator = {.free = release_message};

    if (message)
        protobuf_c_message_free_unpacked(message, &allocator);
}

static void build_model(dms_onnx *onnx, const char *graph_name)
{
    Onnx__ModelProto *model =
        NEW(onnx, Onnx__ModelProto, &onnx__model_proto__descriptor);
    Onnx__OperatorSetIdProto *opset;

    onnx->model = model;
    if (!model)
        return;
    opset = NEW(onnx, Onnx__OperatorSetIdProto,
                &onnx__operator_set_id_proto__descriptor);
    if (append(onnx, &model->opset_import, &model->n_opset_import, opset)) {
        opset->has_version = 1;
        opset->version = DMS_ONNX_OPSET;
        opset->domain = copy_text(onnx, "");
    } else {
        destroy_message(opset);
    }
    model->has_ir_version = 1;
    model->ir_version = IR_VERSION;
    model->producer_name = copy_text(onnx, "dmsnet");
    model->producer_version = copy_text(onnx, dms_version());
    model->graph = NEW(onnx, Onnx__GraphProto, &onnx__graph_proto__descriptor);
    if (model->graph)
        model->graph->name = copy_text(onnx, graph_name);
}

dms_onnx *dms_onnx_create(const char *graph_name)
{
    dms_onnx *onnx = dms_calloc(1, sizeof *onnx);

    if (!onnx)
        return NULL;
    build_model(onnx, graph_name);
    if (onnx->failed) {
        dms_onnx_destroy(onnx);
        return NULL;
    }
    return onnx;
}

void dms_onnx_destroy(dms_onnx *onnx)
{
    Onnx__GraphProto *graph;

    if (!onnx)
        return;
    graph = onnx->model ? onnx->model->graph : NULL;
    for (size_t i = 0; graph && i < graph->n_initializer; i++)
        if (onnx->borrowed[i])
            graph->initializer[i]->raw_data = (ProtobufCBinaryData){0};
    destroy_message(onnx->model);
    dms_free(onnx->borrowed);
    dms_free(onnx);
}

static int32_t data_type(dms_onnx_type type)
{
    static const Onnx__TensorProto__DataType types[] = {
        [DMS_ONNX_F32] = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
        [DMS_ONNX_U8] = ONNX__TENSOR_PROTO__DATA_TYPE__UINT8,
        [DMS_ONNX_I8] = ONNX__TENSOR_PROTO__DATA_TYPE__INT8,
        [DMS_ONNX_I32] = ONNX__TENSOR_PROTO__DATA_TYPE__INT32,
        [DMS_ONNX_I64] = ONNX__TENSOR_PROTO__DATA_TYPE__INT64,
    };

    return types[type];
}

static size_t type_size(dms_onnx_type type)
{
    static const size_t sizes[] = {[DMS_ONNX_F32] = 4,
                                   [DMS_ONNX_U8] = 1,
                                   [DMS_ONNX_I8] = 1,
                                   [DMS_ONNX_I32] = 4,
                                   [DMS_ONNX_I64] = 8};

    return sizes[type];
}

static void add_dimension(dms_onnx *onnx, Onnx__TensorShapeProto *shape,
                          int64_t size)
{
    Onnx__TensorShapeProto__Dimension *dimension =
        NEW(onnx, Onnx__TensorShapeProto__Dimension,
            &onnx__tensor_shape_proto__dimension__descriptor);

    if (!append(onnx, &shape->dim, &shape->n_dim, dimension)) {
        destroy_message(dimension);
    } else if (size == DMS_ONNX_OPEN) {
        dimension->dim_param = copy_text(onnx, "N");
        dimension->value_case =
            ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
    } else {
        dimension->dim_value = size;
        dimension->value_case =
            ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
    }
}

static Onnx__TypeProto *new_type(dms_onnx *onnx, const dms_onnx_value *value)
{
    Onnx__TypeProto *type =
        NEW(onnx, Onnx__TypeProto, &onnx__type_proto__descriptor);
    Onnx__TypeProto__Tensor *tensor;

    if (!type)
        return NULL;
    tensor = NEW(onnx, Onnx__TypeProto__Tensor,
                 &onnx__type_proto__tensor__descriptor);
    type->tensor_type = tensor;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    if (!tensor)
        return type;
    tensor->has_elem_type = 1;
    tensor->elem_type = data_type(value->type);
    tensor->shape = NEW(onnx, Onnx__TensorShapeProto,
                        &onnx__tensor_shape_proto__descriptor);
    for (int i = 0; tensor->shape && i < value->axes; i++)
        add_dimension(onnx, tensor->shape, value->shape[i]);
    return type;
}

static void add_value(dms_onnx *onnx, Onnx__ValueInfoProto ***list,
                      size_t *count, const dms_onnx_value *value)
{
    Onnx__ValueInfoProto *info =
        NEW(onnx, Onnx__ValueInfoProto, &onnx__value_info_proto__descriptor);

    if (info) {
        info->name = copy_text(onnx, value->name);
        info->type = new_type(onnx, value);
    }
    if (!append(onnx, list, count, info))
        destroy_message(info);
}

void dms_onnx_input(dms_onnx *onnx, const dms_onnx_value *value)
{
    Onnx__GraphProto *graph = onnx->model->graph;

    add_value(onnx, &graph->input, &graph->n_input, value);
}

void dms_onnx_output(dms_onnx *onnx, const dms_onnx_value *value)
{
    Onnx__GraphProto *graph = onnx->model->graph;

    add_value(onnx, &graph->output, &graph->n_output, value);
}

static void add_texts(dms_onnx *onnx, char ***list, size_t *count,
                      const char *const *texts)
{
    for (; *texts; texts++) {
        char *copy = copy_text(onnx, *texts);

        if (!append(onnx, list, count, copy))
            dms_free(copy);
    }
}

void dms_onnx_add(dms_onnx *onnx, const dms_onnx_node *node)
{
    Onnx__GraphProto *graph = onnx->model->graph;
    Onnx__NodeProto *proto =
        NEW(onnx, Onnx__NodeProto, &onnx__node_proto__descriptor);

    if (proto) {
        proto->op_type = copy_text(onnx, node->op);
        proto->name = copy_text(onnx, node->name);
        add_texts(onnx, &proto->input, &proto->n_input, node->inputs);
        add_texts(onnx, &proto->output, &proto->n_output, node->outputs);
    }
    if (!append(onnx, &graph->node, &graph->n_node, proto))
        destroy_message(proto);
}

/* A new attribute of the last node; NULL on failure. */
static Onnx__AttributeProto *
new_attribute(dms_onnx *onnx, const char *name,
              Onnx__AttributeProto__AttributeType type)
{
    Onnx__GraphProto *graph = onnx->model->graph;
    Onnx__AttributeProto *attribute;
    Onnx__NodeProto *node;

    if (onnx->failed)
        return NULL;
    node = graph->node[graph->n_node - 1];
    attribute =
        NEW(onnx, Onnx__AttributeProto, &onnx__attribute_proto__descriptor);
    if (!append(onnx, &node->attribute, &node->n_attribute, attribute)) {
        destroy_message(attribute);
        return NULL;
    }
    attribute->name = copy_text(onnx, name);
    attribute->has_type = 1;
    attribute->type = type;
    return attribute;
}

void dms_onnx_int(dms_onnx *onnx, const char *name, int64_t value)
{
    Onnx__AttributeProto *attribute =
        new_attribute(onnx, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);

    if (attribute) {
        attribute->has_i = 1;
        attribute->i = value;
    }
}

void dms_onnx_float(dms_onnx *onnx, const char *name, float value)
{
    Onnx__AttributeProto *attribute =
        new_attribute(onnx, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);

    if (attribute) {
        attribute->has_f = 1;
        attribute->f = value;
    }
}

void dms_onnx_ints(dms_onnx *onnx, const char *name, const int64_t *values,
                   size_t count)
{
    Onnx__AttributeProto *attribute =
        new_attribute(onnx, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);

    if (!attribute)
        return;
    attribute->ints = dms_calloc(count, sizeof *values);
    if (attribute->ints) {
        memcpy(attribute->ints, values, count * sizeof *values);
        attribute->n_ints = count;
    } else {
        onnx->failed = true;
    }
}

bool dms_onnx_has_tensor(const dms_onnx *onnx, const char *name)
{
    const Onnx__GraphProto *graph = onnx->model->graph;

    for (size_t i = 0; i < graph->n_initializer; i++)
        if (graph->initializer[i]->name &&
            strcmp(graph->initializer[i]->name, name) == 0)
            return true;
    return false;
}

static bool mark_borrowed(dms_onnx *onnx, size_t index, bool borrowed)
{
    bool *marks = onnx->borrowed;

    if ((index & (index - 1)) == 0)
        marks = dms_resize(marks, index ? 2 * index : 1, sizeof *marks);
    if (!marks) {
        onnx->failed = true;
        return false;
    }
    onnx->borrowed = marks;
    marks[index] = borrowed;
    return true;
}

/* A new initializer, whose data the caller sets; NULL on failure. */
static Onnx__TensorProto *
new_tensor(dms_onnx *onnx, const dms_onnx_tensor *tensor, bool borrowed)
{
    Onnx__GraphProto *graph = onnx->model->graph;
    Onnx__TensorProto *proto =
        NEW(onnx, Onnx__TensorProto, &onnx__tensor_proto__descriptor);

    if (!proto || !mark_borrowed(onnx, graph->n_initializer, borrowed) ||
        !append(onnx, &graph->initializer, &graph->n_initializer, proto)) {
        destroy_message(proto);
        return NULL;
    }
    proto->name = copy_text(onnx, tensor->name);
    proto->has_data_type = 1;
    proto->data_type = data_type(tensor->type);
    proto->has_raw_data = 1;
    proto->raw_data.len = type_size(tensor->type);
    for (int i = 0; i < tensor->axes; i++)
        proto->raw_data.len *= (size_t)tensor->shape[i];
    proto->dims = dms_calloc((size_t)tensor->axes, sizeof *proto->dims);
    if (proto->dims) {
        proto->n_dims = (size_t)tensor->axes;
        memcpy(proto->dims, tensor->shape, proto->n_dims * sizeof(int64_t));
    } else {
        onnx->failed = true;
    }
    return proto;
}

void dms_onnx_borrow(dms_onnx *onnx, const dms_onnx_tensor *tensor,
                     const void *data)
{
    Onnx__TensorProto *proto = new_tensor(onnx, tensor, true);

    if (proto)
        proto->raw_data.data = (uint8_t *)(uintptr_t)data; /* never written */
}

void *dms_onnx_take(dms_onnx *onnx, const dms_onnx_tensor *tensor)
{
    Onnx__TensorProto *proto = new_tensor(onnx, tensor, false);

    if (!proto)
        return NULL;
    proto->raw_data.data = dms_calloc(proto->raw_data.len, 1);
    if (!proto->raw_data.data) {
        proto->raw_data.len = 0;
        onnx->failed = true;
    }
    return proto->raw_data.data;
}

void dms_onnx_shape(dms_onnx *onnx, const char *name, const int64_t *values,
                    size_t count)
{
    void *data =
        dms_onnx_take(onnx, &(dms_onnx_tensor){.name = name,
                                               .type = DMS_ONNX_I64,
                                               .axes = 1,
                                               .shape = {(int64_t)count}});

    if (data)
        memcpy(data, values, count * sizeof *values);
}

void dms_onnx_metadata(dms_onnx *onnx, const char *key, const char *value)
{
    Onnx__ModelProto *model = onnx->model;
    Onnx__StringStringEntryProto *entry =
        NEW(onnx, Onnx__StringStringEntryProto,
            &onnx__string_string_entry_proto__descriptor);

    if (entry) {
        entry->key = copy_text(onnx, key);
        entry->value = copy_text(onnx, value);
    }
    if (!append(onnx, &model->metadata_props, &model->n_metadata_props, entry))
        destroy_message(entry);
}

dms_status dms_onnx_write(dms_onnx *onnx, const char *path, dms_error *err)
{
    dms_status st;
    size_t size;
    uint8_t *bytes;

    if (onnx->failed)
        return dms_fail_memory(err, path);
    size = onnx__model_proto__get_packed_size(onnx->model);
    if (size > INT32_MAX)
        return dms_fail(err, DMS_ELIMIT,
                        "%s: %zu bytes; an ONNX file ends at 2 GiB", path,
                        size);
    bytes = dms_calloc(size, 1);
    if (!bytes)
        return dms_fail_memory(err, path);
    onnx__model_proto__pack(onnx->model, bytes);
    st = dms_file_write(path, bytes, size, err);
    dms_free(bytes);
    return st;
}
