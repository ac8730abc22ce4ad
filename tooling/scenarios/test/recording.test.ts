import { AF_INET, AF_INET6, MSG_PEEK, MSG_TRUNC, SOCK_STREAM } from '@netmem/uapi';
import { afterEach, describe, expect, it } from 'vitest';
import { runInKernel } from '../src/kernel/run-in-kernel.ts';
import { flagNames, optionNumbers, pollNames, resultText, socketText } from '../src/names.ts';
import { createLoStack } from '../src/netmem/netmem-stack.ts';
import { runScenario } from '../src/scenario-run.ts';
import { bytesText, entryText, payload } from '../src/transcript.ts';

describe('a transcript', () => {
  it('calls things by their names', () => {
    expect([flagNames(MSG_PEEK | MSG_TRUNC), flagNames(0), flagNames(0x40000000)]).toEqual([
      'PEEK|TRUNC',
      '0',
      '0x40000000',
    ]);
    expect([pollNames(5), pollNames(0), pollNames(-9)]).toEqual(['IN|OUT', '0', '-EBADF']);
    expect([resultText(7), resultText(-11)]).toEqual(['7', '-EAGAIN']);
    expect([socketText(AF_INET, SOCK_STREAM, 6), socketText(99, 0x15, 0)]).toEqual([
      'INET, STREAM, TCP',
      '99, 0x15, 0',
    ]);
    expect([optionNumbers('TCP_NODELAY'), optionNumbers('SO_DEVMEM_DONTNEED'), optionNumbers('IPV6_V6ONLY')]).toEqual([
      [6, 1],
      [1, 80],
      [41, 26],
    ]);
  });

  it('shows short data, and tells long ones apart', () => {
    expect([bytesText(payload('abc')), bytesText(Uint8Array.of(0, 255)), bytesText(new Uint8Array(0))]).toEqual([
      '"abc"',
      '<00ff>',
      '""',
    ]);
    const long = payload(100);
    const other = long.slice();
    other[99] ^= 1;
    expect(bytesText(long)).toMatch(/^100 bytes #[0-9a-f]{8}$/);
    expect(bytesText(other)).not.toBe(bytesText(long));
  });

  it('has the calls of a scenario, without those that are quiet; hosts by name, chosen ports as such', () => {
    const { transcript, leftovers } = runScenario(
      {
        id: 'x',
        run(t) {
          const { client, server } = t.connected();
          client.send('abc');
          server.recv(2, MSG_PEEK);
          server.recvmsg({ iov: [1, 5], name: true, control: 8 });
          client.getsockname();
          client.getpeername();
          t.addressText(t.any(1, AF_INET6));
          t.note('mapped', t.addressText(t.mapped('server', 2)));
          client.get('SO_RCVLOWAT', 4, { mask: 'some' });
        },
      },
      createLoStack(),
    );
    expect(leftovers).toEqual([]);
    expect(transcript.map(entryText)).toEqual([
      'c.send("abc") = 3',
      's.recv(2, PEEK) = 2 "ab"',
      's.recvmsg([1, 5], control 8) = 3 "abc" flags=0 control=[] from=nobody',
      'c.getsockname() = client:ephemeral',
      'c.getpeername() = server:7000',
      'note(mapped) = mapped server:2',
      'c.getsockopt(SO_RCVLOWAT) = some',
    ]);
  });

  it('that cannot be made says which scenario it was, and closes what was open', () => {
    const stack = createLoStack();
    const broken = {
      id: 'broken',
      run(t: Parameters<Parameters<typeof runScenario>[0]['run']>[0]): void {
        t.tcp('client', 'c');
        throw new Error('on purpose');
      },
    };
    expect(() => runScenario(broken, stack)).toThrow('scenario "broken" failed');
    expect(stack.close()).toEqual([]);
  });
});

describe('without namespaces', () => {
  const path = process.env.PATH;
  afterEach(() => {
    process.env.PATH = path;
  });

  it('there is a reason instead of transcripts', async () => {
    process.env.PATH = '/nowhere';
    expect(await runInKernel(['x'], 0)).toMatchObject({ ok: false, reason: expect.stringMatching(/ENOENT|this is/) });
  });
});
