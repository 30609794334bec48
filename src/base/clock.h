/* A clock that never goes backwards. */
#ifndef DMS_BASE_CLOCK_H
#define DMS_BASE_CLOCK_H

/* Seconds since an arbitrary start. */
double dms_clock_now(void);

#endif
