import { AF_INET, ENOENT } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { ScriptedPeer } from '../../test/scripted-peer.ts';
import { setCongestionControl } from './congestion-algorithms.ts';
import { TcpSock } from './tcp-sock.ts';

const nameOf = (sock: TcpSock): string => sock.cong.control.name;

describe('the default, net.ipv4.tcp_congestion_control', () => {
  it('is CUBIC, and what it is set to for sockets made afterwards', () => {
    const { stack } = new ScriptedPeer();
    const before = TcpSock.create(stack, AF_INET);
    stack.sysctl.tcpCongestionControl = 'reno';
    const after = TcpSock.create(stack, AF_INET);
    expect([nameOf(before), nameOf(after)]).toEqual(['cubic', 'reno']);
    before.close();
    after.close();
  });

  it('refuses what there is not, and stays', () => {
    const { sysctl } = new ScriptedPeer().stack;
    expect(() => {
      sysctl.tcpCongestionControl = 'bbr';
    }).toThrow(expect.objectContaining({ code: 'ENOENT', errno: ENOENT, syscall: 'write' }));
    expect(sysctl.tcpCongestionControl).toBe('cubic');
  });

  it('can be every one of tcp_available_congestion_control', () => {
    const { stack } = new ScriptedPeer();
    for (const name of stack.sysctl.tcpAvailableCongestionControl) {
      stack.sysctl.tcpCongestionControl = name;
      const sock = TcpSock.create(stack, AF_INET);
      expect(nameOf(sock)).toBe(name);
      sock.close();
    }
  });
});

describe('setCongestionControl', () => {
  it('changes a running connection, whose new algorithm starts from nothing', () => {
    const { sock } = new ScriptedPeer().establish();
    const first = sock.cong.control;
    expect(setCongestionControl(sock, 'cubic')).toBe(0);
    expect(sock.cong.control).toBe(first);
    expect(setCongestionControl(sock, 'reno')).toBe(0);
    expect(nameOf(sock)).toBe('reno');
    expect(setCongestionControl(sock, 'cubic')).toBe(0);
    expect(sock.cong.control).not.toBe(first);
    expect(setCongestionControl(sock, 'Cubic')).toBe(-ENOENT);
    expect(nameOf(sock)).toBe('cubic');
  });

  it('of a listener is for its connections; without it they get the default of their time', () => {
    const peer = new ScriptedPeer();
    const plain = peer.listen();
    peer.stack.sysctl.tcpCongestionControl = 'reno';
    const first = peer.establish({ listener: plain });
    expect([nameOf(plain), nameOf(first.sock)]).toEqual(['cubic', 'reno']);
    setCongestionControl(plain, 'cubic');
    peer.peerPort++;
    const second = peer.establish({ listener: plain });
    expect(nameOf(second.sock)).toBe('cubic');
    plain.close();
  });
});
