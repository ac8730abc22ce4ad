/* How a program tells what happened: one line on stdout when all was well, one on stderr and exit status 1 when not. */
#ifndef RESULT_H
#define RESULT_H

/* Ends the program: "what: reason of errno". */
__attribute__((noreturn, format(printf, 1, 2))) void die_errno(const char *format, ...);

/* Ends the program with a sentence. */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);

/* Tells the machine at the other end something, such as that a port can be connected to: `@word rest`. */
__attribute__((format(printf, 1, 2))) void tell(const char *format, ...);

#endif
