/* How much memory is available: the smallest of what Linux and the cgroups
 * report. */
#include "machine/machine.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

/* Read the number after `word` at the start of a line of the file. false if
 * there is none: the file does not exist, or says "max". */
static bool read_number(uint64_t *number, const char *path, const char *word)
{
    char line[256];
    bool found = false;
    FILE *file = fopen(path, "r");

    while (file && !found && fgets(line, sizeof line, file)) {
        const char *digits = line + strlen(word);
        const char *end;

        if (strncmp(line, word, strlen(word)) != 0)
            continue;
        *number = dms_count_read(digits, &end, NULL);
        found = end != digits;
    }
    if (file)
        fclose(file);
    return found;
}

size_t dms_machine_memory(void)
{
    uint64_t kb, most, taken, bytes = SIZE_MAX;

    if (read_number(&kb, "/proc/meminfo", "MemAvailable:"))
        bytes = kb * 1024;
    if (read_number(&most, "/sys/fs/cgroup/memory.max", "") &&
        read_number(&taken, "/sys/fs/cgroup/memory.current", "")) {
        uint64_t left = most > taken ? most - taken : 0;

        bytes = left < bytes ? left : bytes;
    }
    return (size_t)bytes;
}
