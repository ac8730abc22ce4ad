import { describe, expect, it } from 'vitest';
import { ScriptedPeer } from '../../test/scripted-peer.ts';
import { dataReceived } from './ack.ts';
import { AckControl, TCP_ATO_MIN_MS, TCP_MAX_QUICKACKS } from './ack-control.ts';
import { TCPHDR_ACK, TCPHDR_PSH } from './tcp-states.ts';

function control(): AckControl {
  const ack = new AckControl();
  ack.rcvMss = 1000;
  return ack;
}

describe('AckControl', () => {
  it('onData: quick at first, half a window of segments and sixteen at most', () => {
    const ack = control();
    ack.onData(0, 200, 10_000);
    expect([ack.quick, ack.atoMs]).toEqual([5, TCP_ATO_MIN_MS]);
    const wide = control();
    wide.onData(0, 200, 1_000_000);
    expect(wide.quick).toBe(TCP_MAX_QUICKACKS);
    const narrow = control();
    narrow.onData(0, 200, 500);
    expect(narrow.quick).toBe(2);
  });

  it('onData: the interval follows the gaps, not above the RTO; a gap beyond it is quick again', () => {
    const ack = control();
    ack.onData(0, 300, 10_000);
    ack.quick = 0;
    ack.atoMs = 200;
    ack.onData(150, 300, 10_000);
    expect(ack.atoMs).toBe(250);
    ack.onData(390, 300, 10_000);
    expect(ack.atoMs).toBe(300);
    ack.onData(395, 300, 10_000);
    expect(ack.atoMs).toBe(170);
    expect(ack.quick).toBe(0);
    ack.onData(5000, 300, 10_000);
    expect(ack.quick).toBe(5);
  });

  it('leaves quick mode when the budget is spent, and when the talk is interactive', () => {
    const ack = control();
    ack.enterQuick(4000, 16);
    expect(ack.quickMode).toBe(true);
    ack.pingpong = 1;
    expect(ack.quickMode).toBe(false);
    ack.pingpong = 0;
    ack.atoMs = 120;
    ack.spendQuick();
    ack.spendQuick();
    expect([ack.quick, ack.quickMode, ack.atoMs]).toEqual([0, false, TCP_ATO_MIN_MS]);
    ack.spendQuick();
    expect(ack.quick).toBe(0);
  });
});

describe('the estimate of the peer’s MSS', () => {
  it('follows full segments, also when SACK blocks shorten them, and is not misled by short writes', () => {
    const peer = new ScriptedPeer();
    const { sock } = peer.establish({ options: { mss: 1460 } });
    const data = (length: number, flags: number, header: number = 20): number => {
      dataReceived(sock, length, 4096, 0, flags, header, 0);
      return sock.ack.rcvMss;
    };
    expect(data(1460, TCPHDR_ACK)).toBe(1460);
    expect(data(100, TCPHDR_ACK | TCPHDR_PSH)).toBe(1460);
    // Twice the same length with the header counted in: the peer's segments are that long.
    expect(data(1000, TCPHDR_ACK)).toBe(1460);
    expect(data(1000, TCPHDR_ACK)).toBe(1000);
    expect(sock.wnd.scalingRatio).toBe(Math.trunc((1460 * 256) / 4096));
    sock.close();
  });

  it('takes the segment size of an aggregate, not its length', () => {
    const peer = new ScriptedPeer();
    const { sock } = peer.establish({ options: { mss: 1460 } });
    dataReceived(sock, 14_600, 45_000, 1460, TCPHDR_ACK, 20, 0);
    expect(sock.ack.rcvMss).toBe(1460);
    sock.close();
  });
});
