/* Setting libgomp's waiting before it is loaded, by starting the program
 * again. */
#include "waiting.h"

#include <stdlib.h>
#include <unistd.h>

/* A thread that finds the others behind spins for some microseconds, then
 * sleeps. Spinning for long, the default, takes from another process the core
 * on which the awaited thread is to run: with one core busy a forward took four
 * times as long; sleeping at once costs a tenth when nobody else is there, and
 * now and then the system wakes both on one core (docs/performance.md). */
#define SPINS "2000"

void cli_wait_briefly(char **argv)
{
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT"))
        return;
    /* libgomp has bound this thread already; a new start would inherit its one
     * core as all there is */
    if (getenv("OMP_PROC_BIND") || getenv("OMP_PLACES") ||
        getenv("GOMP_CPU_AFFINITY"))
        return;
    if (setenv("GOMP_SPINCOUNT", SPINS, 1) == 0)
        execv("/proc/self/exe", argv);
}
