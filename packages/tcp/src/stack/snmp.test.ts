import { describe, expect, it } from 'vitest';
import { LoopbackHost } from '../../test/loopback-host.ts';
import { SnmpStats } from './snmp.ts';

describe('SnmpStats', () => {
  it('starts at zero everywhere, with the prefixes that nstat prints', () => {
    const stats = new SnmpStats();
    expect(stats.nonZero()).toEqual({});
    for (const name of Object.keys(stats))
      expect(name).toMatch(/^(?:Ip|Ip6|Icmp|Icmp6|Tcp|Udp|Udp6)[A-Z]|^IpExt|^TcpExt/);
  });

  it('names what was counted, in the order of the table', () => {
    const { stack } = new LoopbackHost();
    stack.stats.TcpExtTCPRcvQDrop = 2;
    stack.stats.IpInReceives = 1;
    expect(Object.entries(stack.stats.nonZero())).toEqual([
      ['IpInReceives', 1],
      ['TcpExtTCPRcvQDrop', 2],
    ]);
  });
});
