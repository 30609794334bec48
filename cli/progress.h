/* The talk of the program on standard error: a bar with rate and time left on
 * a terminal, a plain line now and then elsewhere; messages; and signals. */
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

/* One line of talk at a level, as the library's messages. */
void cli_progress_say(cli_progress *progress, dms_log_level level,
                      const char *text);

/* text and the line's end, as base/name.h writes it: names are bytes, and none
 * of them steers the terminal or begins a line of its own. */
void cli_put_line(FILE *out, const char *text);

/* First SIGINT or SIGTERM: a wish to stop. The second ends the process. */
void cli_signals_catch(void);
bool cli_signals_caught(void);

#endif
