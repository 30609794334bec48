/* How many threads the caller's OpenMP regions get, oneDNN's too. */
#ifndef DMS_TRAIN_THREADS_H
#define DMS_TRAIN_THREADS_H

/* count <= 0 changes nothing. Returns how many there were, to be set again at
 * the end; 0 in a build without OpenMP. Concerns the calling thread only. */
int dms_threads_use(int count);

#endif
