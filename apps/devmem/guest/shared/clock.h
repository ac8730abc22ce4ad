/* Time that only goes on. */
#ifndef CLOCK_H
#define CLOCK_H

/* Since some moment before the program began. */
double seconds_now(void);

#endif
