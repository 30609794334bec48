/* An eye's labels from its diagnostic keywords, by the rules of
 * docs/data-format.md in the same order. They reproduce 3,499 of ODIR-5K's
 * 3,500 official rows. Relies on keywords in English, separated by commas. */
#include <string.h>

#include "base/ascii.h"
#include "base/utf8.h"
#include "data/labels.h"
#include "dms/data.h"

#define FULLWIDTH_COMMA "\xef\xbc\x8c" /* U+FF0C */

enum { NO_LABEL = -1 };

typedef struct rule {
    const char *text;
    bool whole; /* true: the field equals text; false: it contains text */
    int label;
} rule;

static const rule rules[] = {
    {"anterior segment image", true, NO_LABEL},
    {"no fundus image", true, NO_LABEL},
    {"lens dust", true, NO_LABEL},
    {"optic disk photographically invisible", true, NO_LABEL},
    {"low image quality", true, NO_LABEL},
    {"image offset", true, NO_LABEL},
    {"normal fundus", true, DMS_ODIR_N},
    {"diabetic retinopathy", false, DMS_ODIR_D},
    {"proliferative retinopathy", false,
     DMS_ODIR_D}, /* non-proliferative too */
    {"glaucoma", false, DMS_ODIR_G},
    {"cataract", false, DMS_ODIR_C},
    {"age-related macular degeneration", false, DMS_ODIR_A},
    {"hypertensive retinopathy", false, DMS_ODIR_H},
    {"myopi", false, DMS_ODIR_M},
};

static bool contains(const char *field, size_t len, const char *text)
{
    size_t text_len = strlen(text);

    for (size_t i = 0; i + text_len <= len; i++)
        if (dms_ascii_same_start(field + i, text, text_len))
            return true;
    return false;
}

/* The first rule that matches; NULL: none does. */
static const rule *find_rule(const char *field, size_t len)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const rule *r = &rules[i];

        if (r->whole && len != strlen(r->text))
            continue;
        if (contains(field, len, r->text))
            return r;
    }
    return NULL;
}

/* Bytes before the next separator or the end; *skip, out: bytes of the
 * separator, 0 at the end. */
static size_t field_len(const char *text, size_t *skip)
{
    size_t len = 0;

    while (text[len] && text[len] != ',' &&
           strncmp(text + len, FULLWIDTH_COMMA, 3) != 0)
        len++;
    *skip = text[len] == '\0' ? 0 : text[len] == ',' ? 1 : 3;
    return len;
}

bool dms_keywords_label(uint8_t *labels, const char *keywords)
{
    bool any = false;
    bool finding = false;
    size_t skip = 1;

    memset(labels, 0, DMS_ODIR_LABELS);
    for (const char *at = keywords ? keywords : ""; skip > 0; at += skip) {
        size_t len = field_len(at, &skip);
        const char *field = at;
        size_t trimmed = len;
        int label = NO_LABEL;

        dms_utf8_trim(&field, &trimmed);
        if (trimmed > 0) {
            const rule *r = find_rule(field, trimmed);

            label = r ? r->label : DMS_ODIR_O;
        }
        if (label != NO_LABEL) {
            labels[label] = 1;
            any = true;
            finding |= label != DMS_ODIR_N;
        }
        at += len;
    }
    if (finding)
        labels[DMS_ODIR_N] = 0;
    return any;
}

/* Used to find a table's encoding, the one with most matches. Keywords are
 * ASCII, so they read the same in every encoding, but the full-width comma does
 * not: in a wrong encoding it turns into letters that join the keywords beside
 * it into one unknown field. Hence full-width commas count, too. */
size_t dms_keywords_known(const char *text, size_t len)
{
    static const char ends[] = ",;|\t\r\n\"";
    size_t known = 0, first = 0;

    for (size_t i = 0; i <= len; i++) {
        bool wide = len - i >= 3 && memcmp(text + i, FULLWIDTH_COMMA, 3) == 0;

        if (i < len && !wide && !memchr(ends, text[i], sizeof ends))
            continue;
        known += dms_ascii_is_all(text + first, i - first) &&
                 find_rule(text + first, i - first) != NULL;
        known += wide;
        first = i + (wide ? 3 : 1);
        i += wide ? 2 : 0;
    }
    return known;
}
