/* Splitting a command line into options and arguments. dms/option.h parses the
 * values. */
#include "args.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fail.h"

const char *const cli_split_words[] = {"all", "train", "val", "test", NULL};

/* An option as given; applied after the --config file was read. */
typedef struct cli_setting {
    const dms_option *option;
    void *values;
    const char *text;
} cli_setting;

/* The words not yet read. */
typedef struct cursor {
    char **words;
    int left;
} cursor;

static dms_status push(cli_args *args, int table, const dms_option *option,
                       const char *text)
{
    void *values = table < cli_command_tables(args->command)
                       ? args->values[table]
                       : &args->common;

    args->settings[args->settings_count++] =
        (cli_setting){option, values, text};
    return DMS_OK;
}

static const dms_option *find_long(const cli_command *command, const char *name,
                                   int *table)
{
    const dms_option_table *options;
    const dms_option *option;

    for (int i = 0; (options = cli_command_table(command, i)) != NULL; i++)
        if ((option = dms_option_find(options, name)) != NULL)
            return *table = i, option;
    return NULL;
}

static const dms_option *find_letter(const cli_command *command, char letter,
                                     int *table)
{
    const dms_option_table *options;

    for (int i = 0; (options = cli_command_table(command, i)) != NULL; i++)
        for (size_t k = 0; k < options->count; k++)
            if (options->options[k].letter == letter && letter != 0)
                return *table = i, &options->options[k];
    return NULL;
}

static dms_status unknown_option(const cli_command *command, const char *name,
                                 dms_error *err)
{
    const dms_option_table *options;
    const char *best = NULL;

    for (int i = 0; (options = cli_command_table(command, i)) != NULL; i++) {
        const dms_option *near = dms_option_nearest(options, name);

        if (near != NULL &&
            (best == NULL || dms_word_distance(name, near->name) <
                                 dms_word_distance(name, best)))
            best = near->name;
    }
    return cli_fail(err, DMS_EINVAL, "--%.80s: there is no such option%s%s%s",
                    name, best ? "; did you mean '--" : "", best ? best : "",
                    best ? "'?" : "");
}

static dms_status take_value(const char **text, cursor *c, const char *dashes,
                             const char *name, dms_error *err)
{
    if (c->left == 0)
        return cli_fail(err, DMS_EINVAL, "%s%s: needs a value", dashes, name);
    *text = *c->words++;
    c->left--;
    return DMS_OK;
}

static bool is_flag(const dms_option *option)
{
    return option->type == DMS_OPTION_FLAG || option->flag;
}

/* What a flag's name alone says: true, or of a flag with more words the next
 * word if it is one of them. */
static const char *take_flag(const dms_option *option, cursor *c)
{
    const char *word;

    for (int i = 0; option->flag && c->left > 0 &&
                    (word = dms_option_choice(option, i)) != NULL;
         i++)
        if (strcmp(word, *c->words) == 0)
            return c->left--, *c->words++;
    return "true";
}

/* word is "--name" or "--name=value", without its dashes. */
static dms_status read_long(cli_args *args, const char *word, cursor *c,
                            dms_error *err)
{
    dms_status st = DMS_OK;
    const char *equals = strchr(word, '=');
    const char *text = equals != NULL ? equals + 1 : NULL;
    size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);
    const dms_option *option;
    char name[64];
    int table;

    if (len >= sizeof(name))
        return unknown_option(args->command, word, err);
    memcpy(name, word, len);
    name[len] = '\0';
    option = find_long(args->command, name, &table);
    if (option == NULL && strncmp(name, "no-", 3) == 0 && text == NULL) {
        option = find_long(args->command, name + 3, &table);
        if (option != NULL && !is_flag(option))
            option = NULL;
        text = "false";
    }
    if (option == NULL)
        return unknown_option(args->command, name, err);
    if (text == NULL && is_flag(option))
        text = take_flag(option, c);
    if (text == NULL)
        TRY(take_value(&text, c, "--", option->name, err));
    TRY(push(args, table, option, text));
done:
    return st;
}

/* word is "-abc" without its dash: switches, the last may take a value. */
static dms_status read_letters(cli_args *args, const char *word, cursor *c,
                               dms_error *err)
{
    dms_status st = DMS_OK;
    char letter[2] = "";
    int table;

    for (; *word != '\0'; word++) {
        const dms_option *option = find_letter(args->command, *word, &table);
        const char *text = word + 1;

        letter[0] = *word;
        if (option == NULL)
            return cli_fail(err, DMS_EINVAL, "-%c: there is no such option",
                            *word);
        if (is_flag(option)) {
            TRY(push(args, table, option, "true"));
            continue;
        }
        if (*text == '\0')
            TRY(take_value(&text, c, "-", letter, err));
        TRY(push(args, table, option, text));
        break;
    }
done:
    return st;
}

static dms_status read_words(cli_args *args, cursor c, dms_error *err)
{
    dms_status st = DMS_OK;
    bool options = true;

    while (c.left > 0) {
        char *word = *c.words++;

        c.left--;
        if (!options || word[0] != '-' || word[1] == '\0')
            args->arguments[args->count++] = word;
        else if (strcmp(word, "--") == 0)
            options = false;
        else if (word[1] == '-')
            TRY(read_long(args, word + 2, &c, err));
        else
            TRY(read_letters(args, word + 1, &c, err));
    }
done:
    return st;
}

static dms_status apply(const cli_setting *setting, dms_error *err)
{
    dms_error cause = {0};

    if (dms_option_set(setting->values, setting->option, setting->text,
                       &cause) == DMS_OK)
        return DMS_OK;
    return cli_fail(err, cause.code, "--%s", cause.message);
}

static dms_status apply_settings(cli_args *args, bool common, dms_error *err)
{
    dms_status st = DMS_OK;

    for (int i = 0; i < args->settings_count; i++)
        if ((args->settings[i].values == &args->common) == common)
            TRY(apply(&args->settings[i], err));
done:
    return st;
}

static void release_values(cli_args *args)
{
    for (int i = 0; i < cli_command_tables(args->command); i++)
        if (args->values[i] != NULL)
            dms_options_release(args->values[i],
                                cli_command_table(args->command, i));
}

static dms_status fill_values(cli_args *args, dms_error *err)
{
    dms_status st = DMS_OK;

    for (int i = 0; i < cli_command_tables(args->command); i++)
        TRY(dms_options_init(args->values[i],
                             cli_command_table(args->command, i), err));
done:
    return st;
}

static dms_status read_config(cli_args *args, const char *path, dms_error *err)
{
    dms_status st = DMS_OK;
    const cli_command *command = args->command;

    for (int i = 0; i < cli_command_tables(command); i++)
        if (command->tables[i].section != NULL)
            TRY(dms_options_read_yaml(args->values[i],
                                      cli_command_table(command, i), path,
                                      command->tables[i].section, err));
done:
    return st;
}

/* Defaults, then the file, then the words. */
static dms_status set_values(cli_args *args, dms_error *err)
{
    dms_status st = DMS_OK;
    char path[DMS_OPTION_TEXT_MAX];

    TRY(apply_settings(args, true, err));
    TRY(apply_settings(args, false, err));
    strcpy(path, args->common.config);
    if (*path == '\0' && args->command->find_config != NULL)
        args->command->find_config(path, sizeof(path), args);
    if (*path == '\0')
        goto done;
    release_values(args);
    TRY(fill_values(args, err));
    TRY(read_config(args, path, err));
    TRY(apply_settings(args, false, err));
done:
    return st;
}

static dms_status check_count(const cli_args *args, dms_error *err)
{
    const cli_command *command = args->command;

    if (args->count < command->arguments_min)
        return cli_fail(err, DMS_EINVAL, "missing argument: expected %s",
                        command->arguments);
    if (args->count > command->arguments_max)
        return cli_fail(err, DMS_EINVAL, "unexpected argument '%.80s'%s%s",
                        args->arguments[command->arguments_max],
                        *command->arguments ? "; expected only " : "",
                        command->arguments);
    return DMS_OK;
}

/* Each letter of a bundle (-ab) is a setting, so bytes bound their number. */
static dms_status make_room(cli_args *args, cursor c, dms_error *err)
{
    size_t bytes = 0;

    for (int i = 0; i < c.left; i++)
        bytes += strlen(c.words[i]);
    args->settings = calloc(bytes + 1, sizeof(*args->settings));
    args->arguments = calloc((size_t)c.left + 1, sizeof(*args->arguments));
    if (args->settings == NULL || args->arguments == NULL)
        return cli_fail(err, DMS_ENOMEM, "out of memory (arguments)");
    for (int i = 0; i < cli_command_tables(args->command); i++) {
        args->values[i] = calloc(1, cli_command_table(args->command, i)->size);
        if (args->values[i] == NULL)
            return cli_fail(err, DMS_ENOMEM, "out of memory (options)");
    }
    return fill_values(args, err);
}

dms_status cli_args_parse(cli_args *args, const cli_command *command, int count,
                          char **words, dms_error *err)
{
    dms_status st = DMS_OK;
    cursor c = {words, count};

    *args = (cli_args){.command = command};
    TRY(dms_options_init(&args->common, cli_common_table(true), err));
    for (int i = 0; i < count && strcmp(words[i], "--") != 0; i++)
        if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0)
            return args->common.help = true, DMS_OK;
    TRY(make_room(args, c, err));
    TRY(read_words(args, c, err));
    TRY(set_values(args, err));
    TRY(check_count(args, err));
done:
    return st;
}

void cli_args_release(cli_args *args)
{
    release_values(args);
    dms_options_release(&args->common, cli_common_table(true));
    for (int i = 0; i < CLI_TABLES_MAX; i++)
        free(args->values[i]);
    free(args->settings);
    free(args->arguments);
    *args = (cli_args){.command = args->command};
}

bool cli_args_given(const cli_args *args, const char *name)
{
    for (int i = 0; i < args->settings_count; i++)
        if (strcmp(args->settings[i].option->name, name) == 0)
            return true;
    return false;
}

size_t cli_args_values(const char ***values, const cli_args *args,
                       const char *name)
{
    size_t count = 0;

    *values = calloc((size_t)args->settings_count + 1, sizeof(**values));
    for (int i = 0; *values != NULL && i < args->settings_count; i++) {
        const cli_setting *setting = &args->settings[i];

        if (strcmp(setting->option->name, name) == 0 && *setting->text != '\0')
            (*values)[count++] = setting->text;
    }
    return count;
}

dms_status cli_args_require(const char *value, const char *name,
                            const char *what, dms_error *err)
{
    if (*value != '\0')
        return DMS_OK;
    return cli_fail(err, DMS_EINVAL, "--%s is required: %s", name, what);
}

bool cli_args_same_file(const char *a, const char *b)
{
    struct stat x, y;

    return a[0] && (strcmp(a, b) == 0 ||
                    (stat(a, &x) == 0 && stat(b, &y) == 0 &&
                     x.st_dev == y.st_dev && x.st_ino == y.st_ino));
}
