/* The calling thread's OpenMP settings; nothing in a build without OpenMP. */
#include "machine/threads.h"

#ifdef _OPENMP
#include <omp.h>
#include <sched.h>

#include "base/alloc.h"

int dms_threads_use(int count)
{
    int most = omp_get_thread_limit(), before = omp_get_max_threads();
    int wanted = count > 0 ? count : before;

    omp_set_dynamic(0);
    omp_set_num_threads(wanted < most ? wanted : most);
    return before < most ? before : most;
}

void dms_threads_unbind(void)
{
    int places = omp_get_num_places();
    cpu_set_t set;

    omp_get_place_num(); /* libgomp binds a new thread here, once */
    CPU_ZERO(&set);
    for (int i = 0; i < places; i++) {
        int count = omp_get_place_num_procs(i);
        int *ids = dms_calloc((size_t)count, sizeof *ids);

        if (ids)
            omp_get_place_proc_ids(i, ids);
        for (int k = 0; ids && k < count; k++)
            if (ids[k] >= 0 && ids[k] < CPU_SETSIZE)
                CPU_SET(ids[k], &set);
        dms_free(ids);
    }
    if (omp_get_proc_bind() != omp_proc_bind_false && CPU_COUNT(&set) > 0)
        sched_setaffinity(0, sizeof set, &set);
}
#else
int dms_threads_use(int count)
{
    (void)count;
    return 0;
}

void dms_threads_unbind(void)
{
}
#endif
