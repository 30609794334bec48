/* --help: usage, what the verb does, and its options with units, ranges and
 * defaults, wrapped at 80 columns. */
#include "help.h"

#include <string.h>

enum {
    COLUMNS = 80,
    TEXT_COLUMN = 28,
    NAMES_MAX = 160,
    DESCRIPTION_MAX = 2048
};

const char *cli_option_value(const dms_option *option)
{
    switch (option->type) {
    case DMS_OPTION_FLAG:
        return "";
    case DMS_OPTION_INT:
    case DMS_OPTION_UINT64:
        return "N";
    case DMS_OPTION_REAL:
        return "X";
    case DMS_OPTION_DURATION:
        return "TIME";
    case DMS_OPTION_CHOICE:
        return option->flag ? "[=WORD]" : "WORD";
    case DMS_OPTION_TEXT:
        return option->unit != NULL ? option->unit : "TEXT";
    }
    return "";
}

bool cli_option_is_on(const dms_option *option, const void *defaults)
{
    return option->type == DMS_OPTION_FLAG &&
           *((const bool *)defaults + option->offset);
}

void cli_option_describe(char *text, size_t capacity, const dms_option *option,
                         const void *defaults)
{
    char range[1024], start[DMS_OPTION_TEXT_MAX];
    bool ranged = dms_option_range(range, sizeof(range), option) > 0;
    bool started;

    dms_option_get(start, sizeof(start), defaults, option);
    if (option->type == DMS_OPTION_FLAG && strcmp(start, "true") == 0)
        snprintf(start, sizeof(start), "on");
    /* Show a default unless it is empty or a switch that is off. */
    started =
        *start != '\0' && !((option->type == DMS_OPTION_FLAG || option->flag) &&
                            strcmp(start, "false") == 0);
    snprintf(text, capacity, "%s%s%s%s%s%s%s", option->help,
             ranged || started ? " (" : "", ranged ? range : "",
             ranged && started ? "; " : "", started ? "default " : "",
             started ? start : "", ranged || started ? ")" : "");
}

/* Print text from column `at`, its lines starting at column `indent`, and end
 * the line. "\n\n" in the text is an empty line. */
static void put_wrapped(FILE *out, const char *text, size_t at, size_t indent)
{
    bool fresh = true; /* no text stands on this line yet */

    if (at > 0 && at + 2 > indent) {
        fputc('\n', out);
        at = 0;
    }
    while (*text != '\0') {
        size_t len = strcspn(text, " \n");
        size_t breaks = strspn(text + len, "\n");

        if (!fresh && at + 1 + len > COLUMNS) {
            fputc('\n', out);
            at = 0, fresh = true;
        }
        if (fresh)
            at += (size_t)fprintf(out, "%*s", (int)(indent - at), "");
        at += (size_t)fprintf(out, "%s%.*s", fresh ? "" : " ", (int)len, text);
        fresh = false;
        for (size_t i = 0; i < breaks; i++)
            fputc('\n', out), at = 0, fresh = true;
        text += len + strspn(text + len, " \n");
    }
    fputc('\n', out);
}

static void put_option(FILE *out, const dms_option *option,
                       const void *defaults)
{
    char names[NAMES_MAX], description[DESCRIPTION_MAX];
    char letter[8] = "    ";
    const char *value = cli_option_value(option);
    int len;

    if (option->letter != 0)
        snprintf(letter, sizeof(letter), "-%c, ", option->letter);
    len = snprintf(names, sizeof(names), "  %s--%s%s%s%s", letter,
                   cli_option_is_on(option, defaults) ? "[no-]" : "",
                   option->name, *value && *value != '[' ? " " : "", value);
    fputs(names, out);
    cli_option_describe(description, sizeof(description), option, defaults);
    put_wrapped(out, description, (size_t)len, TEXT_COLUMN);
}

static void put_options(FILE *out, const cli_command *command)
{
    const dms_option_table *table;
    const char *section = "Options";

    for (int i = 0; (table = cli_command_table(command, i)) != NULL; i++)
        for (size_t k = 0; k < table->count; k++) {
            const dms_option *option = &table->options[k];

            if (option->section != NULL)
                section = option->section;
            if (section != NULL)
                fprintf(out, "\n%s:\n", section);
            section = NULL;
            put_option(out, option, table->defaults);
        }
}

void cli_help_command(FILE *out, const cli_command *command)
{
    fprintf(out, "Usage: dmsnet %s [OPTION]...%s%s\n\n", command->name,
            *command->arguments ? " " : "", command->arguments);
    put_wrapped(out, command->text, 0, 0);
    put_options(out, command);
}

void cli_help_verbs(FILE *out, const char *prefix)
{
    size_t len = prefix != NULL ? strlen(prefix) : 0;

    fprintf(out, "Usage: dmsnet %s%sVERB [OPTION]...\n\n",
            prefix != NULL ? prefix : "", prefix != NULL ? " " : "");
    if (prefix == NULL)
        put_wrapped(out,
                    "DMS-Net: predict findings, such as the eight of ODIR-5K, "
                    "from the fundus photographs of a patient's two eyes. A "
                    "research tool, not a medical device.",
                    0, 0);
    fprintf(out, "%sVerbs:\n", prefix == NULL ? "\n" : "");
    for (const cli_command *const *c = cli_commands; *c != NULL; c++) {
        const char *name = (*c)->name;

        /* "data check" is below "data" */
        if (prefix != NULL && (strncmp(name, prefix, len) != 0 ||
                               (name[len] != '\0' && name[len] != ' ')))
            continue;
        put_wrapped(out, (*c)->summary, (size_t)fprintf(out, "  %s", name), 20);
    }
    if (prefix != NULL)
        return;
    fputs("\nOptions:\n"
          "  --help            show this help; dmsnet VERB --help shows that "
          "verb's\n"
          "  --version         show the version\n\n"
          "Exit status: 0 success, 1 some inputs failed, 2 invalid usage, "
          "3 failure.\n",
          out);
}
