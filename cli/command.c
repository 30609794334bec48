/* The options that every verb has. */
#include "command.h"

static const cli_common common_defaults = {.help = false};

/* `config` is last, so that the shorter table is a part of the longer one. */
static const dms_option common_options[] = {
    {.name = "help",
     .letter = 'h',
     .type = DMS_OPTION_FLAG,
     .section = "Common options",
     DMS_OPTION_FIELD(cli_common, help),
     .help = "show this help and exit"},
    {.name = "log",
     .type = DMS_OPTION_TEXT,
     .unit = "LEVEL|FILE",
     DMS_OPTION_FIELD(cli_common, log),
     .help = "lowest level of messages to show on standard error: error, "
             "warning, info (the default) or debug; any other word names a "
             "file to which all messages are appended with their time"},
    {.name = "config",
     .type = DMS_OPTION_TEXT,
     .unit = "FILE",
     DMS_OPTION_FIELD(cli_common, config),
     .help = "YAML file of options under their long names; the command line "
             "overrides it"}};

static const dms_option_table common_table = {
    common_options, 2, &common_defaults, sizeof(cli_common)};
static const dms_option_table common_table_config = {
    common_options, 3, &common_defaults, sizeof(cli_common)};

const dms_option_table *cli_common_table(bool with_config)
{
    return with_config ? &common_table_config : &common_table;
}

int cli_command_tables(const cli_command *command)
{
    int count = 0;

    while (command->tables[count].options != NULL ||
           command->tables[count].get != NULL)
        count++;
    return count;
}

bool cli_command_has_config(const cli_command *command)
{
    for (int i = 0; i < cli_command_tables(command); i++)
        if (command->tables[i].section != NULL)
            return true;
    return false;
}

const dms_option_table *cli_command_table(const cli_command *command, int i)
{
    int own = cli_command_tables(command);
    const cli_table *table = &command->tables[i < own ? i : 0];

    if (i >= own)
        return i > own ? NULL
                       : cli_common_table(cli_command_has_config(command));
    return table->options != NULL ? table->options : table->get();
}
