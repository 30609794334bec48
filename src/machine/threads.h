/* How many threads the caller's OpenMP regions get, oneDNN's too. */
#ifndef DMS_MACHINE_THREADS_H
#define DMS_MACHINE_THREADS_H

/* From now on as many as that, OMP_THREAD_LIMIT at the most, and OpenMP gives
 * no fewer (OMP_DYNAMIC): a kernel that was made for more threads than it gets
 * leaves part of its work undone. count <= 0: as many as before. Returns how
 * many there were, to be set again at the end; 0 in a build without OpenMP.
 * Concerns the calling thread only. */
int dms_threads_use(int count);

/* Let the calling thread run wherever OpenMP's threads may. One that was made
 * by a thread that OpenMP has bound (OMP_PROC_BIND) would else stay on the same
 * core. */
void dms_threads_unbind(void);

#endif
