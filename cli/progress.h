/* Progress and messages on standard error, and signals. On a terminal progress
 * is a bar with rate and time left, elsewhere a line every few seconds. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdio.h>

#include "dms/monitor.h"
#include "dms/status.h"

typedef struct cli_progress {
    bool terminal;       /* stderr is one */
    bool drawn;          /* a bar stands on the terminal's last line */
    bool stop_said;      /* the user knows that the signal was seen */
    dms_log_level level; /* messages up to this one go to stderr */
    FILE *log;           /* all messages with their time, or NULL */
    char stage[64];
    size_t first;       /* units that were done when the stage began */
    double begun;       /* seconds of the monotonic clock */
    double shown;       /* when the stage was last shown */
    double shown_share; /* and how far it was, 0 to 1 */
} cli_progress;

/* log  --log's text: a level's name, "" (info), or a file to append to.
 * DMS_EIO when the file cannot be opened. */
dms_status cli_progress_open(cli_progress *progress, const char *log,
                             dms_error *err);

/* Ends the bar's line and closes the log; accepts a zeroed one. */
void cli_progress_close(cli_progress *progress);

/* Borrows progress. should_stop is true after SIGINT or SIGTERM. */
dms_monitor cli_progress_monitor(cli_progress *progress);

/* Print one message at a level, in the form of the library's messages. */
void cli_progress_say(cli_progress *progress, dms_log_level level,
                      const char *text);

/* Write text and a line end, text as base/name.h writes it: no byte of a name
 * controls the terminal or starts a new line. */
void cli_put_line(FILE *out, const char *text);

/* The first SIGINT or SIGTERM asks to stop, the second ends the process. */
void cli_signals_catch(void);
bool cli_signals_caught(void);

#endif
