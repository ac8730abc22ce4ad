import { regionOf } from '@netmem/region';
import { EAGAIN } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { ACK, type Established, ScriptedPeer } from '../../test/scripted-peer.ts';
import { pattern } from '../../test/two-hosts.ts';

/** A connection whose peer takes 4000 bytes, with plenty of room for more. */
function narrow(lowat: number): { peer: ScriptedPeer; write: (length: number) => number } & Established {
  const peer = new ScriptedPeer();
  const established = peer.establish({ options: { mss: 1000 }, window: 4000 });
  const { sock } = established;
  sock.sndbuf = 1 << 20;
  sock.notsentLowat = lowat;
  const write = (length: number): number => sock.sendFrom(regionOf(pattern(length)), 0, length, 0);
  return { peer, write, ...established };
}

describe('TCP_NOTSENT_LOWAT', () => {
  it('takes no more once so much waits to be sent', () => {
    const { write, sock } = narrow(10_000);
    expect(write(4000)).toBe(4000);
    let taken = 0;
    for (let n = write(2000); n > 0; n = write(2000)) taken += n;
    expect(write(2000)).toBe(-EAGAIN);
    expect(taken).toBeGreaterThanOrEqual(10_000);
    expect(sock.info().notsentBytes).toBeLessThan(80_000);
    expect(sock.writeable).toBe(false);
    sock.close(0);
  });

  it('is writable again when no more than half of it waits, and says so', () => {
    const { peer, write, sock, seq, ack } = narrow(6000);
    let told = 0;
    sock.listener = {
      readable: () => {},
      writable: () => told++,
      stateChanged: () => {},
      destroyed: () => {},
    };
    write(4000);
    write(6000);
    expect(sock.writeable).toBe(false);
    // 4000 of the 6000 may leave.
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 2000, window: 4000 });
    expect([told, sock.writeable]).toEqual([0, false]);
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 4000, window: 4000 });
    expect([told, sock.writeable]).toEqual([1, true]);
    sock.close(0);
  });

  it('by default is net.ipv4.tcp_notsent_lowat, which is no limit', () => {
    const { peer, write, sock } = narrow(0);
    write(100_000);
    expect(sock.writeable).toBe(true);
    peer.stack.sysctl.tcpNotsentLowat = 16_384;
    expect(sock.writeable).toBe(false);
    // As a u32: -1 is without limit too.
    sock.notsentLowat = -1;
    expect(sock.writeable).toBe(true);
    sock.close(0);
  });
});
