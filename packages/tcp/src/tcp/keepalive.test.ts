import { regionOf } from '@netmem/region';
import { ECONNREFUSED, EINVAL, ETIMEDOUT } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { ACK, type Established, FIN, RST, ScriptedPeer } from '../../test/scripted-peer.ts';
import { pattern, TwoHosts } from '../../test/two-hosts.ts';
import { keepaliveTimeMs, setKeepalive, setKeepcnt, setKeepidle, setKeepintvl } from './keepalive.ts';
import { TCP_CLOSE, TCP_ESTABLISHED } from './tcp-states.ts';

/** A connection that asks after ten seconds, every two, three times. */
function watched(): { peer: ScriptedPeer } & Established {
  const peer = new ScriptedPeer();
  const established = peer.establish();
  const { sock } = established;
  expect([setKeepidle(sock, 10), setKeepintvl(sock, 2), setKeepcnt(sock, 3)]).toEqual([0, 0, 0]);
  setKeepalive(sock, true);
  return { peer, ...established };
}

describe('keepalive', () => {
  it('asks with an old sequence number and no data, and counts it', () => {
    const { peer, ack, sock } = watched();
    peer.pass(9.9e9);
    expect(peer.take()).toEqual([]);
    peer.pass(0.2e9);
    expect(peer.takeOne()).toMatchObject({ flags: ACK, sequence: ack - 1, payload: new Uint8Array() });
    expect(peer.stack.stats).toMatchObject({ TcpExtTCPKeepAlive: 1, TcpExtTCPWinProbe: 0 });
    expect(sock.info().probes).toBe(1);
    sock.close(0);
  });

  it('gives up with RST and ETIMEDOUT, and tells', () => {
    const { peer, sock } = watched();
    let told = 0;
    sock.listener = {
      readable: () => {},
      writable: () => {},
      stateChanged: () => told++,
      destroyed: () => {},
    };
    peer.pass(15.9e9);
    expect(peer.take().map(({ flags }) => flags)).toEqual([ACK, ACK, ACK]);
    peer.pass(0.2e9);
    expect(peer.takeOne().flags).toBe(RST | ACK);
    expect([sock.state, told]).toEqual([TCP_CLOSE, 1]);
    expect(sock.takeError()).toBe(-ETIMEDOUT);
    expect(peer.stack.stats).toMatchObject({ TcpExtTCPAbortOnTimeout: 1, TcpOutRsts: 1 });
    sock.close();
    expect(peer.stack.audit()).toEqual([]);
  });

  it('gives the reason of an ICMP error that came meanwhile', () => {
    const { peer, sock } = watched();
    peer.pass(11e9);
    sock.errorSoft = ECONNREFUSED;
    peer.pass(6e9);
    expect(sock.takeError()).toBe(-ECONNREFUSED);
    sock.close();
  });

  it('is off until it is asked for, and can be turned off', () => {
    const peer = new ScriptedPeer();
    const { sock } = peer.establish();
    peer.pass(8000e9);
    expect(peer.take()).toEqual([]);
    setKeepalive(sock, true);
    setKeepidle(sock, 5);
    setKeepalive(sock, false);
    peer.pass(100e9);
    expect(peer.take()).toEqual([]);
    // Turned on again the silence counts from the last sign of life, which is long ago.
    setKeepalive(sock, true);
    peer.pass(5.1e9);
    expect(peer.take().length).toBe(1);
    sock.close(0);
  });

  it('by default after two hours, every 75 seconds, nine times', () => {
    const peer = new ScriptedPeer();
    const { sock } = peer.establish();
    setKeepalive(sock, true);
    expect(keepaliveTimeMs(sock)).toBe(7_200_000);
    peer.pass(7200e9 + 8 * 75e9 + 1e9);
    expect(peer.take().length).toBe(9);
    peer.pass(75e9);
    expect(peer.takeOne().flags & RST).toBe(RST);
    sock.close();
  });

  it('a shorter TCP_KEEPIDLE counts the silence so far', () => {
    const { peer, sock } = watched();
    peer.pass(7e9);
    expect(setKeepidle(sock, 3)).toBe(0);
    peer.pass(0.1e9);
    expect(peer.take().length).toBe(1);
    sock.close(0);
  });

  it('takes times and counts in their ranges only', () => {
    const { sock } = watched();
    for (const value of [0, -1, 32_768]) {
      expect([setKeepidle(sock, value), setKeepintvl(sock, value)]).toEqual([-EINVAL, -EINVAL]);
    }
    for (const value of [0, -1, 128]) expect(setKeepcnt(sock, value)).toBe(-EINVAL);
    expect([setKeepidle(sock, 32_767), setKeepintvl(sock, 32_767), setKeepcnt(sock, 127)]).toEqual([0, 0, 0]);
    sock.close(0);
  });

  it('does not ask while data are out; when they are acknowledged it waits a whole time', () => {
    const { peer, sock, seq, ack } = watched();
    peer.pass(9.95e9);
    sock.sendFrom(regionOf(pattern(10)), 0, 10, 0);
    peer.pass(0.1e9);
    expect(peer.take().map(({ payload }) => payload.length)).toEqual([10]);
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 10 });
    peer.pass(9.8e9);
    expect(peer.take()).toEqual([]);
    peer.pass(0.3e9);
    expect(peer.take().length).toBe(1);
    sock.close(0);
  });

  it('goes on for a half-closed connection, and leaves FIN_WAIT2 of an orphan to its own time', () => {
    const { peer, sock, seq, ack } = watched();
    sock.close();
    expect(peer.takeOne().flags & FIN).toBe(FIN);
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 1 });
    peer.pass(30e9);
    expect(peer.take()).toEqual([]);
    peer.pass(100e9);
    expect(peer.stack.audit()).toEqual([]);
  });

  it('set before connect, begins with the connection', () => {
    const hosts = new TwoHosts();
    const { client, server } = hosts.connect({
      tune: (c) => {
        setKeepalive(c, true);
        setKeepidle(c, 20);
      },
    });
    hosts.pass(100e9);
    // After 20 s; then the timer runs for the interval, 75 s, whatever the answer.
    expect(hosts.a.stack.stats.TcpExtTCPKeepAlive).toBe(2);
    expect(hosts.b.stack.stats.TcpExtTCPKeepAlive).toBe(0);
    expect([client.state, server.state]).toEqual([TCP_ESTABLISHED, TCP_ESTABLISHED]);
    // Each was answered.
    expect(client.info().probes).toBe(0);
    client.close();
    server.close();
    expect(hosts.audit()).toEqual([]);
  });

  it('points to urgent data too', () => {
    const { peer, sock, seq, ack } = watched();
    sock.sendFrom(regionOf(pattern(1)), 0, 1, 1);
    peer.send({ flags: ACK, sequence: seq, acknowledgment: ack + 1 });
    peer.take();
    sock.sndUp = (sock.sndUna + 1) | 0;
    peer.pass(10.1e9);
    expect(peer.take().map(({ sequence }) => (sequence - ack) | 0)).toEqual([1, 0]);
    sock.close(0);
  });
});
