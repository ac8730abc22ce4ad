import { composeFrame } from '@netmem/wire';
import { describe, expect, it } from 'vitest';
import { headerBytesToPull } from './rx-header.ts';

const ipv4 = { source: '10.0.0.1', destination: '10.0.0.2' };
const payload = new Uint8Array(300);

describe('headerBytesToPull', () => {
  it.each<[string, Parameters<typeof composeFrame>[0], number]>([
    ['TCP', { ipv4, tcp: { payload } }, 54],
    ['TCP with options', { ipv4, tcp: { payload, options: { timestamp: { value: 1, echo: 2 } } } }, 66],
    ['UDP over IPv6', { ipv6: { source: 'fd00::1', destination: 'fd00::2' }, udp: { payload } }, 62],
    ['ARP', { arp: {} }, 14],
  ])('%s', (_, layers, headers) => {
    const frame = composeFrame(layers);
    expect(headerBytesToPull(new DataView(frame.buffer), 0, frame.length, true, 448)).toBe(headers);
  });

  it('is bounded by what is there and by the room', () => {
    const frame = composeFrame({ ipv4, tcp: { payload } });
    const view = new DataView(frame.buffer);
    expect(headerBytesToPull(view, 0, frame.length, true, 30)).toBe(30);
    expect(headerBytesToPull(view, 0, 9, true, 448)).toBe(9);
  });

  it('believes the lengths of a packet of which only the first buffer is here', () => {
    const frame = composeFrame({ ipv4, tcp: { payload } });
    const view = new DataView(frame.buffer);
    expect(headerBytesToPull(view, 0, 200, true, 448)).toBe(14);
    expect(headerBytesToPull(view, 0, 200, false, 448)).toBe(54);
  });
});
