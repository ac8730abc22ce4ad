import type { Scenario } from '../scenario-run.ts';
import { BINDING } from './binding.ts';
import { CLOSING } from './closing.ts';
import { CONNECTING } from './connecting.ts';
import { CONTROL_MESSAGES } from './control-messages.ts';
import { CREATING } from './creating.ts';
import { DATAGRAMS } from './datagrams.ts';
import { DEVMEM } from './devmem.ts';
import { IPV6_SCENARIOS } from './ipv6.ts';
import { LISTENING } from './listening.ts';
import { POLLING } from './polling.ts';
import { RECEIVING } from './receiving.ts';
import { SOCKET_OPTIONS } from './socket-options.ts';
import { TCP_OPTIONS } from './tcp-options.ts';
import { TIMESTAMPING } from './timestamping.ts';
import { URGENT } from './urgent.ts';

/** Every scenario, by topic. */
export const SCENARIOS: readonly Scenario[] = [
  ...CREATING,
  ...BINDING,
  ...LISTENING,
  ...CONNECTING,
  ...CLOSING,
  ...RECEIVING,
  ...URGENT,
  ...POLLING,
  ...SOCKET_OPTIONS,
  ...TCP_OPTIONS,
  ...CONTROL_MESSAGES,
  ...TIMESTAMPING,
  ...DEVMEM,
  ...DATAGRAMS,
  ...IPV6_SCENARIOS,
];
