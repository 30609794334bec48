/* `dmsnet models`: lists the shipped models. What a file is, the file says; how
 * good it is, its card says (models/README.md has the form of cards). */
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "formats/json.h"
#include "net/model.h"
#include "net/shipped.h"

enum { CARD_BYTES_MAX = 1 << 20, CELLS = 4 };

/* One model, all owned. */
typedef struct listed {
    const char *name; /* borrowed */
    char *file, *card;
    char *text; /* the card's content; NULL: there is no card */
    char sha256[DMS_SHA256_TEXT];
    long long bytes;
    dms_model *model;
} listed;

static dms_status read_card(listed *l, dms_error *err)
{
    struct stat info;
    uint8_t *data = NULL;
    size_t size;
    dms_status st = DMS_OK;

    if (stat(l->card, &info) == 0)
        st = dms_file_read(&data, &size, l->card, CARD_BYTES_MAX, err);
    l->text = (char *)data;
    return st;
}

static dms_status listed_open(listed *l, const dms_shipped *s, size_t i,
                              dms_error *err)
{
    struct stat info;
    dms_status st = DMS_OK;

    l->name = s->names[i];
    l->file = dms_shipped_path(s, l->name, ".safetensors");
    l->card = dms_shipped_path(s, l->name, ".md");
    if (!l->file || !l->card)
        return dms_fail_memory(err, "models");
    if (stat(l->file, &info) != 0)
        return dms_fail_errno(err, "%s: cannot open", l->file);
    l->bytes = (long long)info.st_size;
    TRY(dms_model_open(&l->model, l->file, NULL, err));
    TRY(dms_sha256_file(l->sha256, l->file, err));
    TRY(read_card(l, err));
done:
    return st;
}

/* A card is of the file whose digest it names. */
static bool has_card(const listed *l)
{
    return l->text && strstr(l->text, l->sha256);
}

/* A figure of a card: "macro AUC", "0.861", "0.840 to 0.881", "ODIR, ..." */
typedef struct figure {
    char *cells[CELLS]; /* owned */
} figure;

/* Split a line "| a | b | c | d |"; missing cells are "". */
static dms_status read_figure(figure *f, const char *line, size_t len,
                              dms_error *err)
{
    const char *at = line + 1, *end = line + len;

    for (int i = 0; i < CELLS; i++) {
        const char *bar = at < end ? memchr(at, '|', (size_t)(end - at)) : NULL;
        const char *to = bar ? bar : end, *cell = at;
        size_t cell_len = (size_t)(to - at);

        dms_utf8_trim(&cell, &cell_len);
        f->cells[i] = dms_strndup(cell, cell_len);
        if (!f->cells[i])
            return dms_fail_memory(err, "models");
        at = to < end ? to + 1 : end;
    }
    return DMS_OK;
}

/* The next row of the table under "## Figures", without the two rows of its
 * head. *at moves behind it. NULL: there is none. */
static const char *next_row(const char **at, size_t *len, size_t *rows)
{
    while (**at) {
        const char *line = *at;

        *len = strcspn(line, "\n");
        *at += *len + (line[*len] == '\n');
        if (line[0] == '#')
            return NULL; /* the next section */
        if (line[0] == '|' && ++*rows > 2)
            return line;
    }
    return NULL;
}

/* What is done with each figure. */
typedef void take_figure(void *user, const figure *f);

static dms_status each_figure(const listed *l, take_figure *take, void *user,
                              dms_error *err)
{
    static const char head[] = "\n## Figures\n";
    const char *card = has_card(l) ? l->text : NULL, *line;
    const char *at = card ? strstr(card, head) : NULL;
    size_t len, rows = 0;
    dms_status st = DMS_OK;

    if (!at)
        return DMS_OK;
    at += strlen(head);
    while (st == DMS_OK && (line = next_row(&at, &len, &rows))) {
        figure f = {{NULL}};

        st = read_figure(&f, line, len, err);
        if (st == DMS_OK)
            take(user, &f);
        for (int i = 0; i < CELLS; i++)
            dms_free(f.cells[i]);
    }
    return st;
}

static void print_figure(void *user, const figure *f)
{
    dms_strbuf_printf(user, "  %-10s %s", f->cells[0], f->cells[1]);
    if (*f->cells[2])
        dms_strbuf_printf(user, " (%s)", f->cells[2]);
    dms_strbuf_printf(user, ", %s\n", f->cells[3]);
}

static dms_status print_one(dms_strbuf *text, const listed *l, dms_error *err)
{
    const dms_model_config *config = &l->model->config;
    char labels[256];
    dms_status st;

    dms_label_set_text(labels, sizeof labels, config->labels);
    dms_strbuf_printf(
        text, "%s: %.1f MB, %s, width %d, %d px%s\n", l->name,
        (double)l->bytes / 1e6,
        dms_backbone_name(config->architecture.backbone),
        config->architecture.width, config->preprocess.size,
        dms_params_quantised(l->model->params) ? ", 8-bit integers" : "");
    dms_strbuf_printf(text, "  %-10s %s\n  %-10s %s\n  %-10s %s\n", "file",
                      l->file, "sha256", l->sha256, "labels", labels);
    st = each_figure(l, print_figure, text, err);
    dms_strbuf_printf(text, "  %-10s %s%s\n", "card",
                      l->text ? l->card : "none",
                      l->text && !has_card(l)
                          ? " (of another file: it does not have this SHA-256)"
                          : "");
    return st;
}

static void add_figure(void *user, const figure *f)
{
    json_t **figures = user;

    dms_json_append(figures,
                    json_pack("{s:o, s:o, s:o, s:o}", "figure",
                              dms_json_name(f->cells[0]), "value",
                              dms_json_name(f->cells[1]), "interval",
                              dms_json_name(f->cells[2]), "measured_on",
                              dms_json_name(f->cells[3])));
}

static dms_status add_one(json_t **list, const listed *l, dms_error *err)
{
    const dms_model_config *config = &l->model->config;
    json_t *figures = json_array(), *labels = json_array(), *one;
    dms_status st = each_figure(l, add_figure, &figures, err);

    for (int k = 0; k < dms_label_set_count(config->labels); k++)
        dms_json_append(&labels,
                        dms_json_name(dms_label_set_code(config->labels, k)));
    one = json_pack("{s:o, s:o, s:I, s:s, s:s, s:i, s:i, s:b}", "name",
                    dms_json_name(l->name), "file", dms_json_name(l->file),
                    "bytes", (json_int_t)l->bytes, "sha256", l->sha256,
                    "backbone",
                    dms_backbone_name(config->architecture.backbone), "width",
                    config->architecture.width, "size", config->preprocess.size,
                    "quantised", dms_params_quantised(l->model->params));
    dms_json_set(&one, "labels", labels);
    dms_json_set(&one, "card", dms_json_name(has_card(l) ? l->card : NULL));
    dms_json_set(&one, "figures", figures);
    dms_json_append(list, one);
    return st;
}

/* Opens one model after the other and adds it to text or to list. */
static dms_status list_all(dms_strbuf *text, json_t **list,
                           const dms_shipped *s, dms_error *err)
{
    dms_status st = DMS_OK;

    for (size_t i = 0; st == DMS_OK && i < s->count; i++) {
        listed l = {.name = NULL};

        st = listed_open(&l, s, i, err);
        if (st == DMS_OK)
            st = text ? print_one(text, &l, err) : add_one(list, &l, err);
        dms_free(l.file);
        dms_free(l.card);
        dms_free(l.text);
        dms_model_destroy(l.model);
    }
    return st;
}

static dms_status list_as_text(char **out, const dms_shipped *s, dms_error *err)
{
    dms_strbuf text;
    dms_status st;

    dms_strbuf_init(&text);
    if (s->count == 0) {
        dms_strbuf_puts(&text, "no model ships with this dmsnet; searched:\n");
        dms_shipped_searched(&text);
    }
    TRY(list_all(&text, NULL, s, err));
    *out = dms_strbuf_detach(&text);
    if (!*out)
        st = dms_fail_memory(err, "models");
done:
    dms_strbuf_release(&text);
    return st;
}

static dms_status list_as_json(char **out, const dms_shipped *s, dms_error *err)
{
    json_t *list = json_array();
    dms_status st;

    TRY(list_all(NULL, &list, s, err));
    *out = dms_json_dump(list, (dms_json_style){.indent = 2});
    if (!*out)
        st = dms_fail_memory(err, "models");
done:
    json_decref(list);
    return st;
}

dms_status dms_model_list(char **text, bool json, dms_error *err)
{
    dms_shipped s = {.folder = NULL};
    dms_status st;

    TRY(dms_shipped_read(&s, err));
    st = json ? list_as_json(text, &s, err) : list_as_text(text, &s, err);
done:
    dms_shipped_release(&s);
    return st;
}
