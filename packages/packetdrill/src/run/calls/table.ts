import type { Prepare } from './call.ts';
import { fcntl, getsockopt, ioctl, poll, setsockopt } from './control-calls.ts';
import { receive, send } from './data-calls.ts';
import { accept, bind, close, connect, listen, shutdown, socket } from './socket-calls.ts';

/** Every system call that the parser lets through. */
export const CALLS: ReadonlyMap<string, Prepare> = new Map([
  ['socket', socket],
  ['bind', bind],
  ['listen', listen],
  ['accept', accept],
  ['accept4', accept],
  ['connect', connect],
  ['shutdown', shutdown],
  ['close', close],
  ['read', receive],
  ['readv', receive],
  ['recv', receive],
  ['recvfrom', receive],
  ['recvmsg', receive],
  ['write', send],
  ['writev', send],
  ['send', send],
  ['sendto', send],
  ['sendmsg', send],
  ['setsockopt', setsockopt],
  ['getsockopt', getsockopt],
  ['fcntl', fcntl],
  ['ioctl', ioctl],
  ['poll', poll],
]);
