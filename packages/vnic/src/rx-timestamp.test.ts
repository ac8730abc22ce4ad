import { tcp } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { cardUp, type UpFixture } from '../test/card-fixture.ts';
import { pattern, tcpFrame, udpFrame } from '../test/frames.ts';

const HOUR_NS = 3600e9;

function stampsOf(card: UpFixture, ...frames: Uint8Array[]): (number | undefined)[][] {
  for (const frame of frames) card.port.push(frame);
  card.driver.settle();
  return card.rx[0].pollAll().map((packet) => packet.completions.map((completion) => completion.timestamp));
}

const segment = (sequence: number, flags: number = tcp.ACK): Uint8Array =>
  tcpFrame({ sourcePort: 40000, sequence, acknowledgment: 1, flags, window: 100, payload: pattern(1000) });

describe('time stamps of received packets', () => {
  it('are the low 32 bits of the clock, on every completion', () => {
    const card = cardUp({ nicTimestamp: true }, { packetBufferBytes: 1024 });
    card.host.clock.advance(HOUR_NS + 1234.5);
    const now = Math.floor(card.host.clock.nowNs) % 2 ** 32;
    expect(stampsOf(card, udpFrame(pattern(1200)))).toEqual([[now, now]]);
    card.host.clock.advance(77);
    expect(stampsOf(card, udpFrame(pattern(20)))).toEqual([[now + 77]]);
  });

  it('are not there on a card that does not offer its clock', () => {
    const card = cardUp();
    card.host.clock.advance(HOUR_NS);
    expect(stampsOf(card, udpFrame(pattern(20)))).toEqual([[undefined]]);
  });

  it('of a merged packet are those of its last segment, also when something else ends it', () => {
    const card = cardUp({ nicTimestamp: true, mtu: 1600 }, { packetBufferBytes: 4096, enableRsc: true });
    const clock = card.host.clock;
    // One unit of work each time: the link has more to come, so the packet stays open.
    const took = (frames: readonly Uint8Array[]): number[] => {
      for (const frame of frames) card.port.push(frame);
      return frames.map(() => {
        clock.advance(5000);
        card.nic.run(1);
        return clock.nowNs;
      });
    };
    const [, second, other] = took([segment(1000), segment(2000), udpFrame(pattern(20)), udpFrame(pattern(20))]);
    card.driver.settle();
    const stamps = card.rx[0].pollAll().map((packet) => packet.completions.map(({ timestamp }) => timestamp));
    expect(stamps.slice(0, 2)).toEqual([[second], [other]]);
  });
});
