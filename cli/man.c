/* dmsnet(1) as groff -man source, generated from the tables. */
#include "help.h"

#include <string.h>

/* Text for roff: backslashes and hyphens are escaped, and no line starts a
 * request. */
static void put_roff(FILE *out, const char *text)
{
    bool line_start = true;

    for (; *text != '\0'; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            fputs("\\&", out);
        line_start = false;
        if (*text == '\\') {
            fputs("\\e", out);
        } else if (*text == '-') {
            fputs("\\-", out);
        } else if (*text == '\n' && text[1] == '\n') {
            fputs("\n.PP\n", out);
            text++;
            line_start = true;
        } else {
            fputc(*text, out);
            line_start = *text == '\n';
        }
    }
}

static void put_option(FILE *out, const dms_option *option,
                       const void *defaults)
{
    char text[2048];
    const char *value = cli_option_value(option);

    fputs(".TP\n", out);
    if (option->letter != 0)
        fprintf(out, "\\fB\\-%c\\fR, ", option->letter);
    fputs("\\fB\\-\\-", out);
    if (cli_option_is_on(option, defaults))
        fputs("[no\\-]", out);
    put_roff(out, option->name);
    fputs("\\fR", out);
    if (*value != '\0') {
        fputs(*value == '[' ? "\\fI" : " \\fI", out);
        put_roff(out, value);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    cli_option_describe(text, sizeof(text), option, defaults);
    put_roff(out, text);
    fputc('\n', out);
}

static void put_table(FILE *out, const dms_option_table *table, bool headings)
{
    for (size_t i = 0; i < table->count; i++) {
        const dms_option *option = &table->options[i];

        if (headings && option->section != NULL)
            fprintf(out, ".PP\n%s:\n", option->section);
        put_option(out, option, table->defaults);
    }
}

static void put_command(FILE *out, const cli_command *command)
{
    fputs(".SS dmsnet ", out);
    put_roff(out, command->name);
    fprintf(out, " %s\n", command->arguments);
    put_roff(out, command->text);
    fputc('\n', out);
    for (int i = 0; i < cli_command_tables(command); i++)
        put_table(out, cli_command_table(command, i), true);
}

void cli_man_write(FILE *out)
{
    fprintf(out, ".TH DMSNET 1 \"\" \"dmsnet %s\" \"User Commands\"\n",
            dms_version());
    fputs(
        ".SH NAME\n"
        "dmsnet \\- predict findings from the fundus photographs of two eyes\n"
        ".SH SYNOPSIS\n"
        ".B dmsnet\n.I VERB\n[\\fIOPTION\\fR]...\n"
        ".br\n.B dmsnet\n.RB [ \\-\\-help | \\-\\-version ]\n"
        ".SH DESCRIPTION\n"
        "Train, evaluate and use DMS\\-Net, a binocular classifier of fundus\n"
        "photographs: for the eight findings of ODIR\\-5K or labels of your "
        "own.\n"
        "A research tool, not a medical device.\n"
        ".PP\n"
        "Results are written to standard output, messages and progress to\n"
        "standard error.\n"
        ".SH VERBS\n",
        out);
    for (const cli_command *const *c = cli_commands; *c != NULL; c++)
        put_command(out, *c);
    fputs(".SH COMMON OPTIONS\n", out);
    put_table(out, cli_common_table(true), false);
    fputs("(\\-\\-config: only verbs that can read their options from a file)\n"
          ".SH EXIT STATUS\n"
          ".TP\n.B 0\nsuccess\n"
          ".TP\n.B 1\nsome inputs failed; the others were processed\n"
          ".TP\n.B 2\ninvalid usage: an option, its value or an argument\n"
          ".TP\n.B 3\nthe command failed or was stopped by a signal\n",
          out);
}
