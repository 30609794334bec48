/* Completion for bash, generated from the tables: verbs, their options, the
 * words of choices, and files where a file is wanted. */
#include "help.h"

#include <string.h>

static const char head[] =
    "# bash completion for dmsnet; to use it:\n"
    "#   source <(dmsnet completion bash)\n"
    "_dmsnet()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
    "    local verb=${COMP_WORDS[1]} options= words=\n"
    "\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur=\n"
    "    elif [[ $prev == = ]]; then\n"
    "        prev=${COMP_WORDS[COMP_CWORD-2]}\n"
    "    fi\n";

static const char tail[] =
    "    if [[ $words == @file ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "    elif [[ $words == @dir ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n"
    "    elif [[ $words == @any ]]; then\n"
    "        COMPREPLY=()\n"
    "    elif [[ -n $words ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
    "    elif [[ $cur == -* ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
    "    else\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "    fi\n"
    "}\n"
    "complete -o filenames -F _dmsnet dmsnet\n";

/* A verb's first word, and whether another follows. */
static size_t first_word(const char *name, bool *more)
{
    size_t len = strcspn(name, " ");

    *more = name[len] != '\0';
    return len;
}

/* Does an earlier command have the same first word? */
static bool is_repeated(const cli_command *const *at)
{
    bool more;
    size_t len = first_word((*at)->name, &more);

    for (const cli_command *const *c = cli_commands; c < at; c++)
        if (strncmp((*c)->name, (*at)->name, len + more) == 0)
            return true;
    return false;
}

/* "train evaluate data ..." for the word after dmsnet. */
static void put_first_words(FILE *out)
{
    bool more;

    fputs("    if ((COMP_CWORD == 1)); then\n        words='--help --version",
          out);
    for (const cli_command *const *c = cli_commands; *c != NULL; c++)
        if (!is_repeated(c))
            fprintf(out, " %.*s", (int)first_word((*c)->name, &more),
                    (*c)->name);
    fputs("'\n    fi\n", out);
}

/* For `data`: the second word, and the two joined into $verb. */
static void put_second_words(FILE *out)
{
    fputs("    case $verb in\n", out);
    for (const cli_command *const *at = cli_commands; *at != NULL; at++) {
        bool more;
        size_t len = first_word((*at)->name, &more);

        if (!more || is_repeated(at))
            continue;
        fprintf(out, "    %.*s)\n        ((COMP_CWORD == 2)) && words='",
                (int)len, (*at)->name);
        for (const cli_command *const *c = at; *c != NULL; c++)
            if (strncmp((*c)->name, (*at)->name, len + 1) == 0)
                fprintf(out, "%s%s", c == at ? "" : " ", (*c)->name + len + 1);
        fputs("'\n        verb=\"$verb ${COMP_WORDS[2]}\"\n        ;;\n", out);
    }
    fputs("    esac\n", out);
}

/* How a value is completed: most texts are files. */
static const char *kind_of(const dms_option *option)
{
    static const char *const others[] = {"NAME", "LIST", "TEXT"};
    const char *value = cli_option_value(option);

    if (option->type != DMS_OPTION_TEXT)
        return "@any";
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (strcmp(value, others[i]) == 0)
            return "@any";
    return strcmp(value, "DIR") == 0 ? "@dir" : "@file";
}

static void put_values(FILE *out, const dms_option *option)
{
    const char *word;

    if (option->type == DMS_OPTION_FLAG || option->flag)
        return;
    fprintf(out, "        --%s", option->name);
    if (option->letter != 0)
        fprintf(out, "|-%c", option->letter);
    fputs(") words='", out);
    if (option->type == DMS_OPTION_CHOICE)
        for (int i = 0; (word = dms_option_choice(option, i)) != NULL; i++)
            fprintf(out, "%s%s", i == 0 ? "" : " ", word);
    else
        fputs(kind_of(option), out);
    fputs("' ;;\n", out);
}

static void put_command(FILE *out, const cli_command *command)
{
    const dms_option_table *table;

    fprintf(out, "    '%s')\n        options='", command->name);
    for (int i = 0; (table = cli_command_table(command, i)) != NULL; i++)
        for (size_t k = 0; k < table->count; k++) {
            const dms_option *option = &table->options[k];

            fprintf(out, "%s--%s%s", i + k == 0 ? "" : " ",
                    cli_option_is_on(option, table->defaults) ? "no-" : "",
                    option->name);
        }
    fputs("'\n        case $prev in\n", out);
    for (int i = 0; (table = cli_command_table(command, i)) != NULL; i++)
        for (size_t k = 0; k < table->count; k++)
            put_values(out, &table->options[k]);
    fputs("        esac\n        ;;\n", out);
}

void cli_completion_bash(FILE *out)
{
    fputs(head, out);
    put_first_words(out);
    put_second_words(out);
    fputs("    case $verb in\n", out);
    for (const cli_command *const *c = cli_commands; *c != NULL; c++)
        put_command(out, *c);
    fputs("    esac\n", out);
    fputs(tail, out);
}
