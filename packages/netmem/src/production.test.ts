import { describe, expect, it, vi } from 'vitest';

vi.hoisted(() => {
  (globalThis as { __NETMEM_PRODUCTION__?: boolean }).__NETMEM_PRODUCTION__ = true;
});

import { Machine, PAGE_SIZE } from '@netmem/machine';
import { NET_IOV_DMABUF, type NetIovArea, NetmemTable, NULL_NETMEM } from './index.ts';

describe('a production build', () => {
  it('does not look where a development build throws', () => {
    const netmem = new NetmemTable(new Machine({ ramBytes: 16 * PAGE_SIZE, maxIovaPages: 32 }), { maxNetIovs: 4 });
    const owner = { type: NET_IOV_DMABUF, id: 1, get: () => {}, put: () => {} };
    const niov = (netmem.createArea(4, NET_IOV_DMABUF, owner, 0) as NetIovArea).netmem(0);
    expect(netmem.isPp(NULL_NETMEM)).toBe(false);
    expect(netmem.toPageUnchecked(niov)).toBe(niov >>> 1);
    netmem.refNetmem(niov);
    netmem.fragmentNetmem(niov, 5);
    expect(netmem.ppRefCount[niov >>> 1]).toBe(5);
  });

  it('still gives every helper’s result for what is legal', () => {
    const netmem = new NetmemTable(new Machine({ ramBytes: 16 * PAGE_SIZE, maxIovaPages: 32 }), { maxNetIovs: 4 });
    const ref = netmem.pageToNetmem(netmem.allocPages(1, -1));
    expect(netmem.address(ref)).toBe(netmem.pageAddress(netmem.toPage(ref)));
    netmem.put(ref);
    expect(() => netmem.put(ref)).toThrow(/put_page of free page/);
  });
});
