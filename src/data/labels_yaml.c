/* Reading a label set from a YAML document; relies on libyaml for the syntax
 * and on labels.c to check the set:
 *
 *     kind: one-of            # or any-of
 *     column: grade           # one-of; else a column of 0 and 1 per label
 *     ordered: true           # one-of with a column; the default there is true
 *     nothing-found: none
 *     labels:
 *       - code: none
 *         name: No retinopathy
 *       - mild                # a code that is its own name */
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "data/labels.h"

enum { FILE_MAX = 1 << 20 };

/* A document that is being read. All texts point into it. */
typedef struct reader {
    const char *path;
    yaml_document_t *document;
    dms_error *err;
    dms_label_options options;
    dms_label *list; /* owned: room for DMS_LABELS_MAX, options.count used */
    const char *nothing_found;
    bool has_kind, has_order;
} reader;

static dms_status refuse(const reader *r, const yaml_node_t *node,
                         const char *why)
{
    return dms_fail(r->err, DMS_EFORMAT, "%s:%zu: %s", r->path,
                    node->start_mark.line + 1, why);
}

/* The node's text; NULL: it is not a scalar, or contains a NUL byte. */
static const char *text_of(const yaml_node_t *node)
{
    const char *text;

    if (!node || node->type != YAML_SCALAR_NODE)
        return NULL;
    text = (const char *)node->data.scalar.value;
    return strlen(text) == node->data.scalar.length ? text : NULL;
}

static dms_status read_text(const char **text, const reader *r,
                            const yaml_node_t *node)
{
    *text = text_of(node);
    return *text ? DMS_OK : refuse(r, node, "expected a word or text");
}

static dms_status read_label(reader *r, const yaml_node_t *node)
{
    dms_status st = DMS_OK;
    dms_label *label = &r->list[r->options.count];

    *label = (dms_label){.code = text_of(node)};
    if (node->type == YAML_MAPPING_NODE) {
        for (const yaml_node_pair_t *p = node->data.mapping.pairs.start;
             p < node->data.mapping.pairs.top; p++) {
            const yaml_node_t *key =
                yaml_document_get_node(r->document, p->key);
            const yaml_node_t *value =
                yaml_document_get_node(r->document, p->value);
            const char *word = text_of(key);

            if (word && strcmp(word, "code") == 0)
                TRY(read_text(&label->code, r, value));
            else if (word && strcmp(word, "name") == 0)
                TRY(read_text(&label->name, r, value));
            else
                return refuse(r, key, "unknown key, expected code or name");
        }
    }
    if (!label->code)
        return refuse(r, node,
                      "a label is a code, or a mapping with code and "
                      "name");
    r->options.count++;
done:
    return st;
}

static dms_status read_labels(reader *r, const yaml_node_t *node)
{
    if (node->type != YAML_SEQUENCE_NODE)
        return refuse(r, node, "labels: expected a list");
    for (const yaml_node_item_t *item = node->data.sequence.items.start;
         item < node->data.sequence.items.top; item++) {
        dms_status st;

        if (r->options.count == DMS_LABELS_MAX)
            return refuse(r, node, "labels: more than 256 labels");
        st = read_label(r, yaml_document_get_node(r->document, *item));
        if (st != DMS_OK)
            return st;
    }
    return DMS_OK;
}

static dms_status read_kind(reader *r, const yaml_node_t *node)
{
    const char *text = text_of(node);

    if (text && strcmp(text, "one-of") == 0)
        r->options.task = DMS_TASK_SINGLE_LABEL;
    else if (text && strcmp(text, "any-of") == 0)
        r->options.task = DMS_TASK_MULTI_LABEL;
    else
        return refuse(r, node, "kind: expected one-of or any-of");
    r->has_kind = true;
    return DMS_OK;
}

static dms_status read_order(reader *r, const yaml_node_t *node)
{
    const char *text = text_of(node);
    bool yes = text && strcmp(text, "true") == 0;

    if (!yes && !(text && strcmp(text, "false") == 0))
        return refuse(r, node, "ordered: expected true or false");
    r->options.ordered = yes;
    r->has_order = true;
    return DMS_OK;
}

static dms_status read_entry(reader *r, const yaml_node_t *key,
                             const yaml_node_t *value)
{
    const char *word = text_of(key);

    if (word && strcmp(word, "kind") == 0)
        return read_kind(r, value);
    if (word && strcmp(word, "column") == 0)
        return read_text(&r->options.column, r, value);
    if (word && strcmp(word, "ordered") == 0)
        return read_order(r, value);
    if (word && strcmp(word, "nothing-found") == 0)
        return read_text(&r->nothing_found, r, value);
    if (word && strcmp(word, "labels") == 0)
        return read_labels(r, value);
    return refuse(r, key,
                  "unknown key, expected kind, column, ordered, nothing-found "
                  "or labels");
}

/* Create the set from what was read; its errors get the file's name in front.
 */
static dms_status finish(dms_label_set **out, reader *r,
                         const yaml_node_t *root)
{
    dms_error cause = {0};
    dms_status st;

    if (!r->has_kind)
        return refuse(r, root, "'kind' is missing, expected one-of or any-of");
    if (!r->has_order)
        r->options.ordered = r->options.column != NULL;
    for (int k = 0; r->nothing_found && k < r->options.count; k++)
        if (strcmp(r->list[k].code, r->nothing_found) == 0)
            r->options.nothing_found = k;
    if (r->nothing_found && r->options.nothing_found < 0)
        return dms_fail(r->err, DMS_EFORMAT,
                        "%s: nothing-found: '%.40s' is not one of the codes",
                        r->path, r->nothing_found);
    st = dms_label_set_create(out, &r->options, &cause);
    if (st == DMS_EINVAL)
        return dms_fail(r->err, DMS_EFORMAT, "%s: %s", r->path, cause.message);
    return st == DMS_OK ? st : dms_fail(r->err, st, "%s", cause.message);
}

static dms_status read_document(dms_label_set **out, reader *r)
{
    const yaml_node_t *root = yaml_document_get_root_node(r->document);
    dms_status st = DMS_OK;

    if (!root || root->type != YAML_MAPPING_NODE)
        return dms_fail(r->err, DMS_EFORMAT,
                        "%s: expected a mapping with kind and labels", r->path);
    for (const yaml_node_pair_t *p = root->data.mapping.pairs.start;
         p < root->data.mapping.pairs.top; p++)
        TRY(read_entry(r, yaml_document_get_node(r->document, p->key),
                       yaml_document_get_node(r->document, p->value)));
    TRY(finish(out, r, root));
done:
    return st;
}

static dms_status parse(dms_label_set **out, reader *r, const uint8_t *data,
                        size_t size)
{
    yaml_parser_t parser;
    yaml_document_t document;
    dms_status st;

    if (!yaml_parser_initialize(&parser))
        return dms_fail_memory(r->err, r->path);
    yaml_parser_set_input_string(&parser, data, size);
    if (yaml_parser_load(&parser, &document)) {
        r->document = &document;
        st = read_document(out, r);
        r->document = NULL;
        yaml_document_delete(&document);
    } else if (parser.error == YAML_MEMORY_ERROR) {
        st = dms_fail_memory(r->err, r->path);
    } else {
        st = dms_fail(r->err, DMS_EFORMAT, "%s:%zu: not YAML: %s", r->path,
                      parser.problem_mark.line + 1,
                      parser.problem ? parser.problem : "unreadable");
    }
    yaml_parser_delete(&parser);
    return st;
}

dms_status dms_label_set_parse_yaml(dms_label_set **out, const void *data,
                                    size_t size, const char *path,
                                    dms_error *err)
{
    reader r = {.path = path, .err = err};
    dms_status st;

    dms_label_options_init(&r.options, sizeof r.options);
    r.list = dms_calloc(DMS_LABELS_MAX, sizeof *r.list);
    if (!r.list)
        return dms_fail_memory(err, path);
    r.options.labels = r.list;
    st = parse(out, &r, data, size);
    dms_free(r.list);
    return st;
}

dms_status dms_label_set_read(dms_label_set **out, const char *path,
                              dms_error *err)
{
    dms_status st;
    uint8_t *data = NULL;
    size_t size = 0;

    TRY(dms_file_read(&data, &size, path, FILE_MAX, err));
    TRY(dms_label_set_parse_yaml(out, data, size, path, err));
done:
    dms_free(data);
    return st;
}
