#include "machine/machine.h"

#include <stdint.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number behind a word at the begin of a line of the file. false where
 * there is none: no such file, "max". */
static bool read_number(unsigned long long *number, const char *path,
                        const char *word)
{
    char line[256];
    bool found = false;
    FILE *file = fopen(path, "r");

    while (file && !found && fgets(line, sizeof line, file)) {
        const char *digits = line + strlen(word);
        char *end;

        if (strncmp(line, word, strlen(word)) != 0)
            continue;
        *number = strtoull(digits, &end, 10);
        found = end != digits;
    }
    if (file)
        fclose(file);
    return found;
}

size_t dms_machine_memory(void)
{
    unsigned long long kb, most, taken, bytes = SIZE_MAX;

    if (read_number(&kb, "/proc/meminfo", "MemAvailable:"))
        bytes = kb * 1024;
    if (read_number(&most, "/sys/fs/cgroup/memory.max", "") &&
        read_number(&taken, "/sys/fs/cgroup/memory.current", "")) {
        unsigned long long left = most > taken ? most - taken : 0;

        bytes = left < bytes ? left : bytes;
    }
    return (size_t)bytes;
}
