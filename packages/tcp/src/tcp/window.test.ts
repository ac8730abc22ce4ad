import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ScriptedPeer } from '../../test/scripted-peer.ts';
import type { TcpSock } from './tcp-sock.ts';
import {
  computeWindow,
  growWindow,
  measureReceiverRtt,
  ReceiveWindow,
  selectInitialWindow,
  selectWindow,
  setWindowClamp,
  TCP_MAX_WSCALE,
} from './window.ts';

function sock(windowScale: number): TcpSock {
  return new ScriptedPeer().establish({ options: { mss: 1460, windowScale } }).sock;
}

describe('the advertised window', () => {
  it('never goes back, is a multiple of its unit, and fits its field', () => {
    const load = fc.record({ used: fc.nat(200_000), read: fc.boolean(), ahead: fc.nat(5000) });
    fc.assert(
      fc.property(fc.array(load, { maxLength: 40 }), fc.boolean(), (loads, scaled) => {
        const sk = sock(scaled ? 7 : 0);
        let edge = (sk.wnd.rcvWup + sk.wnd.rcvWnd) | 0;
        for (const { used, ahead } of loads) {
          sk.rmemAlloc = used;
          // The peer keeps to what it was offered.
          sk.rcvNxt = (sk.rcvNxt + Math.min(ahead, sk.wnd.remaining(sk.rcvNxt))) | 0;
          const field = selectWindow(sk);
          expect(field).toBeLessThanOrEqual(65535);
          expect(sk.wnd.rcvWnd & ((1 << sk.wnd.rcvWscale) - 1)).toBe(0);
          const next = (sk.rcvNxt + sk.wnd.rcvWnd) | 0;
          expect((next - edge) | 0).toBeGreaterThanOrEqual(0);
          edge = next;
        }
        sk.rmemAlloc = 0;
      }),
      { numRuns: 60, seed: 12 },
    );
  });

  it('is zero rather than silly: less than a segment, or than a sixteenth of the buffer', () => {
    const sk = sock(7);
    sk.wnd.rcvWup = sk.rcvNxt;
    sk.wnd.rcvWnd = 0;
    sk.ack.rcvMss = 1460;
    const window = (free: number): number => {
      sk.rmemAlloc = sk.rcvbuf - Math.ceil((free * 256) / sk.wnd.scalingRatio);
      return computeWindow(sk);
    };
    expect(window(1000)).toBe(0);
    expect(window(3000)).toBe(0);
    expect(window(8000)).toBeGreaterThan(0);
    sk.rmemAlloc = 0;
  });

  it('grows as segments prove worth their memory', () => {
    const sk = sock(7);
    sk.rcvbuf = 1_000_000;
    sk.wnd.clamp = 500_000;
    sk.wnd.ssthresh = 10_000;
    growWindow(sk, 1460, 2000);
    expect(sk.wnd.ssthresh).toBe(10_000 + 2 * sk.advmss);
    const before = sk.wnd.ssthresh;
    growWindow(sk, 200, 400_000);
    expect(sk.wnd.ssthresh).toBe(before);
  });

  it('follows a clamp down at once, and up not beyond what was offered', () => {
    const sk = sock(7);
    const offered = sk.wnd.rcvWnd;
    setWindowClamp(sk, 5000);
    expect([sk.wnd.clamp, sk.wnd.ssthresh]).toEqual([5000, 5000]);
    setWindowClamp(sk, 1_000_000);
    expect([sk.wnd.clamp, sk.wnd.ssthresh]).toEqual([1_000_000, Math.max(5000, offered)]);
  });
});

describe('the window of a SYN', () => {
  it('is whole segments; the scale fits the largest buffer', () => {
    const out = new ReceiveWindow();
    selectInitialWindow(out, 65536, 1460, 0, true, 6291456);
    expect([out.rcvWnd, out.rcvWscale]).toEqual([64240, 7]);
    selectInitialWindow(out, 65536, 1460, 0, false, 6291456);
    expect([out.rcvWnd, out.rcvWscale, out.clamp]).toEqual([64240, 0, 65535]);
    selectInitialWindow(out, 1e9, 1460, 0, true, 2e9);
    expect(out.rcvWscale).toBe(TCP_MAX_WSCALE);
    selectInitialWindow(out, 65536, 1460, 20_000, true, 6291456);
    expect([out.rcvWnd, out.rcvWscale]).toEqual([18_980, 0]);
  });
});

describe('the receiver’s round trip', () => {
  it('measureReceiverRtt counts the time of one window, and only ever takes the lesser', () => {
    const peer = new ScriptedPeer();
    const { sock: sk } = peer.establish({ options: { mss: 1460 } });
    peer.pass(1e6);
    const measure = (ns: number): number => {
      measureReceiverRtt(sk);
      peer.pass(ns);
      sk.rcvNxt = (sk.rcvNxt + sk.wnd.rcvWnd) | 0;
      measureReceiverRtt(sk);
      return sk.wnd.rttUs >> 3;
    };
    expect(measure(30e6)).toBe(30_000);
    expect(measure(90e6)).toBe(30_000);
    expect(measure(10e6)).toBe(10_000);
  });
});
