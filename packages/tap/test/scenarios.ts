/**
 * What the tests do inside a network namespace of their own. Run as a child: `node scenarios.ts NAME` prints the scenario's result as JSON.
 */

import { PLAIN_SCENARIOS } from './plain-scenarios.ts';
import { QUEUE_SCENARIOS } from './queue-scenarios.ts';
import type { Scenarios } from './scenario-tools.ts';
import { VNET_SCENARIOS } from './vnet-scenarios.ts';

const scenarios: Scenarios = { ...PLAIN_SCENARIOS, ...VNET_SCENARIOS, ...QUEUE_SCENARIOS };

console.log(JSON.stringify(await scenarios[process.argv[2]]()));
