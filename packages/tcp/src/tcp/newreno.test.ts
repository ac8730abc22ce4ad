import { describe, expect, it } from 'vitest';
import {
  NewReno,
  TCP_CA_CWR,
  TCP_CA_LOSS,
  TCP_CA_OPEN,
  TCP_CA_RECOVERY,
  TCP_INFINITE_SSTHRESH,
  TCP_INIT_CWND,
} from './newreno.ts';

function limited(): NewReno {
  const reno = new NewReno();
  reno.cwndLimited = true;
  return reno;
}

describe('NewReno', () => {
  it('starts with ten segments and no threshold (RFC 6928)', () => {
    const reno = new NewReno();
    expect([reno.cwnd, reno.ssthresh, reno.state]).toEqual([TCP_INIT_CWND, TCP_INFINITE_SSTHRESH, TCP_CA_OPEN]);
  });

  it('slow start: one more for each acknowledged, exactly to the threshold', () => {
    const reno = limited();
    reno.ssthresh = 25;
    reno.onAcked(10);
    expect(reno.cwnd).toBe(20);
    reno.onAcked(10);
    // Five to the threshold, five count for congestion avoidance.
    expect([reno.cwnd, reno.cwndCnt]).toEqual([25, 5]);
  });

  it('congestion avoidance: one more for each window', () => {
    const reno = limited();
    reno.ssthresh = 10;
    for (let i = 0; i < 10; i++) reno.onAcked(1);
    expect(reno.cwnd).toBe(11);
    for (let i = 0; i < 11; i++) reno.onAcked(1);
    expect(reno.cwnd).toBe(12);
  });

  it('does not grow while the application is the limit (RFC 7661)', () => {
    const reno = new NewReno();
    reno.validate(false, 3, 0, 3000, 0);
    reno.onAcked(3);
    expect(reno.cwnd).toBe(10);
    reno.validate(true, 10, 0, 10_000, 0);
    reno.onAcked(3);
    expect(reno.cwnd).toBe(13);
  });

  it('recovery: halves the window, by proportional rate reduction (RFC 6937)', () => {
    const reno = limited();
    reno.cwnd = 20;
    reno.initReduction(20_000);
    reno.state = TCP_CA_RECOVERY;
    expect([reno.ssthresh, reno.priorCwnd, reno.highSeq]).toEqual([10, 20, 20_000]);
    let inFlight = 17;
    let sent = 0;
    for (let i = 0; i < 16; i++) {
      inFlight--;
      reno.reduce(1, 0, false, inFlight);
      const may = Math.max(0, reno.cwnd - inFlight);
      reno.prrOut += may;
      inFlight += may;
      sent += may;
    }
    // About every other ACK lets one out, and what is in flight ends near the threshold.
    expect(sent).toBeGreaterThanOrEqual(8);
    expect(sent).toBeLessThanOrEqual(10);
    expect(Math.abs(inFlight - 10)).toBeLessThanOrEqual(1);
    reno.endReduction(0);
    expect(reno.cwnd).toBe(10);
  });

  it('a local drop reduces once', () => {
    const reno = limited();
    reno.enterCwr(5);
    expect([reno.state, reno.ssthresh]).toEqual([TCP_CA_CWR, 5]);
    reno.cwnd = 6;
    reno.enterCwr(9);
    expect([reno.ssthresh, reno.highSeq]).toEqual([5, 5]);
  });

  it('a timeout: one segment; a second in the same window does not halve again', () => {
    const reno = limited();
    reno.cwnd = 40;
    expect(reno.isNewLoss(0, true)).toBe(true);
    reno.enterLoss(40_000, 0, true, 0);
    expect([reno.state, reno.cwnd, reno.ssthresh, reno.priorSsthresh]).toEqual([
      TCP_CA_LOSS,
      1,
      20,
      TCP_INFINITE_SSTHRESH,
    ]);
    expect(reno.isNewLoss(1000, false)).toBe(false);
    reno.enterLoss(40_000, 0, false, 0);
    expect(reno.ssthresh).toBe(20);
    expect(reno.isNewLoss(40_000, false)).toBe(true);
  });

  it('never below two segments', () => {
    const reno = limited();
    reno.cwnd = 1;
    expect(reno.ssthreshAfterLoss()).toBe(2);
  });

  it('after idling: half for every RTO, not below the start', () => {
    const reno = limited();
    reno.cwnd = 80;
    reno.restartAfterIdle(2500, 1000, 0);
    expect([reno.cwnd, reno.ssthresh]).toEqual([20, TCP_INFINITE_SSTHRESH]);
    reno.restartAfterIdle(100_000, 1000, 0);
    expect(reno.cwnd).toBe(10);
  });
});
