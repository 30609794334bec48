/* How many threads the caller's OpenMP regions get, oneDNN's too. */
#ifndef DMS_MACHINE_THREADS_H
#define DMS_MACHINE_THREADS_H

/* count <= 0 changes nothing. Returns how many there were, to be set again at
 * the end; 0 in a build without OpenMP. Concerns the calling thread only. */
int dms_threads_use(int count);

/* Let the calling thread run wherever OpenMP's threads may. One that was made
 * by a thread that OpenMP has bound (OMP_PROC_BIND) would else stay on the same
 * core. */
void dms_threads_unbind(void);

#endif
