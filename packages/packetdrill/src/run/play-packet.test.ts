import { checksumView, ipv4, tcp } from '@netmem/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Behaviour, FakeHost, LOCAL_ISN, REMOTE_ISN } from '../../test/fake-host.ts';
import { parseScript, type Result, type RunOptions, runScript } from '../index.ts';

const SYN_ACK = tcp.SYN | tcp.ACK;

function run(text: string, behaviour: Behaviour, options?: RunOptions): Result & { host: FakeHost } {
  const host = new FakeHost(behaviour);
  return { ...runScript(parseScript(text, 's.pkt'), host, options), host };
}

/** The pattern that a stack must send from a place in its stream. */
const stream = (position: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (position + i) % 251);

/** Answers the script's SYN, and then does what a test wants. */
function answering(then: (host: FakeHost) => void = () => {}): Behaviour {
  return {
    onFrame: (frame, host) => {
      if (frame.tcp === undefined || (frame.tcp.flags & SYN_ACK) !== tcp.SYN) return;
      host.sendTcp({ flags: SYN_ACK, sequence: 0, acknowledgment: 1, options: { mss: 1460 } });
      then(host);
    },
  };
}

const OPEN = '0 < S 0:0(0) win 500 <mss 1000>\n+0 > S. 0:0(0) ack 1 win 1000 <mss 1460>\n';

describe('sequence numbers', () => {
  it('count from the initial ones of both sides, and wrap', () => {
    const { failures, trace, host } = run(
      `${OPEN}+.1 < . 1:101(100) ack 1 win 500\n+0 < . 101:101(0) ack 21 win 7 <nop,nop,sack 15:21>\n+0 > P. 1:41(40) ack 101 win 9 <nop,nop,sack 201:301>`,
      answering((fake) =>
        fake.at(0.1, () =>
          fake.sendTcp({
            flags: tcp.PSH | tcp.ACK,
            sequence: 1,
            acknowledgment: 101,
            window: 9,
            payload: stream(1, 40),
            options: { sack: [[REMOTE_ISN + 201, REMOTE_ISN + 301]] },
          }),
        ),
      ),
    );
    expect(failures).toEqual([]);
    expect(trace).toEqual([
      '0.000000 < S 0:0(0) win 500 <mss 1000>',
      '0.000000 > S. 0:0(0) ack 1 win 1000 <mss 1460>',
      '0.100000 < . 1:101(100) ack 1 win 500',
      '0.100000 < . 101:101(0) ack 21 win 7 <nop,nop,sack 15:21>',
      '0.100000 > P. 1:41(40) ack 101 win 9 <nop,nop,sack 201:301>',
    ]);
    const segments = host.injected.map((frame) => tcp.decode(new DataView(frame.buffer), 34, frame.length - 34));
    expect(segments[0]).toMatchObject({
      sourcePort: 40_000,
      destinationPort: 8080,
      sequence: REMOTE_ISN,
      flags: tcp.SYN,
    });
    expect(segments[1]).toMatchObject({
      sequence: REMOTE_ISN + 1,
      acknowledgment: LOCAL_ISN + 1,
      payload: stream(1, 100),
    });
    expect(segments[2]).toMatchObject({
      acknowledgment: (LOCAL_ISN + 21) % 2 ** 32,
      options: { sack: [[LOCAL_ISN + 15, (LOCAL_ISN + 21) % 2 ** 32]] },
    });
  });

  it('of SYNs are the script’s own, whatever follows', () => {
    const { failures } = run(
      '0 < S 5000:5000(0) win 500\n+0 > S. 77:77(0) ack 5001 win 1000 <mss 1460>\n+0 > . 1:1(0) ack 1',
      {
        onFrame: (_, host) => {
          host.sendTcp({ flags: SYN_ACK, sequence: 0, acknowledgment: 5001, options: { mss: 1460 } });
          host.sendTcp({ sequence: 1, acknowledgment: 5001 });
        },
      },
    );
    expect(failures).toEqual([]);
  });

  it('of the stack may start anew when the script opens the ports again', () => {
    const { failures } = run(
      `${OPEN}+1 < S 9000:9000(0) win 500\n+0 > S. 0:0(0) ack 9001 win 1000\n+0 > . 1:1(0) ack 9001`,
      {
        onFrame: (frame, host) => {
          const again = frame.tcp?.sequence !== REMOTE_ISN;
          const sequence = again ? 100_000 : 0;
          host.sendTcp({
            flags: SYN_ACK,
            sequence,
            acknowledgment: again ? 9001 : 1,
            options: again ? {} : { mss: 1460 },
          });
          if (again) host.sendTcp({ sequence: sequence + 1, acknowledgment: 9001 });
        },
      },
    );
    expect(failures).toEqual([]);
  });

  it('may not change when nothing opens them again', () => {
    const { failures } = run(`${OPEN}+1 < S 0:0(0) win 500\n+0 > S. 0:0(0) ack 1`, {
      onFrame: (_, host) => {
        const first = host.injected.length === 1;
        host.sendTcp({
          flags: SYN_ACK,
          sequence: first ? 0 : 3,
          acknowledgment: 1,
          options: first ? { mss: 1460 } : {},
        });
      },
    });
    expect(failures.map((failure) => failure.actual)).toEqual(['1.000000 > S. 3:3(0) ack 1 win 1000']);
  });
});

describe('timestamps', () => {
  const stamped = (value: number, echo: number): FakeHost['sendTcp'] extends (fields: infer F) => void ? F : never =>
    ({ flags: tcp.ACK, sequence: 1, acknowledgment: 1, options: { timestamp: { value, echo } } }) as never;

  it('are translated by the first one, and echoes by the one they repeat', () => {
    const { failures, host } = run(
      `0 < S 0:0(0) win 500 <nop,nop,TS val 100 ecr 0>
       +0 > S. 0:0(0) ack 1 <nop,nop,TS val 7000 ecr 100>
       +0 < . 1:1(0) ack 1 win 500 <nop,nop,TS val 101 ecr 7000>`,
      {
        onFrame: (frame, fake) => {
          if (frame.tcp?.flags !== tcp.SYN) return;
          fake.sendTcp({ flags: SYN_ACK, acknowledgment: 1, options: { timestamp: { value: 123_456, echo: 100 } } });
        },
      },
    );
    expect(failures).toEqual([]);
    const frame = host.injected[1] as Uint8Array;
    expect(tcp.decode(new DataView(frame.buffer), 34, frame.length - 34)?.options.timestamp).toEqual({
      value: 101,
      echo: 123_456,
    });
  });

  it('cannot echo what was never sent, unless that is asked for', () => {
    const script = (option: string): string =>
      `${option} 0 < . 1:1(0) ack 1 win 5\n+0 > . 1:1(0) ack 1 <nop,nop,TS val 500 ecr 9>\n+0 < . 1:1(0) ack 1 win 5 <nop,nop,TS val 1 ecr 510>`;
    const behaviour: Behaviour = {
      onFrame: (_, fake) => {
        if (fake.injected.length === 1) fake.sendTcp({ ...stamped(8000, 9), sequence: 1 - LOCAL_ISN });
      },
    };
    expect(run(script(''), behaviour).failures[0]?.message).toBe(
      'the packet cannot be injected: no packet before carried TS val 510, so it cannot be echoed; --tcp_ts_ecr_scaled translates it by distance',
    );
    const { failures, host } = run(script('--tcp_ts_ecr_scaled'), behaviour);
    expect(failures).toEqual([]);
    const frame = host.injected[1] as Uint8Array;
    expect(tcp.decode(new DataView(frame.buffer), 34, frame.length - 34)?.options.timestamp?.echo).toBe(8010);
  });

  it('are compared by their distance to the first one, if they tick', () => {
    const script = (options: string): string =>
      `${options}\n${OPEN.replaceAll('\n', '\n')}+0 > . 1:1(0) ack 1 <nop,nop,TS val 500 ecr 3>\n+.1 > . 1:1(0) ack 1 <nop,nop,TS val 600 ecr 3>`;
    const behaviour = (value: number): Behaviour =>
      answering((fake) => {
        fake.sendTcp(stamped(8000, 3));
        fake.at(0.1, () => fake.sendTcp(stamped(value, 3)));
      });
    expect(run(script(''), behaviour(9999)).failures).toEqual([]);
    const ticking = script('--tcp_ts_tick_usecs=1000');
    expect(run(ticking, behaviour(8104)).failures).toEqual([]);
    expect(run(ticking, behaviour(8105)).failures[0]?.actual).toBe(
      '0.100000 > . 1:1(0) ack 1 win 1000 <nop,nop,TS val 605 ecr 3>',
    );
  });
});

describe('what a difference looks like', () => {
  /** The text of the one failure of a script whose stack sends one segment after the handshake. */
  function difference(
    line: string,
    fields: Parameters<FakeHost['sendTcp']>[0],
    ip: Parameters<FakeHost['sendTcp']>[1] = {},
    seconds: number = 0.2,
  ): string {
    const { failures } = run(
      `${OPEN}${line}`,
      answering((host) => host.at(seconds, () => host.sendTcp(fields, ip))),
    );
    expect(failures).toHaveLength(1);
    return failures[0]?.text ?? '';
  }
  const sent = { flags: tcp.ACK, sequence: 1, acknowledgment: 1, window: 257 };

  it('points at each part that differs', () => {
    expect(
      difference('+.2 > P. 1:101(100) ack 1 win 200', { ...sent, acknowledgment: 5, payload: stream(1, 90) }),
    ).toMatchInlineSnapshot(`
      "s.pkt:3: another packet came than expected: flags, sequence numbers, acknowledgment number, window
        script:   +.2 > P. 1:101(100) ack 1 win 200
        expected: 0.200000 > P. 1:101(100) ack 1 win 200
        actual:   0.200000 > . 1:91(90) ack 5 win 257
                             ^ ^^^^^^^^ ^^^^^ ^^^^^^^"
    `);
  });

  it('points at the time', () => {
    expect(difference('+.2 > . 1:1(0) ack 1', sent, {}, 0.21)).toMatchInlineSnapshot(`
      "s.pkt:3: no packet came until 0.204000
        script:   +.2 > . 1:1(0) ack 1
        expected: 0.200000 > . 1:1(0) ack 1"
    `);
    expect(difference('+.2 > . 1:1(0) ack 1', sent, {}, 0.19)).toMatchInlineSnapshot(`
      "s.pkt:3: another packet came than expected: time
        script:   +.2 > . 1:1(0) ack 1
        expected: 0.200000 > . 1:1(0) ack 1
        actual:   0.190000 > . 1:1(0) ack 1 win 257
                  ^^^^^^^^"
    `);
    expect(difference('+.2~+.3 > . 1:1(0) ack 1', sent, {}, 0.19)).toMatchInlineSnapshot(`
      "s.pkt:3: another packet came than expected: time
        script:   +.2~+.3 > . 1:1(0) ack 1
        expected: 0.2~0.3 > . 1:1(0) ack 1
        actual:   0.190000 > . 1:1(0) ack 1 win 257
                  ^^^^^^^^"
    `);
  });

  it('points at single options, and at the end where one is missing', () => {
    const options = { timestamp: { value: 3, echo: 9 } };
    expect(difference('+.2 > . 1:1(0) ack 1 <nop,nop,TS val 3 ecr 8>', { ...sent, options })).toMatchInlineSnapshot(`
      "s.pkt:3: another packet came than expected: options
        script:   +.2 > . 1:1(0) ack 1 <nop,nop,TS val 3 ecr 8>
        expected: 0.200000 > . 1:1(0) ack 1 <nop,nop,TS val 3 ecr 8>
        actual:   0.200000 > . 1:1(0) ack 1 win 257 <nop,nop,TS val 3 ecr 9>
                                                             ^^^^^^^^^^^^^^"
    `);
    expect(difference('+.2 > . 1:1(0) ack 1', { ...sent, options })).toMatchInlineSnapshot(`
      "s.pkt:3: another packet came than expected: options
        script:   +.2 > . 1:1(0) ack 1
        expected: 0.200000 > . 1:1(0) ack 1
        actual:   0.200000 > . 1:1(0) ack 1 win 257 <nop,nop,TS val 3 ecr 9>
                                                     ^^^ ^^^ ^^^^^^^^^^^^^^"
    `);
    expect(difference('+.2 > . 1:1(0) ack 1 <nop,nop,sack 1:2>', sent)).toMatchInlineSnapshot(`
      "s.pkt:3: another packet came than expected: options
        script:   +.2 > . 1:1(0) ack 1 <nop,nop,sack 1:2>
        expected: 0.200000 > . 1:1(0) ack 1 <nop,nop,sack 1:2>
        actual:   0.200000 > . 1:1(0) ack 1 win 257
                                                    ^"
    `);
    const raw = Uint8Array.of(30, 4, 0xab, 0xcd, 8, 2, 1, 1);
    expect(
      difference('+.2 > . 1:1(0) ack 1 <mss 5,nop,nop,nop,nop>', { ...sent, options: { raw } }),
    ).toMatchInlineSnapshot(`
      "s.pkt:3: another packet came than expected: options
        script:   +.2 > . 1:1(0) ack 1 <mss 5,nop,nop,nop,nop>
        expected: 0.200000 > . 1:1(0) ack 1 <mss 5,nop,nop,nop,nop>
        actual:   0.200000 > . 1:1(0) ack 1 win 257 <option 30 0xabcd,option 8 0x,nop,nop>
                                                     ^^^^^^^^^^^^^^^^ ^^^^^^^^^^^        ^"
    `);
  });

  it('shows the IP fields that the script speaks of, and ports that are others', () => {
    expect(difference('+.2 > [ect0, ttl 63] . 1:1(0) ack 1', sent, { trafficClass: 1 })).toMatchInlineSnapshot(`
      "s.pkt:3: another packet came than expected: IP header
        script:   +.2 > [ect0, ttl 63] . 1:1(0) ack 1
        expected: 0.200000 > [ect0, ttl 63] . 1:1(0) ack 1
        actual:   0.200000 > [ect1, ttl 64] . 1:1(0) ack 1 win 257
                             ^^^^^^^^^^^^^^"
    `);
    expect(difference('+.2 > . 1:1(0) ack 1', { ...sent, destinationPort: 4 })).toMatchInlineSnapshot(`
      "s.pkt:3: another packet came than expected: ports, sequence numbers, acknowledgment number
        script:   +.2 > . 1:1(0) ack 1
        expected: 0.200000 > . 1:1(0) ack 1
        actual:   0.200000 > 8080 > 4 . 4294967281:4294967281(0) ack 2146959361 win 257
                             ^^^^^^^^   ^^^^^^^^^^^^^^^^^^^^^^^^ ^^^^^^^^^^^^^^"
    `);
    expect(difference('+.2 > 8080 > 41000 . 1:1(0) ack 1', sent)).toMatchInlineSnapshot(`
      "s.pkt:3: another packet came than expected: ports
        script:   +.2 > 8080 > 41000 . 1:1(0) ack 1
        expected: 0.200000 > 8080 > 41000 . 1:1(0) ack 1
        actual:   0.200000 > 8080 > 40000 . 1:1(0) ack 1 win 257
                             ^^^^^^^^^^^^"
    `);
  });

  it('tells of urgent pointers, and acknowledgments that do not count', () => {
    expect(difference('+.2 > . 1:1(0) ack 1 urg 4', { ...sent, urgentPointer: 5 })).toMatchInlineSnapshot(`
      "s.pkt:3: another packet came than expected: urg
        script:   +.2 > . 1:1(0) ack 1 urg 4
        expected: 0.200000 > . 1:1(0) ack 1 urg 4
        actual:   0.200000 > . 1:1(0) ack 1 win 257 urg 5
                                                    ^^^^^"
    `);
  });

  it('tells what no packet may have', () => {
    expect(
      difference('+.2 > P. 1:5(4) ack 1', { ...sent, flags: tcp.PSH | tcp.ACK, payload: Uint8Array.of(1, 2, 9, 4) }),
    ).toMatchInlineSnapshot(`
      "s.pkt:3: the packet is damaged (byte 2 of the payload is not what was written there)
        script:   +.2 > P. 1:5(4) ack 1
        expected: 0.200000 > P. 1:5(4) ack 1
        actual:   0.200000 > P. 1:5(4) ack 1 win 257"
    `);
    expect(difference('+.2 > . 1:1(0) ack 1', sent, { destination: '192.0.2.9' })).toMatchInlineSnapshot(`
      "s.pkt:3: the packet is damaged (from 192.168.0.1 to 192.0.2.9)
        script:   +.2 > . 1:1(0) ack 1
        expected: 0.200000 > . 1:1(0) ack 1
        actual:   0.200000 > . 1:1(0) ack 1 win 257"
    `);
  });

  it('finds wrong checksums of every layer', () => {
    const damage = (at: number): string => {
      const { failures } = run(`${OPEN}+0 > . 1:1(0) ack 1`, {
        onFrame: (_, host) => {
          host.sendTcp({ flags: SYN_ACK, acknowledgment: 1, options: { mss: 1460 } });
          host.sendTcp(sent);
          // The last frame that was queued is damaged on its way.
          const frames: { bytes: Uint8Array; timeNs: number }[] = [];
          for (let frame = host.takeTransmitted(); frame !== null; frame = host.takeTransmitted()) frames.push(frame);
          const last = frames.at(-1)?.bytes as Uint8Array;
          last[at] = (last[at] as number) ^ 0x10;
          for (const frame of frames) host.sendBytes(frame.bytes);
        },
      });
      return failures[0]?.message ?? 'none';
    };
    expect(damage(14 + ipv4.CHECKSUM_AT)).toBe('the packet is damaged (IP: bad checksum)');
    expect(damage(34 + tcp.CHECKSUM_AT)).toBe('the packet is damaged (TCP: bad checksum)');
    expect(damage(34 + tcp.SEQUENCE_AT)).toContain('TCP: bad checksum');
    expect(damage(34 + tcp.DATA_OFFSET_AT)).toContain('TCP: bad header length');
    expect(damage(14)).toContain('IP: bad version');
  });

  it('is a packet that does not come, or something else altogether', () => {
    expect(run(`${OPEN}+.2 > . 1:1(0) ack 1`, answering()).failures[0]?.text).toMatchInlineSnapshot(`
      "s.pkt:3: no packet came until 0.204000
        script:   +.2 > . 1:1(0) ack 1
        expected: 0.200000 > . 1:1(0) ack 1"
    `);
    const udp: Behaviour = answering((host) => host.send({ udp: { sourcePort: 1, destinationPort: 2 } }));
    expect(run(`${OPEN}+0 > . 1:1(0) ack 1`, udp).failures[0]?.text).toMatchInlineSnapshot(`
      "s.pkt:3: another packet came than expected: protocol
        script:   +0 > . 1:1(0) ack 1
        expected: 0.000000 > . 1:1(0) ack 1
        actual:   0.000000 > udp 1 > 2 (0)
                             ^^^"
    `);
  });
});

describe('times', () => {
  const sending = (...seconds: number[]): Behaviour =>
    answering((host) => {
      for (const at of seconds) host.at(at, () => host.sendTcp({ flags: tcp.ACK, sequence: 1, acknowledgment: 1 }));
    });
  const ACK = '> . 1:1(0) ack 1';

  it('are met within the tolerance', () => {
    expect(run(`${OPEN}+.2 ${ACK}`, sending(0.196)).ok).toBe(true);
    expect(run(`${OPEN}+.2 ${ACK}`, sending(0.204)).ok).toBe(true);
    expect(run(`${OPEN}+.2 ${ACK}`, sending(0.1959)).ok).toBe(false);
    expect(run(`${OPEN}+.2 ${ACK}`, sending(0.2041)).ok).toBe(false);
    expect(run(`--tolerance_usecs=0 ${OPEN}+.2 ${ACK}`, sending(0.2)).ok).toBe(true);
    expect(run(`--tolerance_usecs=0 ${OPEN}+.2 ${ACK}`, sending(0.200001)).ok).toBe(false);
    expect(run(`--tolerance_percent=10 ${OPEN}+1 ${ACK}`, sending(1.1)).ok).toBe(true);
    expect(run(`--tolerance_percent=10 ${OPEN}+1 ${ACK}`, sending(1.11)).ok).toBe(false);
  });

  it('count from the packet before, when that came at any time', () => {
    expect(
      run(`${OPEN}* ${ACK}\n+.1 ${ACK}\n+.1~+.3 ${ACK}\n+.1 ${ACK}`, sending(3.3, 3.4, 3.65, 3.75)).failures,
    ).toEqual([]);
    expect(run(`${OPEN}0.5 ${ACK}\n0.7~0.9 ${ACK}`, sending(0.5, 0.9)).failures).toEqual([]);
  });

  it('of packets that are injected one after the other keep their distance', () => {
    const { trace } = run(`0 < . 1:1(0) win 1\n+.1 < . 1:1(0) win 1\n+.1 < . 1:1(0) win 1\n0.5 < . 1:1(0) win 1`, {});
    expect(trace.map((line) => line.split(' ')[0])).toEqual(['0.000000', '0.100000', '0.200000', '0.500000']);
  });

  it('that are over make an event late', () => {
    const { failures } = run(`${OPEN}* ${ACK}\n0.5 < . 1:1(0) win 1`, sending(0.6));
    expect(failures[0]).toMatchObject({
      kind: 'time',
      line: 4,
      message: 'the event is late: at 0.600000 rather than at 0.500000',
    });
  });
});

describe('segments', () => {
  const pieces = (...lengths: number[]): Behaviour =>
    answering((host) => {
      let at = 1;
      for (const length of lengths) {
        const sequence = at;
        const flags = length === lengths.at(-1) ? tcp.PSH | tcp.ACK : tcp.ACK;
        host.at(0.1, () => host.sendTcp({ flags, sequence, acknowledgment: 1, payload: stream(sequence, length) }));
        at += length;
      }
    });

  it('that add up to the one expected are it, unless segments are strict', () => {
    const script = `${OPEN}+.1 > P. 1:31(30) ack 1`;
    expect(run(script, pieces(10, 11, 9)).failures).toEqual([]);
    expect(run(`--strict_segments ${script}`, pieces(10, 11, 9)).failures[0]?.actual).toBe(
      '0.100000 > . 1:11(10) ack 1 win 1000',
    );
    expect(run(script, pieces(10, 11, 8)).failures[0]?.actual).toBe('0.100000 > P. 1:30(29) ack 1 win 1000');
    expect(run(script, pieces(10, 25)).failures[0]?.actual).toBe('0.100000 > P. 1:36(35) ack 1 win 1000');
  });

  it('must follow one another', () => {
    const { failures } = run(`${OPEN}+.1 > P. 1:31(30) ack 1`, {
      onFrame: (_, host) => {
        host.sendTcp({ flags: SYN_ACK, acknowledgment: 1, options: { mss: 1460 } });
        for (const sequence of [1, 16]) {
          host.at(0.1, () => host.sendTcp({ sequence, acknowledgment: 1, payload: stream(sequence, 10) }));
        }
      },
    });
    expect(failures[0]?.actual).toBe('0.100000 > . 16:26(10) ack 1 win 1000');
  });
});

describe('packets that nobody expects', () => {
  const extra: Behaviour = answering((host) => host.at(0.1, () => host.sendTcp({ sequence: 1, acknowledgment: 1 })));

  it('are told, and a failure if so wanted', () => {
    const script = `${OPEN}+.2 < . 1:1(0) ack 1 win 5`;
    expect(run(script, extra)).toMatchObject({ ok: true, leftovers: ['0.100000 > . 1:1(0) ack 1 win 1000'] });
    expect(run(script, extra, { leftovers: 'fail' }).failures[0]?.text).toMatchInlineSnapshot(`
      "s.pkt:3: a packet came that no line expects
        script:   +.2 < . 1:1(0) ack 1 win 5
        actual:   0.100000 > . 1:1(0) ack 1 win 1000"
    `);
  });

  it('of the interface are not seen: ARP is answered, in both directions nothing else happens', () => {
    const { ok, host } = run('0 < . 1:1(0) win 1\n+.1 > R 0:0(0)', {
      onFrame: (frame, fake) => {
        if (frame.tcp !== undefined) {
          fake.send({
            arp: { senderMac: '02:fa:4e:00:00:01', senderAddress: '192.168.0.1', targetAddress: '192.168.0.2' },
          });
          fake.send({
            arp: { senderMac: '02:fa:4e:00:00:01', senderAddress: '192.168.0.1', targetAddress: '192.168.0.9' },
          });
        }
        if (frame.arp !== undefined) {
          expect(frame.arp).toMatchObject({
            operation: 2,
            senderMac: '02:70:64:00:00:01',
            senderAddress: '192.168.0.2',
          });
          fake.at(0.1, () => fake.send({ tcp: { sourcePort: 8080, destinationPort: 40_000, flags: tcp.RST } }));
        }
      },
    });
    expect(host.injected).toHaveLength(2);
    expect(ok).toBe(true);
  });

  it('whatever they are, are no exception', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 90 }), { maxLength: 4 }), (frames) => {
        const behaviour = answering((host) => {
          for (const bytes of frames) host.sendBytes(bytes);
        });
        expect(run(`${OPEN}+0 > . 1:1(0) ack 1`, behaviour).ok).toBe(false);
      }),
      { seed: 30, numRuns: 300 },
    );
  });

  it('are no exception when they are nearly right', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(255), fc.nat(80), (at, value, cut) => {
        const behaviour = answering((host) => {
          host.sendTcp({ sequence: 1, acknowledgment: 1, options: { sack: [[1, 2]] }, payload: stream(1, 20) });
          const frames: Uint8Array[] = [];
          for (let frame = host.takeTransmitted(); frame !== null; frame = host.takeTransmitted())
            frames.push(frame.bytes);
          const last = frames.pop() as Uint8Array;
          last[at % last.length] = value;
          for (const bytes of [...frames, last.slice(0, last.length - (cut % 5) * 16)]) host.sendBytes(bytes);
        });
        const { failures } = run(`${OPEN}+0 > . 1:21(20) ack 1 <...>`, behaviour);
        expect(failures.length).toBeLessThan(2);
      }),
      { seed: 31, numRuns: 500 },
    );
  });
});

describe('datagrams and messages', () => {
  it('of UDP go to the bound port', () => {
    const { failures, host } = run('--bind_port=53\n0 < udp (3)\n+0 > udp (5)\n+0 > udp (6)', {
      onFrame: (frame, fake) => {
        const back = { sourcePort: 53, destinationPort: frame.udp?.sourcePort ?? 0 };
        fake.send({ udp: { ...back, payload: new Uint8Array(5) } });
        fake.send({ udp: { ...back, payload: new Uint8Array(5) } });
      },
    });
    expect(failures.map((failure) => failure.text)).toMatchInlineSnapshot(`
      [
        "s.pkt:4: another packet came than expected: length
        script:   +0 > udp (6)
        expected: 0.000000 > udp (6)
        actual:   0.000000 > udp (5)
                                 ^^^",
      ]
    `);
    expect(host.injected).toHaveLength(1);
  });

  it('of ICMP quote what the stack sent, and are read by what they quote', () => {
    const { failures, host } = run(
      `${OPEN}+0 < icmp unreachable frag_needed mtu 1200 [1:1001(1000)]
       +0 > icmp unreachable port_unreachable [1:101(100)]
       +0 < icmp echo_request id 5 [raw (8)]
       +0 > icmp echo_reply id 6 [raw (8)]`,
      {
        onFrame: (frame, fake) => {
          if (frame.tcp !== undefined) fake.sendTcp({ flags: SYN_ACK, acknowledgment: 1, options: { mss: 1460 } });
          if (frame.icmp?.type === 3) {
            const quoted = tcp.encode({
              sourcePort: 40_000,
              destinationPort: 8080,
              sequence: REMOTE_ISN + 1,
              payload: new Uint8Array(100),
            });
            const body = ipv4.encode({ source: '192.0.2.1', destination: '192.168.0.1', protocol: 6, payload: quoted });
            fake.send({ icmp: { type: 3, code: 3, rest: 0, body: body.slice(0, 60) } });
          }
          if (frame.icmp?.type === 8)
            fake.send({ icmp: { type: 0, code: 0, rest: frame.icmp.rest, body: frame.icmp.body } });
        },
      },
    );
    expect(failures.map((failure) => failure.text)).toMatchInlineSnapshot(`
      [
        "s.pkt:6: another packet came than expected: id
        script:   +0 > icmp echo_reply id 6 [raw (8)]
        expected: 0.000000 > icmp echo_reply id 6 [raw (8)]
        actual:   0.000000 > icmp echo_reply id 5 [raw (8)]
                                             ^^^^",
      ]
    `);
    const message = host.injected[1] as Uint8Array;
    const view = new DataView(message.buffer);
    expect(checksumView(view, 34, message.length - 34)).toBe(0xffff);
    expect(view.getUint16(40)).toBe(1200);
    expect(ipv4.totalLength(view, 42)).toBe(1040);
    expect([tcp.sourcePort(view, 62), tcp.destinationPort(view, 62), tcp.sequence(view, 62)]).toEqual([
      8080,
      40_000,
      (LOCAL_ISN + 1) % 2 ** 32,
    ]);
  });

  it('that cannot be are said to be so', () => {
    expect(run('0 < icmp unreachable [udp (1)]', {}).failures[0]?.message).toBe(
      'the packet cannot be injected: there is no udp connection that the message could speak of',
    );
    expect(run('0 < . 1:1501(1500) win 1', {}).failures[0]?.message).toBe(
      'the packet cannot be injected: it has 1540 bytes, more than the MTU of 1500',
    );
    expect(run('--mss=1000\n0 < . 1:9001(9000) win 1', {}).ok).toBe(true);
  });
});
