/* A clock that never goes backwards, and the calendar's. */
#ifndef DMS_BASE_CLOCK_H
#define DMS_BASE_CLOCK_H

/* Seconds since an arbitrary start. */
double dms_clock_now(void);

/* Seconds since 1970, which the system may set back. */
double dms_clock_calendar(void);

#endif
