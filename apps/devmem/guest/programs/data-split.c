/*
 * Sets tcp-data-split by generic netlink, for an ethtool that is too old to know it.
 *
 *   data-split on|off|auto [--dev eth0]
 */
#include <stdint.h>
#include <string.h>

#include "genl.h"
#include "options.h"
#include "result.h"

#define FAMILY_VERSION 1
#define COMMAND_RINGS_SET 16
#define RINGS_HEADER 1
#define RINGS_TCP_DATA_SPLIT 11
#define HEADER_DEV_INDEX 1
#define SPLIT_AUTO 0
#define SPLIT_OFF 1
#define SPLIT_ON 2

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	unsigned int ifindex = option_device(argc, argv);
	struct genl_request request;
	struct genl genl;
	uint8_t value;
	size_t nest;
	int result;

	if (!strcmp(word, "on"))
		value = SPLIT_ON;
	else if (!strcmp(word, "off"))
		value = SPLIT_OFF;
	else if (!strcmp(word, "auto"))
		value = SPLIT_AUTO;
	else
		die("usage: data-split on|off|auto [--dev NAME]");
	if ((result = genl_open(&genl, "ethtool")) < 0)
		die("the ethtool family: %s", strerror(-result));
	genl_begin(&request, COMMAND_RINGS_SET, FAMILY_VERSION, 0);
	nest = genl_nest_begin(&request, RINGS_HEADER);
	genl_put_u32(&request, HEADER_DEV_INDEX, ifindex);
	genl_nest_end(&request, nest);
	genl_put_u8(&request, RINGS_TCP_DATA_SPLIT, value);
	if ((result = genl_call(&genl, &request, NULL, NULL)) < 0)
		die("tcp-data-split %s: %s (errno %d) %s", word, strerror(-result), -result, genl.message);
	return 0;
}
