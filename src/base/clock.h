/* Time that only goes forward. */
#ifndef DMS_BASE_CLOCK_H
#define DMS_BASE_CLOCK_H

/* Monotonic seconds. */
double dms_clock_now(void);

#endif
