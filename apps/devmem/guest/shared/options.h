/* `--name value` options of the programs. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>

/* The number after `--name`, or `fallback`. Ends the program when it is no number. */
uint64_t option_number(int argc, char **argv, const char *name, uint64_t fallback);

/* The text after `--name`, or `fallback`. */
const char *option_text(int argc, char **argv, const char *name, const char *fallback);

/* Interface index after `--dev`, eth0 by default. Ends the program when there is no such device. */
unsigned int option_device(int argc, char **argv);

#endif
