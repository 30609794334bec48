/* Identifies the CPU and its instruction sets: cpuid on x86-64; other
 * architectures report nothing. */
#include "machine/machine.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#ifdef __x86_64__

#include <cpuid.h>

int dms_machine_cpu(char *text, size_t capacity)
{
    unsigned brand[12] = {0}; /* three leaves of 16 characters */
    char name[sizeof brand + 1] = {0};
    const char *begin = name;
    size_t len;

    for (unsigned leaf = 0; leaf < 3; leaf++)
        if (!__get_cpuid(0x80000002 + leaf, &brand[4 * leaf],
                         &brand[4 * leaf + 1], &brand[4 * leaf + 2],
                         &brand[4 * leaf + 3]))
            return snprintf(text, capacity, "%s", "");
    memcpy(name, brand, sizeof brand);
    begin += strspn(begin, " ");
    len = strlen(begin);
    while (len > 0 && begin[len - 1] == ' ')
        len--;
    return snprintf(text, capacity, "%.*s", (int)len, begin);
}

int dms_machine_isa(char *text, size_t capacity)
{
    return snprintf(text, capacity, "%s%s%s%s%s%s",
                    __builtin_cpu_supports("avx2") ? "avx2" : "",
                    __builtin_cpu_supports("fma") ? " fma" : "",
                    __builtin_cpu_supports("avx512f") ? " avx512f" : "",
                    __builtin_cpu_supports("avx512bw") ? " avx512bw" : "",
                    __builtin_cpu_supports("avx512vnni") ? " avx512_vnni" : "",
                    __builtin_cpu_supports("avx512bf16") ? " avx512_bf16" : "");
}

#else

int dms_machine_cpu(char *text, size_t capacity)
{
    return snprintf(text, capacity, "%s", "");
}

int dms_machine_isa(char *text, size_t capacity)
{
    return snprintf(text, capacity, "%s", "");
}

#endif

#ifdef _OPENMP

/* The process's affinity, not the calling thread's: OpenMP may have bound
 * that. */
int dms_machine_cores(void)
{
    return omp_get_num_procs();
}

#else

int dms_machine_cores(void)
{
    cpu_set_t set;
    int count =
        sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;

    return count > 0 ? count : 1;
}

#endif
