/* Options: one table describes the fields of a plain struct. All users of the
 * options read that table: the command line and its --help, the YAML file, the
 * completion script, the manual page, the run's record.
 *
 *     typedef struct fit { int epochs; char *out; } fit;
 *     static const fit fit_defaults = {.epochs = 60, .out = "run"};
 *     static const dms_option fit_options[] = {
 *         {.name = "epochs", .type = DMS_OPTION_INT, .min = 1, .max = 1000,
 *          DMS_OPTION_FIELD(fit, epochs), .help = "passes over the data"},
 *         {.name = "out", .letter = 'o', .type = DMS_OPTION_TEXT,
 *          DMS_OPTION_FIELD(fit, out), .unit = "DIR", .help = "run folder"},
 *     };
 *     static const dms_option_table fit_table = {
 *         fit_options, 2, &fit_defaults, sizeof(fit)};
 *
 * To use such a struct, with names, ranges and defaults taken from the table:
 *
 *     fit wanted;
 *
 *     if (dms_options_init(&wanted, &fit_table, &err) == DMS_OK)
 *         dms_options_set(&wanted, &fit_table, "epochs", "90", &err);
 *     printf("%d epochs into %s\n", wanted.epochs, wanted.out);
 *     dms_options_release(&wanted, &fit_table);
 *
 * The struct owns its texts: set copies them, release frees them. A plain copy
 * of the struct borrows them.
 *
 * Threads: every function here may be called from any thread at any time; only
 * one may write to a struct. */
#ifndef DMS_OPTION_H
#define DMS_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dms/status.h"

#include "dms/public_begin.h"

/* The C type of the field is in brackets. */
typedef enum dms_option_type {
    DMS_OPTION_FLAG,    /* [bool] true, false, yes, no, on, off */
    DMS_OPTION_INT,     /* [int] */
    DMS_OPTION_UINT64,  /* [uint64_t] */
    DMS_OPTION_REAL,    /* [double] finite */
    DMS_OPTION_CHOICE,  /* [int or enum] one word of a list, from 0 */
    DMS_OPTION_TEXT,    /* [char *] owned by the struct, never NULL; at most
                           DMS_OPTION_TEXT_MAX - 1 bytes */
    DMS_OPTION_DURATION /* [double] seconds: 90, 90s, 30m, 1h30m, 2d */
} dms_option_type;

/* The description of one field. Owns nothing; usually static const. */
typedef struct dms_option {
    const char *name; /* words joined by '-'; '_' is read as '-' */
    const char *help; /* no capital, no full stop; unit and range are added */
    const char *unit; /* "px", "epochs"; for a text its kind in capitals: FILE,
                       * DIR, TABLE ...; NULL: none */
    const char *section; /* heading printed before this option, or NULL */
    dms_option_type type;
    char letter;       /* 'o' for -o; 0: none */
    size_t offset;     /* of the field: see DMS_OPTION_FIELD */
    size_t capacity;   /* sizeof the field */
    double min, max;   /* inclusive; both 0: the type's range */
    bool above_min;    /* min itself is excluded */
    const char *word;  /* a word for word_value ("none", "auto"), or NULL; */
    double word_value; /* it may be outside the range */
    /* A choice's words: a list ended by NULL, or a function of 0, 1 ... that
     * returns NULL past the last word. */
    const char *const *choices;
    const char *(*choice)(int value);
    /* A choice that is a flag with more words: the first two are "false" and
     * "true". On a command line --name alone is true, and the word behind it is
     * its value only if it is one of the choice's. */
    bool flag;
} dms_option;

#define DMS_OPTION_FIELD(type_, member)                                        \
    .offset = offsetof(type_, member), .capacity = sizeof(((type_ *)0)->member)

typedef struct dms_option_table {
    const dms_option *options;
    size_t count;
    const void *defaults; /* a struct of that type; NULL texts mean "" */
    size_t size;          /* of the struct */
} dms_option_table;

/* Buffer size for any option's value as text, including the NUL. */
enum { DMS_OPTION_TEXT_MAX = 4096 };

/* Fill values, which may be uninitialised, with the defaults. The caller
 * releases it, also on failure (DMS_ENOMEM). */
dms_status dms_options_init(void *values, const dms_option_table *table,
                            dms_error *err);

/* Free the texts and set them to NULL. The struct itself is the caller's. */
void dms_options_release(void *values, const dms_option_table *table);

/* The option with that name; NULL if there is none. */
const dms_option *dms_option_find(const dms_option_table *table,
                                  const char *name);

/* The option with the nearest name by edit distance; NULL if none is near. */
const dms_option *dms_option_nearest(const dms_option_table *table,
                                     const char *name);

/* The number of single-letter insertions, removals, replacements and swaps of
 * neighbours that turn a into b; SIZE_MAX for words over 63 bytes. */
size_t dms_word_distance(const char *a, const char *b);

/* Is a near enough to b to be a typing error for it? */
bool dms_word_is_near(const char *a, const char *b);

/* Set one field from text, which is copied. On DMS_EINVAL, such as "size: 31 is
 * out of range, expected 32 to 2048 px", the field is unchanged. */
dms_status dms_option_set(void *values, const dms_option *option,
                          const char *text, dms_error *err);

/* The same by name; the error for an unknown name suggests the nearest one. */
dms_status dms_options_set(void *values, const dms_option_table *table,
                           const char *name, const char *text, dms_error *err);

/* The field's value as canonical text, which dms_option_set turns back into the
 * same value. Returns its length; cut at capacity - 1 like snprintf. */
size_t dms_option_get(char *text, size_t capacity, const void *values,
                      const dms_option *option);

/* Check a struct that was filled in by hand: DMS_EINVAL names the first field
 * whose value no text could have set. */
dms_status dms_options_check(const void *values, const dms_option_table *table,
                             dms_error *err);

/* The i-th word of a choice; NULL past the last. */
const char *dms_option_choice(const dms_option *option, int i);

/* The valid values as text: "32 to 2048 px", "above 0", "mscam or none", "". A
 * max of 1e9 or more is omitted. Returns like dms_option_get. */
size_t dms_option_range(char *text, size_t capacity, const dms_option *option);

/* Read a YAML mapping of option names to scalars into values.
 *
 * The mapping is flat, or it has one level of sections, of which only `section`
 * is read (NULL: flat only). Names may have '_' for '-'. In a text, \xE9 stands
 * for that byte, as names that are not UTF-8 are written. Errors, as
 * "file:line: key: ...": unknown names (with the nearest one), duplicate names,
 * values out of range, lists, aliases. values may be partly set on failure.
 * parse reads from memory; file is its name in messages. */
dms_status dms_options_read_yaml(void *values, const dms_option_table *table,
                                 const char *path, const char *section,
                                 dms_error *err);
dms_status dms_options_parse_yaml(void *values, const dms_option_table *table,
                                  const char *text, size_t size,
                                  const char *file, const char *section,
                                  dms_error *err);

/* All options as YAML text that the functions above read back to the same
 * struct, whatever bytes its texts hold; section as above (NULL: flat). Returns
 * the whole length; cut at capacity - 1 like snprintf. */
size_t dms_options_format_yaml(char *text, size_t capacity, const void *values,
                               const dms_option_table *table,
                               const char *section);

#include "dms/public_end.h"

#endif
