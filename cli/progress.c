/* Writing to standard error and to --log's file; remembers whether a bar
 * stands on the terminal's line. */
#include "progress.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/c_locale.h"
#include "base/name.h"
#include "base/number.h"
#include "fail.h"

/* Seconds between two drawings of a bar, and between two plain lines. */
static const double bar_interval = 0.1, line_interval = 5;

enum { BAR_CELLS = 24, COLUMNS_DEFAULT = 80, COLUMNS_MAX = 240 };

static const char *const level_words[] = {"error", "warning", "info", "debug"};

enum { LEVELS = sizeof(level_words) / sizeof(*level_words) };

static volatile sig_atomic_t stop_signal;

static void on_signal(int number)
{
    if (stop_signal != 0) {
        signal(number, SIG_DFL);
        raise(number); /* delivered when this handler returns */
    }
    stop_signal = number;
}

void cli_signals_catch(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool cli_signals_caught(void)
{
    return stop_signal != 0;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

dms_status cli_progress_open(cli_progress *progress, const char *log,
                             dms_error *err)
{
    *progress = (cli_progress){.level = DMS_LOG_INFO,
                               .terminal = isatty(STDERR_FILENO) == 1};
    for (int i = 0; i < LEVELS; i++)
        if (strcmp(log, level_words[i]) == 0)
            return progress->level = (dms_log_level)i, DMS_OK;
    if (*log == '\0')
        return DMS_OK;
    progress->log = fopen(log, "a");
    if (progress->log == NULL)
        return cli_fail(err, DMS_EIO, "%s: cannot open the log: %s", log,
                        dms_errno_text(errno));
    setvbuf(progress->log, NULL, _IOLBF, BUFSIZ);
    return DMS_OK;
}

void cli_progress_close(cli_progress *progress)
{
    if (progress->drawn)
        fputc('\n', stderr);
    if (progress->log != NULL)
        fclose(progress->log);
    *progress = (cli_progress){.level = progress->level};
}

void cli_put_line(FILE *out, const char *text)
{
    char shown[DMS_NAME_NEXT_MAX];

    while (*text != '\0') {
        text += dms_name_next(shown, text, true);
        fputs(shown, out);
    }
    fputc('\n', out);
}

static void write_log(FILE *log, dms_log_level level, const char *text)
{
    char stamp[32];
    time_t seconds = time(NULL);
    struct tm parts;

    gmtime_r(&seconds, &parts);
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &parts);
    fprintf(log, "%s %s ", stamp, level_words[level]);
    cli_put_line(log, text);
}

void cli_progress_say(cli_progress *progress, dms_log_level level,
                      const char *text)
{
    if (progress->log != NULL)
        write_log(progress->log, level, text);
    if (level > progress->level)
        return;
    if (progress->drawn)
        fputs("\r\033[K", stderr), progress->drawn = false;
    fprintf(stderr, "dmsnet: %s%s",
            level == DMS_LOG_INFO ? "" : level_words[level],
            level == DMS_LOG_INFO ? "" : ": ");
    cli_put_line(stderr, text);
}

static void on_message(void *user, dms_log_level level, const char *text)
{
    cli_progress_say(user, level, text);
}

/* "0:07", "12:30", "1:02:03". */
static void put_clock(char *text, size_t capacity, double seconds)
{
    unsigned long all = seconds < 3.6e8 ? (unsigned long)(seconds + 0.5) : 0;
    unsigned long hours = all / 3600, minutes = all / 60 % 60;

    if (hours > 0)
        snprintf(text, capacity, "%lu:%02lu:%02lu", hours, minutes, all % 60);
    else
        snprintf(text, capacity, "%lu:%02lu", minutes, all % 60);
}

/* ", 3.4/s, 0:12 left" or, at the end, ", 3.4/s, took 0:31". */
static void put_pace(char *text, size_t capacity, const cli_progress *progress,
                     size_t done, size_t total, double time)
{
    double elapsed = time - progress->begun;
    size_t units = done > progress->first ? done - progress->first : 0;
    double rate = elapsed > 0 ? (double)units / elapsed : 0;
    char left[32];

    *text = '\0';
    if (units == 0 || rate <= 0)
        return;
    put_clock(left, sizeof(left),
              done < total ? (double)(total - done) / rate : elapsed);
    dms_format(text, capacity,
               rate < 100 ? ", %.2g/s, %s%s%s" : ", %.0f/s, %s%s%s", rate,
               done < total ? "" : "took ", left, done < total ? " left" : "");
}

static size_t terminal_columns(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return COLUMNS_DEFAULT;
    return size.ws_col < COLUMNS_MAX ? size.ws_col : COLUMNS_MAX;
}

static void draw_bar(cli_progress *progress, size_t done, size_t total,
                     const char *pace, const char *detail)
{
    char line[COLUMNS_MAX * 4], cells[BAR_CELLS + 1];
    size_t columns = terminal_columns();
    size_t full = total > 0 ? done * BAR_CELLS / total : 0;

    for (size_t i = 0; i < BAR_CELLS; i++)
        cells[i] = i < full ? '#' : '.';
    cells[BAR_CELLS] = '\0';
    snprintf(line, sizeof(line), "%s [%s] %zu/%zu%s%s%s", progress->stage,
             cells, done, total, pace, detail ? ", " : "",
             detail ? detail : "");
    fprintf(stderr, "\r%.*s\033[K", (int)columns - 1, line);
    progress->drawn = true;
    fflush(stderr);
    if (done == total)
        fputc('\n', stderr), progress->drawn = false;
}

static void begin_stage(cli_progress *progress, const char *stage, size_t done,
                        double time)
{
    if (progress->drawn)
        fputc('\n', stderr);
    progress->drawn = false;
    snprintf(progress->stage, sizeof(progress->stage), "%s", stage);
    progress->first = done;
    progress->begun = time;
    progress->shown = time;
    progress->shown_share = 0;
}

/* The end of a stage is always shown; before it a bar ten times a second, a
 * line every five seconds if another tenth of the work is done. */
static bool is_due(const cli_progress *progress, double share, double time)
{
    double since = time - progress->shown;

    if (share >= 1)
        return progress->shown_share < 1;
    if (progress->terminal)
        return since >= bar_interval;
    return since >= line_interval && share >= progress->shown_share + 0.1;
}

static void on_progress(void *user, const char *stage, size_t done,
                        size_t total, const char *detail)
{
    cli_progress *progress = user;
    double time = now(), share = total > 0 ? (double)done / (double)total : 1;
    char pace[96];

    if (progress->level < DMS_LOG_INFO)
        return;
    if (strncmp(progress->stage, stage, sizeof(progress->stage) - 1) != 0 ||
        (share < progress->shown_share))
        begin_stage(progress, stage, done, time);
    if (!is_due(progress, share, time))
        return;
    put_pace(pace, sizeof(pace), progress, done, total, time);
    if (progress->terminal)
        draw_bar(progress, done, total, pace, detail);
    else
        fprintf(stderr, "dmsnet: %s %zu/%zu%s%s%s\n", progress->stage, done,
                total, pace, detail ? ", " : "", detail ? detail : "");
    progress->shown = time;
    progress->shown_share = share;
}

static bool on_should_stop(void *user)
{
    cli_progress *progress = user;

    if (!cli_signals_caught())
        return false;
    if (!progress->stop_said)
        cli_progress_say(progress, DMS_LOG_INFO,
                         "stopping when the current work is done; interrupt "
                         "again to stop at once");
    progress->stop_said = true;
    return true;
}

dms_monitor cli_progress_monitor(cli_progress *progress)
{
    return (dms_monitor){.user = progress,
                         .progress = on_progress,
                         .message = on_message,
                         .should_stop = on_should_stop};
}
