#include "options.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "result.h"

const char *option_text(int argc, char **argv, const char *name, const char *fallback)
{
	for (int i = 1; i + 1 < argc; i++)
		if (!strncmp(argv[i], "--", 2) && !strcmp(argv[i] + 2, name))
			return argv[i + 1];
	return fallback;
}

uint64_t option_number(int argc, char **argv, const char *name, uint64_t fallback)
{
	const char *text = option_text(argc, argv, name, NULL);
	char *end;
	uint64_t value;

	if (!text)
		return fallback;
	value = strtoull(text, &end, 0);
	if (*text == '\0' || *end != '\0')
		die("--%s takes a number, not %s", name, text);
	return value;
}

unsigned int option_device(int argc, char **argv)
{
	const char *name = option_text(argc, argv, "dev", "eth0");
	unsigned int index = if_nametoindex(name);

	if (!index)
		die_errno("device %s", name);
	return index;
}
