/* How many threads the caller's OpenMP regions, oneDNN's included, get. */
#ifndef DMS_MACHINE_THREADS_H
#define DMS_MACHINE_THREADS_H

/* Set the number of threads, at most OMP_THREAD_LIMIT. OpenMP may not give
 * fewer (OMP_DYNAMIC is switched off): a kernel that was created for more
 * threads than it gets leaves part of its work undone. count <= 0 keeps the
 * number. Returns the previous number, for restoring it; 0 in a build without
 * OpenMP. Affects the calling thread only. */
int dms_threads_use(int count);

/* Let the calling thread run on any core that OpenMP may use. Otherwise a
 * thread created by one that OpenMP has bound (OMP_PROC_BIND) stays on the same
 * core. */
void dms_threads_unbind(void);

#endif
