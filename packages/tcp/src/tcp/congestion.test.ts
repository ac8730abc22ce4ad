import { describe, expect, it } from 'vitest';
import {
  Congestion,
  TCP_CA_LOSS,
  TCP_CA_OPEN,
  TCP_CA_RECOVERY,
  TCP_INFINITE_SSTHRESH,
  TCP_INIT_CWND,
} from './congestion.ts';

function limited(): Congestion {
  const cong = new Congestion();
  cong.cwndLimited = true;
  return cong;
}

describe('Congestion', () => {
  it('starts with ten segments and no threshold (RFC 6928)', () => {
    const cong = new Congestion();
    expect([cong.cwnd, cong.ssthresh, cong.state]).toEqual([TCP_INIT_CWND, TCP_INFINITE_SSTHRESH, TCP_CA_OPEN]);
  });

  it('slow start: one more for each acknowledged, exactly to the threshold (Reno)', () => {
    const cong = limited();
    cong.ssthresh = 25;
    cong.control.congAvoid(10);
    expect(cong.cwnd).toBe(20);
    cong.control.congAvoid(10);
    // Five to the threshold, five count for congestion avoidance.
    expect([cong.cwnd, cong.cwndCnt]).toEqual([25, 5]);
  });

  it('congestion avoidance: one more for each window (Reno)', () => {
    const cong = limited();
    cong.ssthresh = 10;
    for (let i = 0; i < 10; i++) cong.control.congAvoid(1);
    expect(cong.cwnd).toBe(11);
    for (let i = 0; i < 11; i++) cong.control.congAvoid(1);
    expect(cong.cwnd).toBe(12);
  });

  it('credits of a time when growth was dearer count for one segment', () => {
    const cong = limited();
    cong.cwndCnt = 90;
    cong.congAvoidAi(20, 25);
    expect([cong.cwnd, cong.cwndCnt]).toEqual([12, 5]);
  });

  it('recovery: halves the window, by proportional rate reduction (RFC 6937)', () => {
    const cong = limited();
    cong.cwnd = 20;
    cong.initReduction(20_000);
    cong.setState(TCP_CA_RECOVERY);
    cong.undoValid = true;
    expect([cong.ssthresh, cong.priorCwnd, cong.highSeq]).toEqual([10, 20, 20_000]);
    let inFlight = 17;
    let sent = 0;
    for (let i = 0; i < 16; i++) {
      inFlight--;
      cong.reduce(1, 0, false, inFlight);
      const may = Math.max(0, cong.cwnd - inFlight);
      cong.prrOut += may;
      inFlight += may;
      sent += may;
    }
    // About every other ACK lets one out, and what is in flight ends near the threshold.
    expect(sent).toBeGreaterThanOrEqual(8);
    expect(sent).toBeLessThanOrEqual(10);
    expect(Math.abs(inFlight - 10)).toBeLessThanOrEqual(1);
    cong.endReduction(0);
    expect(cong.cwnd).toBe(10);
  });

  it('a reduction that was taken back leaves the window alone at its end', () => {
    const cong = limited();
    cong.cwnd = 20;
    cong.initReduction(20_000);
    cong.setState(TCP_CA_RECOVERY);
    cong.undoValid = false;
    cong.endReduction(0);
    expect(cong.cwnd).toBe(20);
  });

  it('a timeout: one segment; a second in the same window does not halve again', () => {
    const cong = limited();
    cong.cwnd = 40;
    expect(cong.isNewLoss(0, true)).toBe(true);
    cong.rememberForUndo();
    cong.enterLoss(40_000, 0, 0);
    expect([cong.state, cong.cwnd, cong.ssthresh, cong.priorSsthresh, cong.priorCwnd]).toEqual([
      TCP_CA_LOSS,
      1,
      20,
      TCP_INFINITE_SSTHRESH,
      40,
    ]);
    expect(cong.isNewLoss(1000, false)).toBe(false);
    expect(cong.isNewLoss(40_000, false)).toBe(true);
  });

  it('never below two segments (Reno)', () => {
    const cong = limited();
    cong.cwnd = 1;
    expect(cong.control.ssthresh()).toBe(2);
  });

  it('after idling: half for every RTO, not below the start', () => {
    const cong = limited();
    cong.cwnd = 80;
    cong.restartAfterIdle(2500, 1000, 0);
    expect([cong.cwnd, cong.ssthresh]).toEqual([20, TCP_INFINITE_SSTHRESH]);
    cong.restartAfterIdle(100_000, 1000, 0);
    expect(cong.cwnd).toBe(10);
  });
});
