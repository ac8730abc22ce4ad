import { AF_INET6 } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { pattern, TwoHosts, transfer } from '../../test/two-hosts.ts';

describe('a connection between two hosts', () => {
  it('opens, carries bytes both ways, and closes without a trace', () => {
    const hosts = new TwoHosts();
    const { client, server } = hosts.connect();
    const there = pattern(300_000);
    expect(transfer(hosts, client, server, there)).toEqual(there);
    const back = pattern(200_000, 7);
    expect(transfer(hosts, server, client, back)).toEqual(back);
    client.close();
    server.close();
    expect(hosts.audit()).toEqual([]);
  });

  it('does the same over IPv6', () => {
    const hosts = new TwoHosts();
    const { client, server } = hosts.connect({ family: AF_INET6 });
    const there = pattern(300_000);
    expect(transfer(hosts, client, server, there)).toEqual(there);
    client.close();
    server.close();
    expect(hosts.audit()).toEqual([]);
  });
});
