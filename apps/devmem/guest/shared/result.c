#include "result.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void die_errno(const char *format, ...)
{
	int error = errno;
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s (errno %d)\n", strerror(error), error);
	exit(1);
}

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

/* stdout may be a pipe that a script reads at the end; the console is where somebody listens now. */
void tell(const char *format, ...)
{
	FILE *console = fopen("/dev/console", "w");
	va_list args;

	if (!console)
		die_errno("/dev/console");
	va_start(args, format);
	fputc('\n', console);
	vfprintf(console, format, args);
	fputc('\n', console);
	va_end(args);
	fclose(console);
}
