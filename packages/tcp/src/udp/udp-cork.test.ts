import { type Region, regionOf } from '@netmem/region';
import { AF_INET, ECONNREFUSED, EMSGSIZE, EPIPE, MSG_MORE, SHUT_WR } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { pattern, TwoHosts } from '../../test/two-hosts.ts';
import { InetAddress } from '../stack/inet-address.ts';
import { UdpSock } from './udp-sock.ts';

const whole = (length: number): Region => regionOf(pattern(length));

/** A socket that sends to another host's, and what arrives there. */
function pair(): {
  hosts: TwoHosts;
  out: UdpSock;
  send: (length: number, flags?: number) => number;
  sizes: () => number[];
} {
  const hosts = new TwoHosts();
  const out = UdpSock.create(hosts.a.stack, AF_INET);
  const into = UdpSock.create(hosts.b.stack, AF_INET);
  expect(into.bind(InetAddress.any(AF_INET), 7000)).toBe(0);
  expect(out.connect(hosts.b.address, 7000)).toBe(0);
  const sizes = (): number[] => {
    hosts.pass(1e6);
    const found: number[] = [];
    for (let skb = into.dequeue(); skb !== null; skb = into.dequeue()) {
      found.push(skb.len);
      into.consume(skb);
    }
    return found;
  };
  return { hosts, out, send: (length, flags = 0) => out.sendFrom(whole(length), 0, length, flags, null, 0), sizes };
}

describe('MSG_MORE', () => {
  it('gathers one datagram, whose bytes are those of the pieces', () => {
    const { hosts, out, sizes } = pair();
    const bytes = pattern(1200);
    const piece = (from: number, to: number, flags: number): number =>
      out.sendFrom(regionOf(bytes), from, to - from, flags, null, 0);
    const frames: Uint8Array[] = [];
    hosts.judge = (frame) => {
      frames.push(frame);
      return null;
    };
    expect([piece(0, 100, MSG_MORE), piece(100, 900, MSG_MORE), piece(900, 1200, 0)]).toEqual([100, 800, 300]);
    expect(sizes()).toEqual([1200]);
    expect(frames.length).toBe(1);
    expect(frames[0].subarray(42)).toEqual(bytes);
    out.close();
  });

  it('goes where the first piece said', () => {
    const { hosts, out, send, sizes } = pair();
    send(10, MSG_MORE);
    expect(out.sendFrom(whole(5), 0, 5, 0, hosts.b.address, 9)).toBe(5);
    expect(sizes()).toEqual([15]);
    out.close();
  });

  it('what becomes longer than the path allows is forgotten', () => {
    const { out, send, sizes } = pair();
    expect(send(1000, MSG_MORE)).toBe(1000);
    expect(send(473, MSG_MORE)).toBe(-EMSGSIZE);
    expect(send(7)).toBe(7);
    expect(sizes()).toEqual([7]);
    out.close();
  });

  it('begins only where a send could', () => {
    const { out, send, sizes } = pair();
    out.error = ECONNREFUSED;
    expect(send(1, MSG_MORE)).toBe(-ECONNREFUSED);
    out.shutdown(SHUT_WR);
    expect(send(1, MSG_MORE)).toBe(-EPIPE);
    expect(out.pushPending()).toBe(0);
    expect(sizes()).toEqual([]);
    out.close();
  });
});

describe('UDP_CORK', () => {
  it('gathers until it is turned off, and close forgets', () => {
    const { hosts, out, send, sizes } = pair();
    out.cork = true;
    send(3);
    send(4);
    expect(sizes()).toEqual([]);
    out.cork = false;
    expect(out.pushPending()).toBe(7);
    expect(sizes()).toEqual([7]);
    out.cork = true;
    send(5);
    out.close();
    expect(sizes()).toEqual([]);
    expect(hosts.a.network.skbs.inUse).toBe(0);
  });
});
