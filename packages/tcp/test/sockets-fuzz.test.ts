// Whole hosts, random programs: whatever a receiver asks for, returns or forgets, the memory is all there in the end.

import { regionOf } from '@netmem/region';
import {
  EAGAIN,
  EFAULT,
  ETOOSMALL,
  MSG_PEEK,
  MSG_SOCK_DEVMEM,
  MSG_TRUNC,
  SHUT_WR,
  SO_DEVMEM_DONTNEED,
  SOL_SOCKET,
  writeDmabufToken,
} from '@netmem/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Msghdr } from '../src/socket/msghdr.ts';
import { messagesIn } from './control-messages.ts';
import { DevmemPair } from './devmem-pair.ts';
import { bytesOut } from './loopback-host.ts';

const action = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('send' as const), length: fc.integer({ min: 1, max: 20_000 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('receive' as const),
      flags: fc
        .constantFrom(0, MSG_SOCK_DEVMEM, MSG_SOCK_DEVMEM, MSG_SOCK_DEVMEM, MSG_TRUNC)
        .chain((flags) => fc.integer({ min: 0, max: 4 }).map((n) => (n === 0 ? flags | MSG_PEEK : flags))),
      length: fc.nat(30_000),
      control: fc.nat(500),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('return' as const), start: fc.nat(60), count: fc.nat(60) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), seconds: fc.integer({ min: 0, max: 2 }) }) },
);
const ending = fc.constantFrom('return-all', 'close-holding', 'end-then-close', 'unbind-first');

describe('a receiver that does anything', () => {
  it('never leaks a net_iov, a token or an skb', async () => {
    const property = fc.asyncProperty(
      fc.array(action, { minLength: 1, maxLength: 40 }),
      ending,
      async (actions, end) => {
        const pair = new DevmemPair(24);
        const { sender, receiver } = await pair.connect();
        const { sockets } = pair.host.stack;
        const peer = pair.peer.stack.sockets;
        const held = new Set<number>();
        const dontneed = (start: number, count: number): number => {
          const value = new Uint8Array(8);
          writeDmabufToken(new DataView(value.buffer), 0, start, count);
          return sockets.setsockopt(receiver.fd, SOL_SOCKET, SO_DEVMEM_DONTNEED, value);
        };
        for (const step of actions) {
          if (step.kind === 'send') {
            peer.sendmsg(sender.fd, bytesOut(step.length));
            pair.pass();
          } else if (step.kind === 'wait') {
            pair.pass(step.seconds);
          } else if (step.kind === 'return') {
            let expected = 0;
            for (let id = step.start; id < step.start + step.count; id++) if (held.delete(id)) expected++;
            expect(dontneed(step.start, step.count)).toBe(expected);
          } else {
            const control = regionOf(new Uint8Array(step.control));
            const msg = new Msghdr([regionOf(new Uint8Array(step.length))], control);
            const result = sockets.recvmsg(receiver.fd, msg, step.flags);
            if (result < 0) expect([-EAGAIN, -EFAULT, -ETOOSMALL]).toContain(result);
            for (const message of messagesIn(control, msg.controlLength)) {
              if (message.kind === 'dmabuf') held.add(message.token);
            }
          }
          expect(sockets.tokensOutstanding).toBe(held.size);
        }
        if (end === 'return-all') for (const id of held) expect(dontneed(id, 1)).toBe(1);
        if (end === 'end-then-close') {
          sockets.shutdown(receiver.fd, SHUT_WR);
          peer.shutdown(sender.fd, SHUT_WR);
          pair.pass(1);
        }
        if (end === 'unbind-first') pair.unbind();
        await receiver.close();
        await sender.close();
        expect(pair.close()).toEqual([]);
        expect(sockets.tokensOutstanding).toBe(0);
      },
    );
    await fc.assert(property, { numRuns: 25 });
  });
});
